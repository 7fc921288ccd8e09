"""`Grid`: every candidate that some choices give, numbered. `SearchSpace` adds constraints.

Candidates are ordered by number of blocks, then convolutions, ratio, kernel size (block by block where each
block has its own), activation, batch norm, head. The last varies fastest, and options come in the order
given.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from vggsearch.arch import FASHION_MNIST, Activation, Architecture, Block, Head, Task
from vggsearch.costs import METRICS, IntArray, cost, costs, head_costs
from vggsearch.errors import SpaceError
from vggsearch.space.base import Choose, Scalar
from vggsearch.space.check import check_depth, check_options, check_ratio
from vggsearch.space.choices import MAX_COUNT, Choice, shortened
from vggsearch.space.section import Parameter, Section

CACHED = 2**14
"""Candidates whose costs are computed at once: their arrays stay in a processor's cache."""

_ONE, _THREE = Choice((1,)), Choice((3,))


@dataclass(frozen=True, kw_only=True)
class Grid:
    """The choices of a search space, and every candidate that they give, once each."""

    num_blocks: tuple[int, ...]
    convs_per_block: Choice = _ONE
    ratio: Choice = _ONE
    """Divisors of the channels of each block; quotients are rounded down."""
    kernel_size: Choice = _THREE
    activation: tuple[Activation, ...] = ("relu",)
    batch_norm: tuple[bool, ...] = (False,)
    head: tuple[Head, ...] = (Head(),)
    channels: tuple[int, ...] = (64, 128, 256, 512, 512)
    """Channels of each block, before division by the ratio."""
    task: Task = FASHION_MNIST

    def __post_init__(self) -> None:
        check_depth(self.num_blocks, self.channels, self.task)
        check_ratio(self.ratio, self.channels, self.num_blocks)
        check_options(self.convs_per_block, self.kernel_size, self._whole_net)
        if max(self.size, *(high for _, high in self.ranges.values())) >= MAX_COUNT:
            raise SpaceError(
                f"a space has fewer than {MAX_COUNT:.0e} candidates, each with fewer MACs and bytes; "
                f"this one has {self.size:.0e} candidates of up to {self.ranges['macs'][1]:.0e} MACs: remove "
                "the largest options"
            )

    @cached_property
    def size(self) -> int:
        """Number of candidates, before any constraint."""
        return sum(section.size for section in self.sections)

    @cached_property
    def sections(self) -> tuple[Section, ...]:
        """The candidates by number of blocks."""
        sections: list[Section] = []
        start = 0
        for num_blocks in self.num_blocks:
            section = self._section(num_blocks, start)
            start += section.size
            sections.append(section)
        return tuple(sections)

    @cached_property
    def _whole_net(self) -> dict[str, tuple[Scalar, ...]]:
        """Options of the parameters that apply to the whole net; they come last in every section."""
        return {
            "activation": self.activation,
            "batch_norm": self.batch_norm,
            "head": tuple(map(str, self.head)),
        }

    def _section(self, num_blocks: int, start: int) -> Section:
        named: list[tuple[str, tuple[Scalar, ...], int | None]] = []
        for name, choice in (
            ("convs", self.convs_per_block),
            ("ratio", self.ratio),
            ("kernel", self.kernel_size),
        ):
            if choice.varies_by_block:
                named += [(f"{name}_{stage + 1}", choice.values, stage) for stage in range(num_blocks)]
            else:
                named.append((name, choice.values, None))
        named += [(name, options, None) for name, options in self._whole_net.items()]
        parameters: list[Parameter] = []
        weight = 1
        for name, options, stage in reversed(named):
            parameters.append(Parameter(name, options, weight, stage))
            weight *= len(options)
        return Section(num_blocks, start, weight, tuple(reversed(parameters)))

    @cached_property
    def ranges(self) -> dict[str, tuple[int, int]]:
        """Smallest and largest value of each of `METRICS` among the candidates."""
        values: dict[str, list[int]] = {metric: [] for metric in METRICS}
        for pick, divide in ((min, max), (max, min)):
            convs, kernel = pick(self.convs_per_block.values), pick(self.kernel_size.values)
            widths = [channels // divide(self.ratio.values) for channels in self.channels]
            blocks = [Block.uniform(convs, width, kernel) for width in widths]
            for num_blocks in self.num_blocks:
                net = Architecture(tuple(blocks[:num_blocks]), pick(self.batch_norm))
                found = cost(net, self.task)
                # Many heads share one net's blocks, and only the cost of blocks can exceed 64 bits.
                gap, *heads = (
                    head_costs(
                        head,
                        num_blocks,
                        np.array([widths[num_blocks - 1]]),
                        self.task,
                    )[:, 0].tolist()
                    for head in (net.head, *self.head)
                )
                for head in heads:
                    for metric, own, instead in zip(METRICS, gap, head, strict=True):
                        values[metric].append(getattr(found, metric) - own + instead)
        return {metric: (min(some), max(some)) for metric, some in values.items()}

    def candidate(self, index: int) -> Architecture:
        """The candidate at `index`, from 0 to `size - 1`; raises IndexError for any other."""
        if not 0 <= index < self.size:
            raise IndexError(f"candidates are numbered 0 to {self.size - 1}, not {index}")
        return self.candidates(np.array([index], dtype=np.int64))[0]

    def candidates(self, indices: IntArray) -> list[Architecture]:
        """The candidates at `indices`, [N], each from 0 to `size - 1`."""
        found: dict[int, Architecture] = {}
        for section in self.sections:
            inside = indices[(indices >= section.start) & (indices < section.start + section.size)]
            rows = section.digits(inside - section.start).tolist()
            columns = [section.columns(name) for name in ("convs", "ratio", "kernel")]
            for index, digits in zip(inside.tolist(), rows, strict=True):
                found[index] = self._architecture(columns, digits)
        return [found[index] for index in indices.tolist()]

    def _architecture(self, columns: Sequence[Sequence[int]], digits: Sequence[int]) -> Architecture:
        blocks = []
        for channels, convs, ratio, kernel in zip(self.channels, *columns, strict=False):
            kernels = (self.kernel_size.values[digits[kernel]],) * self.convs_per_block.values[digits[convs]]
            blocks.append(Block(channels // self.ratio.values[digits[ratio]], kernels))
        activation, batch_norm, head = digits[-3:]
        return Architecture(
            tuple(blocks), self.batch_norm[batch_norm], self.head[head], self.activation[activation]
        )

    def index(self, architecture: Architecture) -> int | None:
        """Index of `architecture` among the candidates; None where it is not one of them."""
        located = self.locate(architecture)
        return None if located is None else located[0].index(located[1])

    def locate(self, architecture: Architecture) -> tuple[Section, tuple[int, ...]] | None:
        """The section and the digits of `architecture`; None where it is not a candidate."""
        stages = len(architecture.blocks)
        section = next((section for section in self.sections if section.num_blocks == stages), None)
        if section is None:
            return None
        fits: dict[str, list[set[Scalar | None]]] = {
            "convs": [{block.num_convs} for block in architecture.blocks],
            "kernel": [{block.kernel_size} for block in architecture.blocks],
            "ratio": [
                {ratio for ratio in self.ratio.values if channels // ratio == block.channels}
                for channels, block in zip(self.channels, architecture.blocks, strict=False)
            ],
        }
        digits = []
        for parameter in section.parameters[: -len(self._whole_net)]:
            own = fits[parameter.name.partition("_")[0]]
            if parameter.stage is not None:
                own = [own[parameter.stage]]
            fitting = [i for i, option in enumerate(parameter.options) if all(option in fit for fit in own)]
            if not fitting:
                return None
            digits.append(fitting[0])
        levels = (architecture.activation, architecture.batch_norm, str(architecture.head))
        for value, options in zip(levels, self._whole_net.values(), strict=True):
            if value not in options:
                return None
            digits.append(options.index(value))
        return section, tuple(digits)

    def costs(self, indices: IntArray) -> dict[str, IntArray]:
        """`METRICS` of the candidates at `indices`, [N], as arrays [N], at about a million a second."""
        result = {metric: np.zeros(len(indices), dtype=np.int64) for metric in METRICS}
        for section in self.sections:
            inside = np.flatnonzero((indices >= section.start) & (indices < section.start + section.size))
            for start in range(0, len(inside), CACHED):
                rows = inside[start : start + CACHED]
                for metric, values in self._costs(section, indices[rows] - section.start).items():
                    result[metric][rows] = values
        return result

    def _costs(self, section: Section, local: IntArray) -> dict[str, IntArray]:
        digits = section.digits(local)
        convs, ratio, kernel = (digits[:, section.columns(name)] for name in ("convs", "ratio", "kernel"))
        return costs(
            np.array(self.convs_per_block.values)[convs],
            self.widths[np.arange(section.num_blocks), ratio],
            np.array(self.kernel_size.values)[kernel],
            np.array(self.batch_norm)[digits[:, -2]],
            self.head,
            digits[:, -1],
            self.task,
        )

    def _not_a_candidate(self, architecture: Architecture) -> SpaceError:
        return SpaceError(
            f"{architecture} is not among the {self.size} candidates of the space: widen its choices"
        )

    @cached_property
    def widths(self) -> IntArray:
        """Channels of each block by each ratio, [stage, ratio]."""
        return np.array([[c // ratio for ratio in self.ratio.values] for c in self.channels], dtype=np.int64)

    def build(self, choose: Choose) -> Architecture:
        """Ask `choose` for each parameter that applies and has several options; build the chosen net."""
        section = self.sections[_ask(choose, "num_blocks", self.num_blocks)]
        digits = [_ask(choose, parameter.name, parameter.options) for parameter in section.parameters]
        return self.candidate(section.index(digits))

    def params_of(self, architecture: Architecture) -> dict[str, Scalar]:
        """The answers for which `build` returns `architecture`; raises `SpaceError` where there are none."""
        located = self.locate(architecture)
        if located is None:
            raise self._not_a_candidate(architecture)
        section, digits = located
        params: dict[str, Scalar] = {}
        if len(self.num_blocks) > 1:
            params["num_blocks"] = section.num_blocks
        for parameter, digit in zip(section.parameters, digits, strict=True):
            if len(parameter.options) > 1:
                params[parameter.name] = parameter.options[digit]
        return params


def _ask(choose: Choose, name: str, options: Sequence[Scalar]) -> int:
    if len(options) == 1:
        return 0
    value = choose(name, options)
    if value not in options:
        raise SpaceError(
            f"{name} is one of {shortened(tuple(options))}, not {shortened(value)}: choose one of them"
        )
    return options.index(value)
