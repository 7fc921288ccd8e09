"""Learning rates: which each arm got, and what the effects would be at each."""

import pandas as pd

from vggsearch.analysis import differences
from vggsearch.report.ablation.findings import Ablation
from vggsearch.report.document import Block, Column, Figures, Section, Table, count, note, plain, spread, text
from vggsearch.report.figures import rate_figure, robustness_figure

TITLE = "Learning rates"


def section(found: Ablation) -> Section:
    """Validation accuracy of each arm at each rate, and each contrast at each rate."""
    plan = found.plan
    if plan is None:
        return Section("rates", TITLE, (note("No plan is known, so no learning rates were tried."),))
    if not plan.tuned:
        why = (
            f"Every arm was trained at {plan.rates[0]:g}: the study file names one rate, so none was chosen."
        )
        warning = " An arm whom another rate suits better is at a disadvantage that nothing here shows."
        return Section("rates", TITLE, (note(why + warning),))
    table = found.chosen
    if table.empty:
        return Section("rates", TITLE, (note("No run for learning rates is known yet."),))
    blocks: list[Block] = [
        text(
            f"Every arm tried the same {len(plan.rates)} rates with {plan.rate_seeds} "
            f"seed{'s' if plan.rate_seeds > 1 else ''} of its own, which no pair has, and got the one with "
            f"the best mean validation accuracy. {found.words.rates}"
        ),
        *_warnings(found, table),
    ]
    if table["n"].sum():
        blocks.append(Figures((rate_figure(found.rates, table),)))
        strip = by_rate(found)
        if len(strip):
            blocks.append(Figures((robustness_figure(strip),)))
        else:
            blocks.append(note("No rate has completed runs of both sides of a contrast with the same seed."))
    else:
        blocks.append(note("No run for learning rates completed, so there is nothing to draw."))
    blocks.append(_table(found, table))
    return Section("rates", TITLE, tuple(blocks))


def trained_at(found: Ablation) -> dict[str, float]:
    """The rate of each arm's pairs, which stays the one that was first chosen."""
    rates = found.pairs.dropna(subset=["lr"]).groupby("arm", sort=False)["lr"].last()
    return {str(arm): float(lr) for arm, lr in rates.items()}


def _warnings(found: Ablation, table: pd.DataFrame) -> list[Block]:
    warnings: list[Block] = []
    edge = [plain(arm, 60) for arm in table.loc[table["at_edge"], "arm"]]
    if edge:
        warnings.append(
            note(
                f"The best rate of {_listed(edge)} is the smallest or largest that was tried: a wider grid "
                "might have suited better, so a part of the effect may be the grid's."
            )
        )
    used = trained_at(found)
    best = {str(row["arm"]): float(row["lr"]) for row in table[table["chosen"]].to_dict("records")}
    other = [plain(arm, 60) for arm, lr in used.items() if arm in best and lr != best[arm]]
    if other:
        warnings.append(
            note(
                f"The pairs of {_listed(other)} were trained at another rate than is best by the runs "
                f"known now."
            )
        )
    return warnings


def _listed(names: list[str], most: int = 8) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} others" if len(names) > most else "")


def by_rate(found: Ablation) -> pd.DataFrame:
    """contrast, lr, repeat, difference: the effect on validation, with each rate given to all arms alike."""
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


def _table(found: Ablation, table: pd.DataFrame) -> Table:
    used = trained_at(found)
    arms = list(dict.fromkeys(table["arm"]))
    rates = sorted({float(lr) for lr in table["lr"]})
    rows = {(str(row["arm"]), float(row["lr"])): row for row in table.to_dict("records")}
    printed = []
    for arm in arms:
        cells = [plain(arm)]
        for lr in rates:
            row = rows.get((arm, lr))
            mark = " ◂" if row is not None and row["chosen"] else ""
            failed = f" ({count(row['failed'])} failed)" if row is not None and row["failed"] else ""
            cells.append(f"{spread(row['mean'], row['sd'])}{failed}{mark}" if row is not None else "")
        printed.append([*cells, f"{used[arm]:g}" if arm in used else ""])
    columns = (
        Column("arm", "left"),
        *(Column(f"lr {lr:g}") for lr in rates),
        Column("pairs trained at"),
    )
    caption = (
        "Validation accuracy, mean ± standard deviation over the seeds for learning rates; ◂ marks the best "
        "mean among rates at which no run failed."
    )
    return Table("learning_rates", "Learning rates of the arms", columns, printed, table, caption)
