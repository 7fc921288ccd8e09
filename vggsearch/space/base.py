"""`Space`: the contract of a set of architectures that a study may try."""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import numpy as np

from vggsearch.arch import Architecture, Task

Scalar = bool | int | float | str
"""A parameter's value, as Optuna stores it."""

Choose = Callable[[str, Sequence[Scalar]], Scalar]
"""Function that picks one of a named parameter's options, such as `trial.suggest_categorical`."""


class Space(Protocol):
    """A finite, non-empty set of different architectures for one input shape and number of classes.

    Members are numbered from 0 to `count - 1` by iteration, whose order never changes.
    """

    @property
    def task(self) -> Task:
        """What the networks are for."""

    @property
    def count(self) -> int:
        """Exact number of members."""

    def __contains__(self, architecture: object) -> bool:
        """Whether `architecture` is a member."""

    def __iter__(self) -> Iterator[Architecture]:
        """Every member once."""

    def sample(self, rng: np.random.Generator, n: int) -> list[Architecture]:
        """Draw `n` members, uniformly, independently and with replacement."""

    def neighbours(self, architecture: Architecture) -> list[Architecture]:
        """The members that differ from `architecture` in one choice; the relation is symmetric."""

    def build(self, choose: Choose) -> Architecture:
        """Ask `choose` for each parameter that applies and has several options; build the chosen net.

        The result may break a constraint (see `violation`) and is then no member. Raises `SpaceError` where
        an answer is not among the options.
        """

    def params_of(self, architecture: Architecture) -> dict[str, Scalar]:
        """The answers for which `build` returns `architecture`; raises `SpaceError` where there are none."""

    def violation(self, architecture: Architecture) -> str | None:
        """Message about the first constraint that `architecture` breaks; None where it breaks none."""

    def violations(self, architecture: Architecture) -> dict[str, float]:
        """Excess over each limit, relative to the limit; at most 0 where the constraint holds."""
