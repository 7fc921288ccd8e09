"""How to make it all again."""

from vggsearch.analysis import Spending
from vggsearch.report.ablation.findings import Ablation
from vggsearch.report.document import Section
from vggsearch.report.shared import provenance


def repeat(found: Ablation, spent: Spending, command: str) -> Section:
    """Commands for the study, its report and one run; provenance; the study file."""
    judged = found.complete["run"]
    name = str(judged.iloc[0]) if len(judged) else next(iter(found.trials["run"].dropna()), None)
    more = (
        ()
        if name is None
        else (
            f"vggsearch runs show {name} --from reports/{found.study.name}",
            f"vggsearch runs repeat {name}",
        )
    )
    return provenance(found.results, spent, command, more)
