from .ablation import find_ablation as find_ablation
from .search import find_search as find_search
from .write import summarize_results as summarize_results, write_report as write_report
