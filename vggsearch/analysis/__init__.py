"""DataFrame in, DataFrame out: fronts and hypervolume, selection, paired effects and their verdicts. Pure."""

from vggsearch.analysis.crossed import crossed_interval
from vggsearch.analysis.paired import EFFECT_COLUMNS, Effect, differences, effect, effects
from vggsearch.analysis.pareto import (
    dominates,
    front,
    hypervolume,
    hypervolume_over_trials,
    staircase,
    thin_front,
)
from vggsearch.analysis.power import (
    minimum_detectable_effect,
    more_pairs,
    pairs_to_detect,
    pairs_to_show_equivalence,
    power_of_difference,
    power_of_equivalence,
)
from vggsearch.analysis.selection import best, candidates, cheapest_within, finalist_table, finalists, summary
from vggsearch.analysis.verdicts import MIN_PAIRS, Verdict, best_possible_p, pairs_needed_for_any_verdict

__all__ = [
    "EFFECT_COLUMNS",
    "MIN_PAIRS",
    "Effect",
    "Verdict",
    "best",
    "best_possible_p",
    "candidates",
    "cheapest_within",
    "crossed_interval",
    "differences",
    "dominates",
    "effect",
    "effects",
    "finalist_table",
    "finalists",
    "front",
    "hypervolume",
    "hypervolume_over_trials",
    "minimum_detectable_effect",
    "more_pairs",
    "pairs_needed_for_any_verdict",
    "pairs_to_detect",
    "pairs_to_show_equivalence",
    "power_of_difference",
    "power_of_equivalence",
    "staircase",
    "summary",
    "thin_front",
]
