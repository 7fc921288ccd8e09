from .headline import summarize_search as summarize_search
from .page import search_report as search_report
from .search_findings import SearchFindings as SearchFindings, find_search as find_search
