"""Designs in which every arm is compared with one control."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from vggsearch.designs.design import Arm, Contrast, Design, Held


@dataclass(frozen=True, slots=True)
class Comparison:
    """An arm and the claim about the control against it; the contrast has the arm's name."""

    arm: Arm
    better: str
    worse: str
    at: str = ""
    held: tuple[Held, ...] = ()


def against_control(control: Arm, comparisons: Sequence[Comparison]) -> Design:
    """`control` against each arm, with weights +1 and −1.

    Arms with the same runs are listed once, under the name of the first.
    """
    arms = [control]
    contrasts = []
    for each in comparisons:
        kept = next((arm for arm in arms[1:] if has_same_runs(arm, each.arm)), None)
        if kept is None:
            kept = each.arm
            arms.append(kept)
        weights = {control.name: 1.0, kept.name: -1.0}
        contrasts.append(Contrast(each.arm.name, weights, each.better, each.worse, each.at, each.held))
    return Design(tuple(arms), tuple(contrasts))


def has_same_runs(one: Arm, other: Arm) -> bool:
    """Whether the two arms differ only in their names."""
    return replace(one, name=other.name) == other
