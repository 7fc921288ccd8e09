"""Reports: tables and figures a person can read, check and publish, every number traceable to its runs."""

from vggsearch.report.answer import ReportSummary
from vggsearch.report.page import write_report

__all__ = ["ReportSummary", "write_report"]
