"""`ListedSpace`: a space whose members are written out one by one."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from vggsearch.arch import FASHION_MNIST, Architecture, Task, expand
from vggsearch.errors import SpaceError
from vggsearch.space.base import Choose, Scalar
from vggsearch.space.choices import shortened


@dataclass(frozen=True)
class ListedSpace:
    """The listed architectures, in that order.

    Raises `SpaceError` where one is listed twice, `ArchitectureError` where one does not fit the images.
    """

    architectures: tuple[Architecture, ...]
    task: Task = FASHION_MNIST

    def __post_init__(self) -> None:
        if not self.architectures:
            raise SpaceError(
                "a list of architectures holds at least one, not none: write [1x16-1x32+gap], for example"
            )
        seen: set[Architecture] = set()
        for architecture in self.architectures:
            if architecture in seen:
                raise SpaceError(
                    f"architectures are listed once, and {architecture} is twice: remove one of them"
                )
            seen.add(architecture)
            expand(architecture, self.task)

    @property
    def count(self) -> int:
        """Number of architectures."""
        return len(self.architectures)

    def __contains__(self, architecture: object) -> bool:
        return architecture in self.architectures

    def __iter__(self) -> Iterator[Architecture]:
        return iter(self.architectures)

    def sample(self, rng: np.random.Generator, n: int) -> list[Architecture]:
        """Draw `n` members, uniformly, independently and with replacement."""
        return [self.architectures[i] for i in rng.integers(self.count, size=n)]

    def neighbours(self, architecture: Architecture) -> list[Architecture]:
        """The members that differ from `architecture` in one choice, or by a last block."""
        return [other for other in self.architectures if _differences(architecture, other) == 1]

    @cached_property
    def _texts(self) -> tuple[str, ...]:
        return tuple(map(str, self.architectures))

    def build(self, choose: Choose) -> Architecture:
        """Ask `choose` for `architecture`, one of the canonical texts, unless there is only one."""
        if self.count == 1:
            return self.architectures[0]
        text = choose("architecture", self._texts)
        if text not in self._texts:
            raise SpaceError(
                f"architecture is one of those listed, not {shortened(text)}: choose one of them"
            )
        return self.architectures[self._texts.index(str(text))]

    def params_of(self, architecture: Architecture) -> dict[str, Scalar]:
        """The answer for which `build` returns `architecture`; raises `SpaceError` where it is not listed."""
        if architecture not in self:
            raise SpaceError(f"{architecture} is not among the {self.count} listed: add it to architectures")
        return {"architecture": str(architecture)} if self.count > 1 else {}

    def violation(self, architecture: Architecture) -> str | None:  # noqa: ARG002 - nothing constrains a list
        """None: a list has no constraints."""
        return None

    def violations(self, architecture: Architecture) -> dict[str, float]:  # noqa: ARG002 - nothing constrains a list
        """Empty: a list has no constraints."""
        return {}


def _differences(one: Architecture, other: Architecture) -> int:
    """Number of choices in which two nets differ; each block that one of them lacks counts as one."""
    differences = abs(len(one.blocks) - len(other.blocks))
    for a, b in zip(one.blocks, other.blocks, strict=False):
        differences += (a.num_convs != b.num_convs) + (a.channels != b.channels)
        kernels = zip(a.kernel_sizes, b.kernel_sizes, strict=False)
        differences += any(x != y for x, y in kernels)
    differences += (one.batch_norm != other.batch_norm) + (one.activation != other.activation)
    return differences + (one.head != other.head)
