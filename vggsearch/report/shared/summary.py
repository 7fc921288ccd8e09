"""What a report says on the terminal."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ReportSummary:
    """The answer of a report in a few lines, without markup."""

    lines: tuple[str, ...]
    """The answer, most important first."""
    path: Path
    """The report's page."""

    @property
    def where(self) -> str:
        """The last line, which names the page."""
        return f"report: {self.path}"

    def __str__(self) -> str:
        return "\n".join((*self.lines, self.where))
