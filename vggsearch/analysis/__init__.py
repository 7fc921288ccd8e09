"""DataFrame in, DataFrame out: fronts and hypervolume, selection and what fresh seeds say of it. Pure."""

from vggsearch.analysis.pareto import (
    dominates,
    front,
    hypervolume,
    hypervolume_over_trials,
    staircase,
    thin_front,
)
from vggsearch.analysis.selection import best, candidates, cheapest_within, finalist_table, finalists, summary

__all__ = [
    "best",
    "candidates",
    "cheapest_within",
    "dominates",
    "finalist_table",
    "finalists",
    "front",
    "hypervolume",
    "hypervolume_over_trials",
    "staircase",
    "summary",
    "thin_front",
]
