"""Reports: tables and figures a person can read, check and publish, every number traceable to its runs."""

from vggsearch.report.page import summarize_results, write_report
from vggsearch.report.summary import ReportSummary

__all__ = ["ReportSummary", "summarize_results", "write_report"]
