"""Kernel contrasts: nets with kernels of another size, derived from a control, each holding something equal.

    k, K    kernel size of the control's convolutions, and the one it is compared with
    g       (K − 1) / (k − 1): so many k×k convolutions see what one K×K sees

| contrast | what becomes of the control | held equal |
|---|---|---|
| `drop-in` | every k×k becomes K×K | depth, width |
| `receptive-field` | every g of k×k become one K×K | receptive field, width |
| `receptive-field-depth` | every g become one K×K, then g − 1 of 1×1 | receptive field, depth, width |
| `iso-params` | drop-in, channels solved | parameters, depth |
| `iso-macs` | drop-in, channels solved | MACs, depth |
| `iso-macs-receptive-field` | receptive-field, channels solved | MACs, receptive field |
| `iso-time` | drop-in, given the control's training seconds | training seconds, depth, width |
| `control-again` | nothing: other seeds | everything |

`receptive-field` is the paper's own (Simonyan & Zisserman, arXiv 1409.1556v6, §4.1); its §2.3 says why g
convolutions stand against one. With as many 1×1 after it, `receptive-field-depth` has as many convolutions
and non-linearities as the control. `control-again` tests the method: its effect is 0.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from vggsearch.arch import Architecture, Block, Task, expand
from vggsearch.designs.design import CONTROL, Arm, Design, Held
from vggsearch.designs.one_control import Side, beside
from vggsearch.designs.widths import Measure, match_width, measured
from vggsearch.errors import DesignError
from vggsearch.recipe import Recipe
from vggsearch.text import quoted, suggestion

NULL = "control-again"
"""Not `null`, which YAML reads as nothing."""

NULL_SEED_OFFSET = 2000
"""Added to the seeds of an arm that is compared with itself."""


def drop_in(control: Architecture, kernel_size: int) -> Architecture:
    """`control` with every kernel of `kernel_size`."""
    return _with_kernels(control, lambda block: (kernel_size,) * block.num_convs)


def receptive_field(control: Architecture, kernel_size: int) -> Architecture:
    """`control` with every g convolutions as one of `kernel_size`. Raises as `group_size`."""
    group = group_size(control, kernel_size)
    return _with_kernels(control, lambda block: (kernel_size,) * (block.num_convs // group))


def receptive_field_depth(control: Architecture, kernel_size: int) -> Architecture:
    """`control` with every g convolutions as one of `kernel_size`, g − 1 of 1×1. Raises as `group_size`."""
    group = group_size(control, kernel_size)
    kernels = (kernel_size, *(1,) * (group - 1))
    return _with_kernels(control, lambda block: kernels * (block.num_convs // group))


def group_size(control: Architecture, kernel_size: int) -> int:
    """g, of how many of the control's convolutions one of `kernel_size` takes the place.

    Raises `DesignError` where g is no whole number from 2, or does not divide every block's convolutions.
    """
    own = common_kernel(control)
    group, rest = divmod(kernel_size - 1, own - 1) if own > 1 else (0, 0)
    if rest or group < 2:
        raise DesignError(
            f"one {_square(kernel_size)} takes the place of a whole number, at least 2, of the control's "
            f"convolutions that together see as much, and of {_square(own)} there is none: "
            + (f"use kernel_size {2 * own - 1}, for example" if own > 1 else "use a control of 3×3")
        )
    for number, block in enumerate(control.blocks, start=1):
        if block.num_convs % group:
            raise DesignError(
                f"{group} convolutions of {_square(own)} become one of {_square(kernel_size)}, so that every "
                f"block has a multiple of {group} convolutions, and block {number} ({block}) has "
                f"{block.num_convs}: give it {block.num_convs + group - block.num_convs % group}, for example"
            )
    return group


def common_kernel(control: Architecture) -> int:
    """k, which all convolutions share; `DesignError` where they do not."""
    if control.kernel_size is None:
        raise DesignError(
            f"all convolutions of a control have one kernel size, and those of {quoted(str(control))} "
            "differ: write it with one"
        )
    return control.kernel_size


@dataclass(frozen=True, slots=True)
class _Derivation:
    """How a contrast's arm comes from the control, and what it promises to hold."""

    derive: Callable[[Architecture, int], Architecture]
    held: tuple[Held, ...]
    solved: Measure | None = None
    """What the channels are solved for."""
    same_time: bool = False


_DERIVATIONS: Mapping[str, _Derivation] = MappingProxyType(
    {
        "drop-in": _Derivation(drop_in, ("depth", "width")),
        "receptive-field": _Derivation(receptive_field, ("receptive field", "width")),
        "receptive-field-depth": _Derivation(receptive_field_depth, ("receptive field", "depth", "width")),
        "iso-params": _Derivation(drop_in, ("parameters", "depth"), solved="params"),
        "iso-macs": _Derivation(drop_in, ("MACs", "depth"), solved="macs"),
        "iso-macs-receptive-field": _Derivation(receptive_field, ("MACs", "receptive field"), solved="macs"),
        "iso-time": _Derivation(drop_in, ("training seconds", "depth", "width"), same_time=True),
    }
)

KERNEL_CONTRASTS = (*_DERIVATIONS, NULL)
"""Names of the contrasts, in the table's order."""


def kernel_design(
    control: Architecture,
    recipe: Recipe,
    names: Sequence[str],
    kernel_size: int,
    task: Task,
) -> Design:
    """The contrasts of those names, in that order: `control` against arms with `kernel_size`.

    Arms that are the same run stand once, under the first one's name.

    Raises `DesignError` where a name is unknown or stands twice, where the control's kernels differ or are of
    `kernel_size` already, where they cannot be grouped, and where no width solves an equality;
    `ArchitectureError` where the control does not fit the images, or `kernel_size` is none.
    """
    _check_names(names)
    expand(control, task)
    sides = [_side(name, control, recipe, kernel_size, task) for name in names]
    return beside(Arm(CONTROL, control, recipe), sides)


def _check_names(names: Sequence[str]) -> None:
    if not names:
        raise DesignError(
            f"an ablation has at least one contrast, not none: use one of {', '.join(KERNEL_CONTRASTS)}"
        )
    for i, name in enumerate(names):
        if name not in KERNEL_CONTRASTS:
            raise DesignError(f"no contrast is named {quoted(name)}: {suggestion(name, KERNEL_CONTRASTS)}")
        if name in names[:i]:
            raise DesignError(f"each contrast is named once, and {name} is twice: remove one of them")


def _side(
    name: str,
    control: Architecture,
    recipe: Recipe,
    kernel_size: int,
    task: Task,
) -> Side:
    if name == NULL:
        arm = Arm(NULL, control, recipe, seed_offset=NULL_SEED_OFFSET)
        return Side(arm, "control", "control again", held=("everything",))
    how = _DERIVATIONS[name]
    try:
        own = common_kernel(control)
        if own == kernel_size:
            raise DesignError(
                f"a contrast changes the control's kernels, and all are {_square(own)} already: "
                "use another kernel_size"
            )
        architecture = how.derive(control, kernel_size)
        if how.solved is not None:
            target = measured(control, how.solved, task)
            architecture = match_width(architecture, target, how.solved, task)
    except DesignError as error:
        raise DesignError(f"{name}: {error}") from error
    with_1x1 = " then 1×1" if how.derive is receptive_field_depth else ""
    return Side(
        Arm(name, architecture, recipe, same_time_as=CONTROL if how.same_time else None),
        better=_square(own),
        worse=f"{_square(kernel_size)}{with_1x1}",
        at=f"at equal {_listed(how.held)}",
        held=how.held,
    )


def _with_kernels(control: Architecture, kernels: Callable[[Block], tuple[int, ...]]) -> Architecture:
    return replace(
        control, blocks=tuple(replace(block, kernel_sizes=kernels(block)) for block in control.blocks)
    )


def _square(kernel_size: int) -> str:
    return f"{kernel_size}×{kernel_size}"


def _listed(held: Sequence[Held]) -> str:
    words = ["training time" if what == "training seconds" else what for what in held]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
