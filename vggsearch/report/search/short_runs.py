"""Short runs: what they cost, and whether they agree with full ones. What a surrogate believed."""

from collections.abc import Iterator

import pandas as pd

from vggsearch.analysis import agreement
from vggsearch.report.document import (
    Block,
    Figures,
    Section,
    Table,
    count,
    duration,
    fixed,
    number_column,
    paragraph,
    percent,
    section,
    text_column,
)
from vggsearch.report.search.search_findings import SearchFindings
from vggsearch.report.search.short_runs_figures import beliefs_figure, short_runs_figure
from vggsearch.study import beliefs

LEAST = 3
"""Fewest nets of which a rank correlation is given."""


def short_run_sections(findings: SearchFindings) -> Iterator[Section]:
    """The sections that a search with short runs or a surrogate has."""
    if len(findings.stage("short")):
        yield short_runs_section(findings)
    found = pd.DataFrame(list(beliefs(findings.results)))
    if len(found) >= LEAST:
        yield beliefs_section(findings, found)


@section("short-runs", "Short runs and full ones")
def short_runs_section(findings: SearchFindings) -> Iterator[Block]:
    """Each budget apart: runs, time, promotions, and agreement with the full runs of the same nets."""
    columns = [
        text_column("budget", "budget"),
        number_column("runs", "runs", count),
        number_column("completed", "completed", count),
        number_column("training time", "train_s", duration),
        number_column("share of it", "share", lambda value: percent(value, 1)),
        number_column("promoted", "promoted", count),
        number_column(f"best {findings.measured}", "best", percent),
        number_column("rank agreement with full runs", "spearman", lambda value: fixed(value, 2)),
        number_column("of nets", "compared", count),
    ]
    yield paragraph(
        "A short run has a budget of its own, and its learning rate ends with it. It decides who is trained "
        "longer, and is never ranked with full runs. Promoted nets were trained at a longer budget, too. "
        "Rank agreement is Spearman's correlation over the nets that have both runs; they were chosen to be "
        "good, and over all nets it would be larger."
    )
    yield Table("short_runs", "Runs by budget", columns, _by_budget(findings))
    pairs = _pairs(findings)
    if len(pairs):
        yield Figures((short_runs_figure(pairs, findings.measured),))


@section("beliefs", "What the surrogate believed")
def beliefs_section(findings: SearchFindings, found: pd.DataFrame) -> Iterator[Block]:
    """The surrogate's expectations against what came."""
    error = found["came"] - found["believed"]
    inside = float((error.abs() <= 1.96 * found["spread"]).mean())
    rho = agreement(found["believed"].to_numpy(), found["came"].to_numpy())[0]
    yield paragraph(
        f"Of {count(len(found))} full runs that the surrogate chose, {percent(inside, 0)} ended within its "
        f"95 % interval. They came {fixed(100 * float(error.abs().mean()), 2)} pp from what was expected, in "
        f"the mean over runs, and {fixed(100 * float(error.mean()), 2)} pp above it; the rank correlation is "
        f"{fixed(rho, 2)}. Expected values follow from the runs that had ended when a run was asked."
    )
    yield Figures((beliefs_figure(found, findings.measured),))


def _by_budget(findings: SearchFindings) -> pd.DataFrame:
    """One row a budget, the shortest first."""
    study = findings.study
    paid = findings.trials[findings.trials["stage"].isin(("short", "search"))].drop_duplicates("digest")
    total = float(paid["train_s"].sum())
    rows = []
    longer: set[str] = set()
    full = paid[(paid["stage"] == "search") & (paid["outcome"] == "completed")]
    for budget in (study.budget, *reversed(study.short_budgets)):
        own = paid[paid["budget"] == str(budget)]
        done = own[own["outcome"] == "completed"]
        both = done.merge(full, on="architecture", suffixes=("", "_full"))
        known = budget != study.budget and len(both) >= LEAST
        x, y = both[findings.by].to_numpy(float), both[f"{findings.by}_full"].to_numpy(float)
        rows.append(
            {
                "budget": str(budget),
                "runs": len(own),
                "completed": len(done),
                "train_s": float(own["train_s"].sum()),
                "share": float(own["train_s"].sum()) / total if total else float("nan"),
                "promoted": len(longer & set(own["architecture"])),
                "best": float(done[findings.by].max()),
                "spearman": agreement(x, y)[0] if known else float("nan"),
                "compared": len(both) if budget != study.budget else 0,
            }
        )
        longer |= set(own["architecture"])
    return pd.DataFrame(reversed(rows))


def _pairs(findings: SearchFindings) -> pd.DataFrame:
    """Nets with a short run and a full one: architecture, budget, short, full."""
    columns = ["architecture", "budget", findings.by]
    done = findings.trials[findings.trials["outcome"] == "completed"].drop_duplicates("digest")
    short = done.loc[done["stage"] == "short", columns].rename(columns={findings.by: "short"})
    full = done.loc[done["stage"] == "search", ["architecture", findings.by]]
    return short.merge(full.rename(columns={findings.by: "full"}), on="architecture").dropna()
