"""Learning curves of the primary contrast's two sides."""

import numpy as np
import pandas as pd

from vggsearch.report.ablation.findings import Ablation, Finding
from vggsearch.report.ablation.sentences import interacts
from vggsearch.report.document import Block, Figures, Section, note, percent, plain, points, text
from vggsearch.report.figures import arm_curve_figure
from vggsearch.runs import curves_frame

TITLE = "Learning curves"
LAST_PART = 0.25
"""Of the budget, over which it is asked whether curves still rise."""

COLUMNS = ("side", "point", "n", "epoch", "train_s", "mean", "sd")


def section(found: Ablation) -> Section:
    """Curves by epoch and by training second."""
    if not found.effects:
        return Section("curves", TITLE, (note("No contrast is known, so there are no curves to compare."),))
    first = found.effects[0]
    if interacts(first.contrast):
        why = "The primary contrast is an interaction, which has no two sides whose curves could be compared."
        return Section("curves", TITLE, (note(why),))
    curves = side_curves(found, first)
    if curves["side"].nunique() < 2 or curves["point"].max() < 1:
        why = "The pairs of the primary contrast hold no learning curves of both sides."
        return Section("curves", TITLE, (note(why),))
    names = _names(first)
    drawings = tuple(arm_curve_figure(curves, x, names) for x in ("epoch", "train_s"))
    blocks: list[Block] = [Figures(drawings)]
    rising = still_rising(curves)
    if rising:
        said = " and ".join(f"{plain(names[side])} {points(gain)}" for side, gain in rising.items())
        blocks.insert(
            0,
            text(
                f"Of the primary contrast, {plain(first.contrast.name)}. In the last "
                f"{percent(LAST_PART, 0)} of the budget validation accuracy still rises: {said}. Where "
                "curves still rise, or cross, the answer is one for this budget."
            ),
        )
    return Section("curves", TITLE, tuple(blocks))


def _names(effect: Finding) -> dict[str, str]:
    return {"better": effect.contrast.better, "worse": effect.contrast.worse}


def side_curves(found: Ablation, effect: Finding) -> pd.DataFrame:
    """`COLUMNS`: mean and standard deviation over the completed runs of a side, point by point.

    Runs whose number of points is not the commonest of their side are left out: their points are of other
    moments.
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


def _summed(curves: pd.DataFrame, side: str, found: Ablation) -> pd.DataFrame:
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
    """By side, how much mean validation accuracy gains over the last part of the budget, linearly
    interpolated."""
    gains = {}
    for side, own in curves.groupby("side", sort=False):
        end = float(own["fraction"].iloc[-1])
        before = float(np.interp(end - LAST_PART, own["fraction"].astype(float), own["mean"].astype(float)))
        if len(own) > 1:
            gains[str(side)] = float(own["mean"].iloc[-1]) - before
    return gains
