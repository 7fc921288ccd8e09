from .headline import summarize_search as summarize_search
from .mistakes import finalist_answers as finalist_answers
from .page import search_report as search_report
from .search_findings import find_search as find_search
