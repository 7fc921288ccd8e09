from .write import summarize_results as summarize_results, write_report as write_report
