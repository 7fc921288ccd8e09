"""The search against random search."""

from collections.abc import Callable, Iterator, Mapping

import pandas as pd

from vggsearch.analysis import anytime_best, hypervolume_over_trials, luck_of_random, spent
from vggsearch.report.document import (
    Block,
    Figures,
    Table,
    count,
    duration,
    number_column,
    percent,
    remark,
    section,
    si,
    text_column,
)
from vggsearch.report.search.random_search_figures import anytime_figure, hypervolume_figure
from vggsearch.report.search.search_findings import SearchFindings
from vggsearch.report.shared import largest_class

_ALONE = {
    "grid": "A grid visits the space without choosing: random search would be no comparison.",
    "random": "This search is random search: there is nothing to compare it with.",
}
"""By sampler, why a study has no baseline."""


@section("random", "Search against random search")
def random_search_section(findings: SearchFindings) -> Iterator[Block]:
    """The search beside random search at the same budget."""
    stages = {stage: findings.paid(stage) for stage in ("search", "baseline")}
    curves = {stage: anytime_best(trials, findings.by) for stage, trials in stages.items() if len(trials)}
    curves = {stage: curve for stage, curve in curves.items() if len(curve)}
    if not curves:
        yield remark("No run completed.")
        return
    sampler, names = findings.study.sampler, findings.stage_names
    if len(curves) < 2:
        nothing = "The study has no completed random baseline, so this says nothing about the sampler."
        yield remark(_ALONE.get(sampler, nothing))
    is_random = "baseline" if len(stages["baseline"]) else "search" if sampler == "random" else None
    luck = luck_of_random(stages[is_random], findings.by) if is_random else None
    drawings = [anytime_figure(curves, findings.by, names, luck, "90 % of random orders")]
    volumes = _hypervolumes(findings, {stage: stages[stage] for stage in curves})
    if volumes and max(float(curve["hypervolume"].max()) for curve in volumes.values()) > 0:
        drawings.append(hypervolume_figure(volumes, names, _reference(findings)))
    yield Figures(tuple(drawings))
    ends = {stage: float(curve["hypervolume"].iloc[-1]) for stage, curve in volumes.items()}
    yield _comparison_table(findings, ends)


def _comparison_table(findings: SearchFindings, hypervolumes: dict[str, float]) -> Table:
    """What the search and random search cost, and what they found."""
    rows, by = [], findings.by
    for stage in ("search", "baseline"):
        trials, paid = findings.stage(stage), findings.paid(stage)
        if trials.empty:
            continue
        completed = trials[trials["outcome"] == "completed"]
        rows.append(
            {
                "stage": stage,
                "trials": len(trials),
                "runs": int(trials["digest"].dropna().nunique()),
                "completed": int(completed["digest"].nunique()),
                "train_s": float(spent(paid)["spent_s"].iloc[-1]),
                f"best_{by}": float(completed[by].max()),
                f"median_{by}": float(completed[by].median()),
                "hypervolume": hypervolumes.get(stage, float("nan")),
            }
        )
    columns = [
        text_column("", "stage", lambda stage: findings.stage_names[stage]),
        number_column("trials", "trials", count),
        number_column("distinct runs", "runs", count),
        number_column("completed", "completed", count),
        number_column("training time", "train_s", duration),
        number_column(f"best {findings.measured}", f"best_{by}", percent),
        number_column(f"median {findings.measured}", f"median_{by}", percent),
        number_column("hypervolume", "hypervolume", "{:.4g}".format, when=bool(hypervolumes)),
    ]
    caption = largest_class(findings.trials)
    return Table("search_and_random", "Search and random search", columns, pd.DataFrame(rows), caption)


def _hypervolumes(findings: SearchFindings, stages: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Corners of the anytime hypervolume by stage; none where the study has no reference point."""
    reference, objectives = findings.study.reference, findings.study.objectives
    if reference is None or len(objectives) < 2:
        return {}
    found = {}
    for stage, trials in stages.items():
        ended = spent(trials)
        values = ended.assign(**{findings.by: ended[findings.by].where(ended["outcome"] == "completed")})
        curve = ended[["trial", "spent_s"]].assign(
            hypervolume=hypervolume_over_trials(values, objectives, reference)
        )
        kept = curve["hypervolume"] != curve["hypervolume"].shift()
        kept.iloc[-1] = True
        found[stage] = curve[kept].reset_index(drop=True)
    return found


def _reference(findings: SearchFindings) -> str:
    reference = findings.study.reference or {}
    words: Mapping[str, Callable[[float], str]] = {
        findings.by: lambda value: f"{percent(value, 1)} {findings.accuracy}",
        "macs": lambda value: f"{si(value)} MACs",
        "params": lambda value: f"{si(value)} parameters",
        "latency_ms": lambda value: f"{value:g} ms",
    }
    point = ", ".join(words[name](value) for name, value in reference.items())
    decades = len(reference) - 1
    unit = "accuracy × decades of cost" if decades == 1 else f"accuracy × {decades} decades of cost"
    return (
        f"Volume that the front dominates, up to the reference point of the study file: {point}. Costs count "
        f"by their log10; unit: {unit}."
    )
