"""Random controls: nets of one kernel size whose blocks can be grouped."""

from hypothesis import strategies as st

from vggsearch.arch import Architecture, Block, Task
from vggsearch.testing.strategies import heads, input_shapes

Case = tuple[Architecture, tuple[int, int, int], int]


@st.composite
def controls(draw, group=2, kernel_size=3, min_channels=16, max_channels=64) -> Case:
    """A control whose blocks have multiples of `group` convolutions, and its task."""
    input_shape = draw(input_shapes())
    block = st.builds(
        lambda groups, channels: Block.uniform(group * groups, channels, kernel_size),
        st.integers(1, 2),
        st.integers(min_channels, max_channels),
    )
    stack = st.lists(block, min_size=1, max_size=min(4, Task(input_shape).max_blocks)).map(tuple)
    control = Architecture(draw(stack), draw(st.booleans()), draw(heads()))
    return control, Task(input_shape, draw(st.integers(2, 12)))
