"""Learning rates: the rate that each arm got, and the effects at every rate."""

from collections.abc import Hashable, Iterator

import pandas as pd

from vggsearch.analysis import differences, flat_ends
from vggsearch.designs import Plan
from vggsearch.report.ablation.ablation_findings import AblationFindings
from vggsearch.report.ablation.learning_rates_figures import rate_figure, robustness_figure
from vggsearch.report.document import (
    Block,
    Figures,
    Table,
    count,
    number_column,
    optional_number,
    paragraph,
    plain,
    points,
    remark,
    section,
    spread,
    text_column,
)


@section("rates", "Learning rates")
def learning_rates_section(found: AblationFindings) -> Iterator[Block]:
    """Validation accuracy of each arm at each rate, and each contrast at each rate."""
    plan, table = found.plan, found.chosen
    if plan is None:
        yield remark("No plan is known, so no learning rates were tried.")
        return
    if not plan.tuned:
        yield remark(
            f"Every arm was trained at {plan.rates[0]:g}: the study file names one rate, so none was chosen. "
            "An arm that would do better at another rate has a disadvantage, which nothing here shows."
        )
        return
    if table.empty:
        yield remark("No run for learning rates is known yet.")
        return
    yield paragraph(
        f"Every arm tried the same {len(plan.rates)} rates with {plan.rate_seeds} "
        f"seed{'s' if plan.rate_seeds > 1 else ''} that no pair has, and got the rate with the best mean "
        f"validation accuracy.{_growth_rule(plan)} {found.wording.rates}"
    )
    yield from _warnings(found, table)
    if table["n"].sum():
        yield Figures((rate_figure(found.rates, table),))
        strip = by_rate(found)
        if len(strip):
            yield Figures((robustness_figure(strip),))
        else:
            yield remark("No rate has completed runs of both sides of a contrast with the same seed.")
    else:
        yield remark("No run for learning rates completed, so there is nothing to draw.")
    yield _table(found, table)


def trained_at(found: AblationFindings) -> dict[str, float]:
    """The rate at which each arm's pairs were trained, by arm."""
    rates = found.pairs.dropna(subset=["lr"]).groupby("arm", sort=False)["lr"].last()
    return {str(arm): float(lr) for arm, lr in rates.items()}


def _warnings(found: AblationFindings, table: pd.DataFrame) -> Iterator[Block]:
    edge = [plain(arm, 60) for arm in table.loc[table["at_edge"], "arm"]]
    if found.plan is not None and found.plan.rate_growth:
        yield from _growth(found.plan, table)
    elif edge:
        yield remark(
            f"The best rate of {_listed(edge)} is the smallest or largest that was tried. A wider grid might "
            "hold a better one, so a part of the effect may be due to the grid."
        )
    best = {str(row["arm"]): float(row["lr"]) for row in table[table["chosen"]].to_dict("records")}
    other = [plain(arm, 60) for arm, lr in trained_at(found).items() if arm in best and lr != best[arm]]
    if other:
        yield remark(
            f"The pairs of {_listed(other)} were trained at another rate than the runs known now call for."
        )


def _growth_rule(plan: Plan) -> str:
    if not plan.rate_growth:
        return ""
    return (
        f" Where the best rate of an arm is at an end of its grid, the plan lets the grid grow there: by at "
        f"most {plan.rate_growth} rates, each by the grid's own ratio and with the same seeds, until it is "
        "inside."
    )


def _growth(plan: Plan, table: pd.DataFrame) -> Iterator[Block]:
    """Which grids grew, which best rates are at an end all the same, and where that is noise."""
    grown = []
    for arm, own in table.groupby("arm", sort=False):
        added = sorted(set(own["lr"]) - set(plan.rates))
        if added:
            grown.append(f"{plain(str(arm), 60)} by {', '.join(f'{lr:g}' for lr in added)}")
    yield paragraph(f"Grids that grew: {'; '.join(grown)}." if grown else "No grid grew.")
    flat = flat_ends(table)
    for arm in table.loc[table["at_edge"], "arm"]:
        name = f"The best rate of {plain(arm, 60)} is still the smallest or largest that was tried"
        if arm in flat:
            ahead, noise = flat[arm]
            yield remark(
                f"{name}, but it is only {points(ahead)} better than the rate beside it, and differences up "
                f"to {points(noise).replace('+', '±')} are noise: the curve is flat there, and a wider grid "
                "would hardly matter."
            )
        else:
            yield remark(f"{name}. A wider grid might hold a better one.")


def _listed(names: list[str], most: int = 8) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} others" if len(names) > most else "")


def by_rate(found: AblationFindings) -> pd.DataFrame:
    """contrast, lr, repeat, difference: the effect on validation where all arms have the same rate."""
    frames = []
    runs = found.rates.rename(columns={"repeat": "pair"})
    for effect in found.effects:
        for lr, own in runs.groupby("lr"):
            own = own.drop_duplicates(["arm", "pair"], keep="last")
            values = differences(own, effect.contrast.weights, "val_accuracy")
            frames.append(
                pd.DataFrame(
                    {
                        "contrast": effect.contrast.name,
                        "lr": float(str(lr)),
                        "repeat": list(values.index),
                        "difference": values.to_numpy(),
                    }
                )
            )
    known = [frame for frame in frames if len(frame)]
    return pd.concat(known, ignore_index=True) if known else pd.DataFrame()


def _table(found: AblationFindings, table: pd.DataFrame) -> Table:
    """A row for each arm, a column for each rate."""
    used = trained_at(found)
    rates = sorted({float(lr) for lr in table["lr"]})
    records: dict[str, dict[Hashable, str]] = {}
    for row in table.to_dict("records"):
        arm, failed = str(row["arm"]), f" ({count(row['failed'])} failed)" if row["failed"] else ""
        record = records.setdefault(arm, {"arm": arm, "used": optional_number(used.get(arm, float("nan")))})
        record[f"{row['lr']}"] = f"{spread(row['mean'], row['sd'])}{failed}{' ◂' if row['chosen'] else ''}"
    for record in records.values():
        record.update({f"{lr}": "" for lr in rates if f"{lr}" not in record})
    columns = [
        text_column("arm", "arm"),
        *(number_column(f"lr {lr:g}", f"{lr}", str) for lr in rates),
        number_column("pairs trained at", "used", str),
    ]
    caption = (
        "Validation accuracy, mean ± standard deviation over the seeds for learning rates. ◂ marks the best "
        "mean among the rates at which no run failed."
    )
    title = "Learning rates of the arms"
    return Table("learning_rates", title, columns, table, caption, list(records.values()))
