"""What is built: architectures, their text form, the zoo, and the one expansion into layers. No torch."""

from vggsearch.arch.layers import Layer, Op, Shape, check_input, expand, max_blocks
from vggsearch.arch.spec import DROPOUT, Architecture, Block, Head
from vggsearch.arch.zoo import ZOO, ZooEntry, parse

__all__ = [
    "DROPOUT",
    "ZOO",
    "Architecture",
    "Block",
    "Head",
    "Layer",
    "Op",
    "Shape",
    "ZooEntry",
    "check_input",
    "expand",
    "max_blocks",
    "parse",
]
