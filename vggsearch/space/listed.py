"""`ListedSpace`: a space whose members are written out one by one."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from vggsearch.arch import FASHION_MNIST, Architecture, Task, expand
from vggsearch.errors import SpaceError
from vggsearch.space.base import Choose, Scalar
from vggsearch.space.choices import shown


@dataclass(frozen=True)
class ListedSpace:
    """The architectures listed, in that order. Raises where one is twice or does not fit the images."""

    architectures: tuple[Architecture, ...]
    task: Task = FASHION_MNIST

    def __post_init__(self) -> None:
        if not self.architectures:
            raise SpaceError(
                "a list of architectures holds at least one, not none: write [vgg11/16], for example"
            )
        seen: set[Architecture] = set()
        for architecture in self.architectures:
            if architecture in seen:
                raise SpaceError(
                    f"architectures are listed once, and {architecture} is twice: drop one of them"
                )
            seen.add(architecture)
            expand(architecture, self.task)

    @property
    def count(self) -> int:
        """How many there are."""
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
        """Ask `choose` for `architecture` among the canonical texts, where there is more than one."""
        if self.count == 1:
            return self.architectures[0]
        text = choose("architecture", self._texts)
        if text not in self._texts:
            raise SpaceError(f"architecture is one of those listed, not {shown(text)}: choose one of them")
        return self.architectures[self._texts.index(str(text))]

    def params_of(self, architecture: Architecture) -> dict[str, Scalar]:
        """The answer with which `build` gives `architecture`; `SpaceError` where it is not listed."""
        if architecture not in self:
            raise SpaceError(f"{architecture} is not among the {self.count} listed: add it to architectures")
        return {"architecture": str(architecture)} if self.count > 1 else {}

    def violation(self, architecture: Architecture) -> str | None:  # noqa: ARG002 - nothing constrains a list
        """None: nothing constrains a list."""
        return None

    def violations(self, architecture: Architecture) -> dict[str, float]:  # noqa: ARG002 - nothing constrains a list
        """Nothing: nothing constrains a list."""
        return {}


def _differences(one: Architecture, other: Architecture) -> int:
    """In how many choices they differ: of the blocks both have, of the net, and blocks that one lacks."""
    differences = abs(len(one.blocks) - len(other.blocks))
    for a, b in zip(one.blocks, other.blocks, strict=False):
        differences += (a.num_convs != b.num_convs) + (a.channels != b.channels)
        kernels = zip(a.kernel_sizes, b.kernel_sizes, strict=False)
        differences += any(x != y for x, y in kernels)
    return differences + (one.batch_norm != other.batch_norm) + (one.head != other.head)
