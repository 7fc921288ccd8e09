"""`Space`: what a study asks of the set of architectures that it may try."""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import numpy as np

from vggsearch.arch import Architecture, Task

Scalar = bool | int | float | str
"""A parameter's value, as Optuna stores it."""

Choose = Callable[[str, Sequence[Scalar]], Scalar]
"""Picks one of a named parameter's options; `trial.suggest_categorical` is one."""


class Space(Protocol):
    """A finite, non-empty set of different architectures for one input shape and number of classes.

    Members are numbered from 0 to `count - 1` by iteration, whose order never changes.
    """

    @property
    def task(self) -> Task:
        """What all members are for."""

    @property
    def count(self) -> int:
        """How many members there are, exactly."""

    def __contains__(self, architecture: object) -> bool:
        """Whether `architecture` is a member."""

    def __iter__(self) -> Iterator[Architecture]:
        """Every member once."""

    def sample(self, rng: np.random.Generator, n: int) -> list[Architecture]:
        """Draw `n` members, uniformly, independently and with replacement."""

    def neighbours(self, architecture: Architecture) -> list[Architecture]:
        """The members that differ from `architecture` in one choice; being neighbours is mutual."""

    def build(self, choose: Choose) -> Architecture:
        """Ask `choose` for each parameter that applies and has more than one option; build what was chosen.

        The result need not be a member: it may break a constraint (`violation` tells). Raises `SpaceError`
        where the answer is not among the options.
        """

    def params_of(self, architecture: Architecture) -> dict[str, Scalar]:
        """The answers with which `build` gives `architecture`; `SpaceError` where none do."""

    def violation(self, architecture: Architecture) -> str | None:
        """The first constraint that `architecture` breaks, in words; None where it breaks none."""

    def violations(self, architecture: Architecture) -> dict[str, float]:
        """By how much each constraint is missed, relative to its limit; at most 0 where it holds."""
