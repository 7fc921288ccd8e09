from .layers import Layer as Layer, Shape as Shape, expand as expand
from .spec import (
    ACTIVATIONS as ACTIVATIONS,
    DROPOUT as DROPOUT,
    MAX_BLOCKS as MAX_BLOCKS,
    MAX_CHANNELS as MAX_CHANNELS,
    MAX_CONVS as MAX_CONVS,
    MAX_KERNEL as MAX_KERNEL,
    Activation as Activation,
    Architecture as Architecture,
    Block as Block,
    Head as Head,
)
from .task import FASHION_MNIST as FASHION_MNIST, MAX_SIDE as MAX_SIDE, Task as Task
from .zoo import ZOO as ZOO, parse as parse
