"""When an ablation with planned looks stops: at the first look at which every contrast is decided."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vggsearch.designs import Plan

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Looked:
    """How far a study with planned looks is; without looks it wants all pairs of its plan."""

    last: int
    """Number of pairs at its last look; 0 before the first."""
    wanted: int
    """Number of pairs that it wants, by the results of the looks so far."""
    decided: bool
    """Whether its last look decided every contrast."""

    def stopped_early(self, plan: Plan) -> bool:
        """Whether it makes fewer pairs than it might have, because all is decided."""
        return self.decided and self.wanted < plan.pairs


def looked(plan: Plan, pairs: "pd.DataFrame") -> Looked:
    """What the looks so far decide.

    Each look sees only the pairs that belong to it, so that the answer is the same in whatever order runs end
    and however often the study is resumed.

    Args:
        pairs: One row for each run of the pairs that has ended: arm, pair, and the column `plan.part` names.
    """
    from vggsearch.analysis import effects, looks_reached

    last = 0
    contrasts = [planned.contrast() for planned in plan.contrasts]
    for number, look in enumerate(plan.looks, start=1):
        known = pairs[pairs["pair"] <= look]
        if looks_reached(known, contrasts, plan.looks) < number:
            return Looked(last, look, decided=False)
        last = look
        table = effects(
            known,
            contrasts,
            alpha=plan.alpha,
            margin=plan.margin,
            value=plan.part.column,
            looks=plan.looks,
        )
        if all(verdict.decides for verdict in table["verdict"]):
            return Looked(look, look, decided=True)
    return Looked(last, plan.pairs, decided=False)
