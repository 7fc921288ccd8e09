from .ablation import find_ablation as find_ablation
from .place import report_folder as report_folder
from .search import find_search as find_search
from .write import (
    summarize_results as summarize_results,
    with_pictures as with_pictures,
    write_report as write_report,
)
