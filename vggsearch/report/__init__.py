"""Reports: tables and figures a person can read, check and publish, every number traceable to its runs."""

from vggsearch.report.shared.summary import ReportSummary
from vggsearch.report.write import summarize_results, write_report

__all__ = ["ReportSummary", "summarize_results", "write_report"]
