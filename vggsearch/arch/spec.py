"""`Architecture`: a stack of `Block`s and a `Head`, and the text form that names it.

The text form is the architecture's identity in files, on the command line and in tables:

    1x16-1x32-2x64k5-2x128k3,1+bn+gelu+gap
    │    │    │      │         │  │    └ head: `gap`, or `fc4096,4096`
    │    │    │      │         │  └ activation, where it is not ReLU
    │    │    │      │         └ batch normalisation after every convolution
    │    │    │      └ two convolutions of 128 channels, the first 3×3, the second 1×1
    │    │    └ two 5×5 convolutions of 64 channels
    └────┴ one 3×3 convolution of 16 (32) channels; every block ends in a 2×2 max-pool of stride 2

Zoo names (`vgg16-bn`, `d2l-vgg11/4`) are read by `vggsearch.arch.parse`, which adds them to this form.
"""

import re
from dataclasses import dataclass, replace
from typing import Literal, NoReturn, get_args

from vggsearch.errors import ArchitectureError
from vggsearch.text import quoted

MAX_TEXT = 2000
"""Longest text that is read, in characters; longer input is not an architecture."""

MAX_BLOCKS = 16
MAX_CONVS = 32
MAX_CHANNELS = 65536
MAX_KERNEL = 31

Activation = Literal["relu", "leaky_relu", "gelu", "silu"]
ACTIVATIONS: tuple[Activation, ...] = get_args(Activation)
"""`vggsearch.model.ACTIVATION_MODULES` has the module of each, which may work in place."""

DROPOUT = 0.5
"""Dropout probability after each hidden layer of an `fc` head (Simonyan & Zisserman 2014, §3.1)."""

_BLOCK = re.compile(r"([0-9]{1,9})x([0-9]{1,9})(?:k([0-9]{1,9}(?:,[0-9]{1,9})*))?", re.ASCII)
_FC = re.compile(r"fc([0-9]{1,9}(?:,[0-9]{1,9})*)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Block:
    """`len(kernel_sizes)` stride-1 "same" convolutions of `channels` channels, then a 2×2 stride-2 pool."""

    channels: int
    """Output channels of every convolution of the block."""
    kernel_sizes: tuple[int, ...]
    """One odd kernel size per convolution; the padding is half of it, so that the image keeps its size."""

    def __post_init__(self) -> None:
        if not 1 <= len(self.kernel_sizes) <= MAX_CONVS:
            raise ArchitectureError(
                f"a block has 1 to {MAX_CONVS} convolutions, not {len(self.kernel_sizes)}: "
                "use 1 or 2, for example"
            )
        if not 1 <= self.channels <= MAX_CHANNELS:
            remedy = "fewer channels" if self.channels > 1 else "more channels or a smaller ratio"
            raise ArchitectureError(
                f"a block has 1 to {MAX_CHANNELS} channels, not {self.channels}: use {remedy}"
            )
        for kernel in self.kernel_sizes:
            if kernel % 2 == 0 or not 1 <= kernel <= MAX_KERNEL:
                raise ArchitectureError(
                    f"a kernel size is odd and from 1 to {MAX_KERNEL}, not {kernel}: use 3 or 5, for example"
                )

    @classmethod
    def uniform(cls, num_convs: int, channels: int, kernel_size: int = 3) -> "Block":
        """A block of `num_convs` identical convolutions."""
        if not 1 <= num_convs <= MAX_CONVS:
            raise ArchitectureError(
                f"a block has 1 to {MAX_CONVS} convolutions, not {num_convs}: use 1 or 2, for example"
            )
        return cls(channels, (kernel_size,) * num_convs)

    @property
    def num_convs(self) -> int:
        """Number of convolutions."""
        return len(self.kernel_sizes)

    @property
    def kernel_size(self) -> int | None:
        """The kernel size of all its convolutions; None where they differ."""
        return self.kernel_sizes[0] if len(set(self.kernel_sizes)) == 1 else None

    def __str__(self) -> str:
        kernels = (self.kernel_sizes[0],) if self.kernel_size else self.kernel_sizes
        suffix = "" if kernels == (3,) else "k" + ",".join(map(str, kernels))
        return f"{self.num_convs}x{self.channels}{suffix}"


@dataclass(frozen=True, slots=True)
class Head:
    """The classifier: hidden fully connected layers (activation and dropout after each), or global average
    pooling.

    With `hidden == ()` the feature maps are averaged and one linear layer follows (`gap`); otherwise they are
    flattened into the first hidden layer (`fc4096,4096` is the paper's).
    """

    hidden: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if len(self.hidden) > MAX_BLOCKS or any(not 1 <= width <= MAX_CHANNELS for width in self.hidden):
            raise ArchitectureError(
                f"a head has at most {MAX_BLOCKS} hidden layers of 1 to {MAX_CHANNELS} units, not "
                f"{','.join(map(str, self.hidden))}: write gap or fc4096,4096"
            )

    @classmethod
    def parse(cls, text: str) -> "Head":
        """Read `gap` or `fc4096,4096`; anything else raises `ArchitectureError`."""
        if text == "gap":
            return cls()
        match = _FC.fullmatch(text)
        if match is None:
            raise ArchitectureError(f"a head is gap or fcN,N, not {quoted(text)}: write gap or fc4096,4096")
        return cls(tuple(int(width) for width in match[1].split(",")))

    def __str__(self) -> str:
        return "fc" + ",".join(map(str, self.hidden)) if self.hidden else "gap"


@dataclass(frozen=True, slots=True)
class Architecture:
    """A VGG-style network, without its input shape and number of classes: frozen, validated, hashable.

    `str(architecture)` is the canonical text, and `Architecture.parse` its inverse.
    """

    blocks: tuple[Block, ...]
    batch_norm: bool = False
    head: Head = Head()
    activation: Activation = "relu"
    """One of `ACTIVATIONS`: after every convolution, and after every hidden layer of the head."""

    def __post_init__(self) -> None:
        if self.activation not in ACTIVATIONS:
            raise ArchitectureError(
                f"an activation is one of {', '.join(ACTIVATIONS)}, not {quoted(self.activation)}: use relu"
            )
        if not 1 <= len(self.blocks) <= MAX_BLOCKS:
            raise ArchitectureError(
                f"an architecture has 1 to {MAX_BLOCKS} blocks, not {len(self.blocks)}: "
                "write 1x16-1x32+gap, for example"
            )

    @property
    def num_convs(self) -> int:
        """Number of convolutions in all blocks."""
        return sum(block.num_convs for block in self.blocks)

    @property
    def kernel_size(self) -> int | None:
        """The kernel size of all its convolutions; None where they differ."""
        sizes = {block.kernel_size for block in self.blocks}
        return sizes.pop() if len(sizes) == 1 else None

    def divided_by(self, ratio: int) -> "Architecture":
        """The same net and head, with every channel count floor-divided by `ratio`, as in the d2l chapter.

        Raises `ArchitectureError` where a block would have no channel left.
        """
        if ratio < 1:
            raise ArchitectureError(
                f"a ratio is a whole number from 1, not {ratio}: write vgg11/4, for example"
            )
        narrowest = min(block.channels for block in self.blocks)
        if narrowest < ratio:
            raise ArchitectureError(
                f"ratio {ratio} leaves no channel in a block of {narrowest}: "
                f"use a ratio of at most {narrowest}"
            )
        return replace(
            self, blocks=tuple(replace(block, channels=block.channels // ratio) for block in self.blocks)
        )

    @classmethod
    def parse(cls, text: str) -> "Architecture":
        """Read the canonical text form; any other text raises a one-line `ArchitectureError`."""
        if len(text) > MAX_TEXT:
            raise ArchitectureError(
                f"an architecture is at most {MAX_TEXT} characters, not {len(text)}: "
                "write 1x16-1x32+gap, for example"
            )
        body, *tail = text.split("+")
        batch_norm = bool(tail) and tail[0] == "bn"
        heads = tail[1:] if batch_norm else tail
        activation: Activation = "relu"
        if heads and heads[0] in ACTIVATIONS[1:]:
            activation, heads = heads[0], heads[1:]
        if len(heads) != 1:
            position = len(text) - len("+".join(["", *heads]))
            _expected(text, position, "one head, +gap or +fc4096,4096, after the blocks, +bn and activation")
        blocks = []
        position = 0
        for part in body.split("-"):
            match = _BLOCK.fullmatch(part)
            if match is None:
                _expected(text, position, "a block NUMxCHANNELS or NUMxCHANNELSkKERNEL, as in 2x64 or 2x64k5")
            blocks.append(_block(match, text, position))
            position += len(part) + 1
        return cls(tuple(blocks), batch_norm, Head.parse(heads[0]), activation)

    def __str__(self) -> str:
        parts = ["-".join(map(str, self.blocks))]
        parts += ["bn"] if self.batch_norm else []
        parts += [self.activation] if self.activation != "relu" else []
        return "+".join([*parts, str(self.head)])


def _block(match: re.Match[str], text: str, position: int) -> Block:
    num_convs, channels = int(match[1]), int(match[2])
    kernels = tuple(int(kernel) for kernel in (match[3] or "3").split(","))
    if len(kernels) == 1:
        return Block.uniform(num_convs, channels, kernels[0])
    if len(kernels) != num_convs:
        _expected(text, position, f"one kernel size, or {num_convs} of them for {num_convs} convolutions")
    return Block(channels, kernels)


def _expected(text: str, position: int, expected: str) -> NoReturn:
    raise ArchitectureError(f"architecture {quoted(text)}, character {position + 1}: expected {expected}")
