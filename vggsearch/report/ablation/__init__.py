"""The report of an ablation: what was found, and the page that says so."""

from vggsearch.report.ablation.answer import summarize
from vggsearch.report.ablation.findings import Ablation, Finding, find
from vggsearch.report.ablation.page import compose

__all__ = ["Ablation", "Finding", "compose", "find", "summarize"]
