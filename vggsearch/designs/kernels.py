"""Kernel contrasts: nets with larger kernels derived from a control, each holding something else equal.

    k, K    kernel size of the control, and the one it is compared with
    g       = (K − 1) / (k − 1): so many k×k convolutions see what one K×K sees

| contrast | what becomes of the control | held equal |
|---|---|---|
| drop-in | every k×k becomes K×K | depth, width |
| receptive-field | every g of k×k become one K×K | receptive field, width |
| receptive-field-depth | every g become one K×K, then g − 1 of 1×1 | receptive field, depth, width |
| iso-params | drop-in, channels solved | parameters, depth |
| iso-macs | drop-in, channels solved | MACs, depth |
| iso-macs-receptive-field | receptive-field, channels solved | MACs, receptive field |
| iso-time | drop-in, fewer or more steps | training seconds, depth, width |
| null | nothing: other seeds | everything |

The second is the paper's own (Simonyan & Zisserman, arXiv 1409.1556v6, §4.1), and §2.3 is why g convolutions
are compared with one.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from vggsearch.arch import Architecture, Block
from vggsearch.designs.design import CONTROL, Arm, Contrast, Design, Held
from vggsearch.designs.widths import match_width
from vggsearch.errors import DesignError
from vggsearch.recipe import Recipe

NULL_SEED_OFFSET = 2000
"""Seeds of an arm that is compared with itself are so much larger."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """How one contrast changes the control."""

    derive: Callable[[Architecture, int], Architecture]
    """The net with kernels of a size, before its channels are solved."""
    held: tuple[Held, ...]
    solved: Held | None = None
    same_time_as: str | None = None


def drop_in(control: Architecture, kernel_size: int) -> Architecture:
    """The control with all kernels of `kernel_size`."""
    _common_size(control)
    blocks = (Block.uniform(block.num_convs, block.channels, kernel_size) for block in control.blocks)
    return replace(control, blocks=tuple(blocks))


def merged(control: Architecture, kernel_size: int, *, with_1x1: bool = False) -> Architecture:
    """The control with every g convolutions replaced by one of `kernel_size`, and g − 1 of 1×1 after it where
    `with_1x1`. Raises `DesignError` where g is no whole number above 1, or does not divide a block.
    """
    size = _common_size(control)
    count, rest = divmod(kernel_size - 1, size - 1) if size > 1 else (0, 1)
    if rest or count < 2:
        raise DesignError(
            f"one {kernel_size}×{kernel_size} sees what a whole number of {size}×{size} see, at least 2, and "
            "here it does not: use kernel_size 5 or 7 against a control of 3×3"
        )
    for number, block in enumerate(control.blocks, start=1):
        if block.num_convs % count:
            raise DesignError(
                f"{count} convolutions of {size}×{size} become one {kernel_size}×{kernel_size}, so every block has "
                f"a multiple of {count}, not {block.num_convs} as block {number} ({block}): change the control"
            )
    group = (kernel_size, *[1] * (count - 1)) if with_1x1 else (kernel_size,)
    blocks = (replace(block, kernel_sizes=group * (block.num_convs // count)) for block in control.blocks)
    return replace(control, blocks=tuple(blocks))


def _with_1x1(control: Architecture, kernel_size: int) -> Architecture:
    return merged(control, kernel_size, with_1x1=True)


_KINDS: Mapping[str, _Kind] = {
    "drop-in": _Kind(drop_in, ("depth", "width")),
    "receptive-field": _Kind(merged, ("receptive field", "width")),
    "receptive-field-depth": _Kind(_with_1x1, ("receptive field", "depth", "width")),
    "iso-params": _Kind(drop_in, ("parameters", "depth"), solved="parameters"),
    "iso-macs": _Kind(drop_in, ("MACs", "depth"), solved="MACs"),
    "iso-macs-receptive-field": _Kind(merged, ("MACs", "receptive field"), solved="MACs"),
    "iso-time": _Kind(drop_in, ("training seconds", "depth", "width"), same_time_as=CONTROL),
}

NULL = "null"
KERNEL_CONTRASTS: tuple[str, ...] = (*_KINDS, NULL)
"""Names of the contrasts, in the order of the table."""


def kernel_design(
    control: Architecture,
    recipe: Recipe,
    names: Sequence[str],
    kernel_size: int,
    input_shape: tuple[int, int, int],
    num_classes: int,
) -> Design:
    """The control and an arm for each contrast in `names`; arms that are the same run stand once.

    Raises `DesignError` where a name is unknown or stands twice, and where a contrast cannot be.
    """
    unknown = [name for name in names if name not in KERNEL_CONTRASTS]
    if unknown:
        raise DesignError(f"no contrast is called {unknown[0]!r}: use {', '.join(KERNEL_CONTRASTS)}")
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise DesignError(f"each contrast stands once, and {twice} stands twice: remove one")
    arms = [Arm(CONTROL, control, recipe)]
    contrasts = []
    for name in names:
        arm = _arm(name, control, recipe, kernel_size, input_shape, num_classes)
        same = next((known for known in arms if replace(known, name=name) == arm), None)
        if same is None:
            arms.append(arm)
        contrasts.append(_contrast(name, control, kernel_size, (same or arm).name))
    return Design(tuple(arms), tuple(contrasts))


def _arm(
    name: str,
    control: Architecture,
    recipe: Recipe,
    kernel_size: int,
    input_shape: tuple[int, int, int],
    num_classes: int,
) -> Arm:
    if name == NULL:
        return Arm(name, control, recipe, seed_offset=NULL_SEED_OFFSET)
    kind = _KINDS[name]
    try:
        if _common_size(control) == kernel_size:
            raise DesignError(
                f"kernels of {kernel_size}×{kernel_size} are the control's own, so nothing would change: "
                "give another kernel_size"
            )
        architecture = kind.derive(control, kernel_size)
        if kind.solved is not None:
            architecture = match_width(architecture, control, kind.solved, input_shape, num_classes)
    except DesignError as error:
        raise DesignError(f"{name}: {error}") from error
    return Arm(name, architecture, recipe, kind.same_time_as)


def _contrast(name: str, control: Architecture, kernel_size: int, arm: str) -> Contrast:
    weights = {CONTROL: 1.0, arm: -1.0}
    if name == NULL:
        return Contrast(name, weights, "the control", "itself", "with other seeds", ("everything",))
    size = _common_size(control)
    held = _KINDS[name].held
    listed = held[0] if len(held) == 1 else f"{', '.join(held[:-1])} and {held[-1]}"
    better, worse = f"{size}×{size}", f"{kernel_size}×{kernel_size}"
    return Contrast(name, weights, better, worse, f"at equal {listed}", held)


def _common_size(control: Architecture) -> int:
    if control.kernel_size is None:
        raise DesignError(
            f"kernels are compared with a control whose convolutions all have the same, not {control}: "
            "write it with one kernel size"
        )
    return control.kernel_size
