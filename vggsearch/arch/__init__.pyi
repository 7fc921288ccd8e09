from .layers import (
    MAX_SIDE as MAX_SIDE,
    Layer as Layer,
    Op as Op,
    Shape as Shape,
    check_input as check_input,
    expand as expand,
    max_blocks as max_blocks,
)
from .spec import (
    DROPOUT as DROPOUT,
    MAX_BLOCKS as MAX_BLOCKS,
    MAX_CHANNELS as MAX_CHANNELS,
    MAX_CONVS as MAX_CONVS,
    MAX_KERNEL as MAX_KERNEL,
    Architecture as Architecture,
    Block as Block,
    Head as Head,
)
from .zoo import ZOO as ZOO, ZooEntry as ZooEntry, parse as parse
