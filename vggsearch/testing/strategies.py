"""Hypothesis strategies: blocks, heads, architectures and small spaces."""

from dataclasses import replace

from hypothesis import strategies as st

from vggsearch.arch import (
    ACTIVATIONS,
    MAX_BLOCKS,
    MAX_CHANNELS,
    MAX_CONVS,
    MAX_KERNEL,
    Activation,
    Architecture,
    Block,
    Head,
    Task,
)
from vggsearch.costs import METRICS, cost
from vggsearch.space import Choice, Constraint, ListedSpace, SearchSpace

KERNELS = (1, 3, 5, 7)


def blocks(
    max_convs: int = 3, max_channels: int = 16, kernels: tuple[int, ...] = KERNELS
) -> st.SearchStrategy[Block]:
    """Blocks, small by default; the kernels of their convolutions may differ."""
    sizes = st.lists(st.sampled_from(kernels), min_size=1, max_size=max_convs).map(tuple)
    return st.builds(Block, st.integers(1, max_channels), sizes)


def heads(max_layers: int = 2, max_width: int = 16) -> st.SearchStrategy[Head]:
    """Heads, small by default."""
    return st.builds(Head, st.lists(st.integers(1, max_width), max_size=max_layers).map(tuple))


def activations() -> st.SearchStrategy[Activation]:
    """Activations, ReLU most often."""
    return st.sampled_from(("relu", *ACTIVATIONS))


@st.composite
def input_shapes(draw: st.DrawFn, min_side: int = 8, max_side: int = 33) -> tuple[int, int, int]:
    """Image shapes (channels, height, width); height and width may differ and be odd."""
    sides = st.integers(min_side, max_side)
    return draw(st.sampled_from((1, 3))), draw(sides), draw(sides)


@st.composite
def architectures(draw: st.DrawFn, input_shape: tuple[int, int, int] = (1, 28, 28)) -> Architecture:
    """Small architectures that fit `input_shape`."""
    stack = st.lists(blocks(), min_size=1, max_size=min(4, Task(input_shape).max_blocks)).map(tuple)
    return Architecture(draw(stack), draw(st.booleans()), draw(heads()), draw(activations()))


def any_architectures() -> st.SearchStrategy[Architecture]:
    """Architectures of any valid size; the images that they need may be of any size too."""
    odd = tuple(range(1, MAX_KERNEL + 1, 2))
    stack = st.lists(blocks(MAX_CONVS, MAX_CHANNELS, odd), min_size=1, max_size=MAX_BLOCKS).map(tuple)
    return st.builds(Architecture, stack, st.booleans(), heads(MAX_BLOCKS, MAX_CHANNELS), activations())


def choices(options: tuple[int, ...], max_size: int = 2) -> st.SearchStrategy[Choice]:
    """Choices among `options`, for the whole net or per block, in any order."""
    values = st.lists(st.sampled_from(options), min_size=1, max_size=max_size, unique=True).map(tuple)
    return st.builds(Choice, values, st.booleans())


@st.composite
def search_spaces(
    draw: st.DrawFn, constrained: bool | None = None, max_depth: int = 3, max_options: int = 2
) -> SearchSpace:
    """Search spaces of at most a few thousand candidates; constrained, unconstrained, or (None) either."""
    input_shape = draw(input_shapes())
    depth = min(max_depth, Task(input_shape).max_blocks)
    orders = st.lists(st.integers(1, depth), min_size=1, max_size=depth, unique=True).map(tuple)
    space = SearchSpace(
        num_blocks=draw(orders),
        convs_per_block=draw(choices((1, 2, 3), max_options)),
        ratio=draw(choices((1, 2, 4), max_options)),
        kernel_size=draw(choices(KERNELS, max_options)),
        activation=draw(st.sampled_from((("relu",), ("silu",), ("gelu", "relu")))),
        batch_norm=draw(st.sampled_from(((False,), (True,), (False, True)))),
        head=draw(st.lists(heads(), min_size=1, max_size=2, unique=True).map(tuple)),
        channels=draw(st.lists(st.integers(4, 24), min_size=depth, max_size=depth).map(tuple)),
        task=Task(input_shape, draw(st.integers(2, 12))),
    )
    if not (draw(st.booleans()) if constrained is None else constrained):
        return space
    return _constrained(draw, space)


def _constrained(draw: st.DrawFn, space: SearchSpace) -> SearchSpace:
    """`space` with limits that at least one candidate keeps."""
    candidate = space.candidate(draw(st.integers(0, space.size - 1)))
    kept = cost(candidate, space.task)
    constraints = []
    for metric in draw(st.lists(st.sampled_from(METRICS), min_size=1, max_size=3, unique=True)):
        value: int = getattr(kept, metric)
        low = draw(st.none() | st.integers(1, value)) if value else None
        high = draw(st.none() | st.integers(value, 2 * value)) if value else 1
        constraints.append(Constraint(metric, low, value if low is high is None else high))
    return replace(space, constraints=tuple(constraints))


@st.composite
def listed_spaces(draw: st.DrawFn) -> ListedSpace:
    """Lists of one to eight small architectures."""
    input_shape = draw(input_shapes())
    nets = st.lists(architectures(input_shape), min_size=1, max_size=8, unique=True).map(tuple)
    return ListedSpace(draw(nets), Task(input_shape, draw(st.integers(2, 12))))
