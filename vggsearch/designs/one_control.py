"""Designs in which every arm stands beside one control."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from vggsearch.designs.design import Arm, Contrast, Design, Held


@dataclass(frozen=True, slots=True)
class Side:
    """An arm and what is claimed of the control beside it; the contrast bears the arm's name."""

    arm: Arm
    better: str
    worse: str
    at: str = ""
    held: tuple[Held, ...] = ()


def beside(control: Arm, sides: Sequence[Side]) -> Design:
    """`control` against each arm, weights +1 and −1. Arms that are the same run stand once, under the first
    one's name."""
    arms = [control]
    contrasts = []
    for side in sides:
        kept = next((arm for arm in arms[1:] if is_same_run(arm, side.arm)), None)
        if kept is None:
            kept = side.arm
            arms.append(kept)
        weights = {control.name: 1.0, kept.name: -1.0}
        contrasts.append(Contrast(side.arm.name, weights, side.better, side.worse, side.at, side.held))
    return Design(tuple(arms), tuple(contrasts))


def is_same_run(one: Arm, other: Arm) -> bool:
    """Whether the two differ in nothing but their names."""
    return replace(one, name=other.name) == other
