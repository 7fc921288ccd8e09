"""Learning curves of the primary contrast's two sides."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from vggsearch.report.ablation.ablation_findings import AblationFindings, ContrastFinding
from vggsearch.report.ablation.curves_figure import arm_curve_figure
from vggsearch.report.ablation.sentences import interacts
from vggsearch.report.document import Block, Figures, paragraph, percent, plain, points, remark, section
from vggsearch.runs import curves_frame

LAST_PART = 0.25
"""The last fraction of the budget, in which curves may still rise."""

COLUMNS = ("side", "point", "n", "epoch", "train_s", "mean", "sd")


@section("curves", "Learning curves")
def curves_section(found: AblationFindings) -> Iterator[Block]:
    """Curves of the primary contrast's sides, by epoch and by training second."""
    if not found.effects:
        yield remark("No contrast is known, so there are no curves to compare.")
        return
    first = found.effects[0]
    if interacts(first.contrast):
        yield remark(
            "The primary contrast is an interaction, which has no two sides whose curves to compare."
        )
        return
    curves = side_curves(found, first)
    if curves["side"].nunique() < 2 or curves["point"].max() < 1:
        yield remark("The pairs of the primary contrast hold no learning curves of both sides.")
        return
    names = {"better": first.contrast.better, "worse": first.contrast.worse}
    rising = still_rising(curves)
    if rising:
        said = " and ".join(f"{plain(names[side])} {points(gain)}" for side, gain in rising.items())
        yield paragraph(
            f"The primary contrast is {plain(first.contrast.name)}. In the last {percent(LAST_PART, 0)} of "
            f"the budget validation accuracy still rises: {said}. Where curves still rise, or cross, the "
            "answer holds for this budget alone."
        )
    yield Figures(tuple(arm_curve_figure(curves, x, names) for x in ("epoch", "train_s")))


def side_curves(found: AblationFindings, effect: ContrastFinding) -> pd.DataFrame:
    """`COLUMNS`: mean and standard deviation over the completed runs of a side, point by point.

    Runs whose number of points is not the most common of their side are left out, as their points were
    measured at other times.
    """
    frames = []
    for side, sign in (("better", 1), ("worse", -1)):
        arms = [arm for arm, weight in effect.contrast.weights.items() if weight * sign > 0]
        digests = found.complete.loc[found.complete["arm"].isin(arms), "digest"].drop_duplicates()
        records = [found.results.runs[digest] for digest in digests if digest in found.results.runs]
        curves = curves_frame(record for record in records if record.curve)
        if curves.empty:
            continue
        curves = curves.assign(point=curves.groupby("run").cumcount())
        lengths = curves.groupby("run")["point"].transform("max")
        frames.append(_summed(curves[lengths == lengths.mode().iloc[0]], side, found))
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=list(COLUMNS))


def _summed(curves: pd.DataFrame, side: str, found: AblationFindings) -> pd.DataFrame:
    size = found.plan.train_images if found.plan else 0
    grouped = curves.groupby("point")
    frame = pd.DataFrame(
        {
            "n": grouped.size(),
            "epoch": grouped["images"].mean() / size if size else np.nan,
            "train_s": grouped["train_s"].mean(),
            "mean": grouped["val_accuracy"].mean(),
            "sd": grouped["val_accuracy"].std(),
            "fraction": grouped["fraction"].mean(),
        }
    ).reset_index()
    return frame.assign(side=side)[[*COLUMNS, "fraction"]]


def still_rising(curves: pd.DataFrame) -> dict[str, float]:
    """Gain of mean validation accuracy over the last part of the budget, by side; linearly interpolated."""
    gains = {}
    for side, own in curves.groupby("side", sort=False):
        end = float(own["fraction"].iloc[-1])
        before = float(np.interp(end - LAST_PART, own["fraction"].astype(float), own["mean"].astype(float)))
        if len(own) > 1:
            gains[str(side)] = float(own["mean"].iloc[-1]) - before
    return gains
