"""Kernel contrasts: a control against nets with another kernel size, at equal cost, depth or the like.

    k, K    kernel size of the control's convolutions, and the one it is compared with
    g       (K − 1) / (k − 1): the number of k×k convolutions with the receptive field of one K×K

| contrast | change to the control | held equal |
|---|---|---|
| `drop-in` | every k×k becomes K×K | depth, width |
| `receptive-field` | every g k×k become one K×K | receptive field, width |
| `receptive-field-depth` | every g k×k become one K×K and g − 1 of 1×1 | receptive field, depth, width |
| `iso-params` | drop-in, channels adjusted | parameters, depth |
| `iso-macs` | drop-in, channels adjusted | MACs, depth |
| `iso-macs-receptive-field` | receptive-field, channels adjusted | MACs, receptive field |
| `iso-time` | drop-in, trained for as many seconds as the control | training seconds, depth, width |
| `control-again` | none; other seeds | everything |

`receptive-field` is the paper's comparison (Simonyan & Zisserman, arXiv 1409.1556v6, §4.1; §2.3 says why g
convolutions are compared with one). Its 1×1 convolutions give `receptive-field-depth` as many convolutions
and non-linearities as the control. `control-again` tests the method: its true effect is 0.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from vggsearch.arch import MAX_KERNEL, Architecture, Block, Task, expand
from vggsearch.designs.design import CONTROL, Arm, Design, Held
from vggsearch.designs.one_control import Comparison, against_control
from vggsearch.designs.widths import Measure, match_width, measured
from vggsearch.errors import DesignError
from vggsearch.recipe import Recipe
from vggsearch.text import quoted, suggestion

NULL = "control-again"
"""Name of the contrast of the control with itself; YAML would read `null` as no value."""

NULL_SEED_OFFSET = 2000
"""Number added to the seeds of the arm that repeats the control."""


def drop_in(control: Architecture, kernel_size: int) -> Architecture:
    """`control` with `kernel_size` in every convolution."""
    return _with_kernels(control, lambda block: (kernel_size,) * block.num_convs)


def receptive_field(control: Architecture, kernel_size: int) -> Architecture:
    """`control` with every g convolutions replaced by one of `kernel_size`. Raises as `group_size`."""
    group = group_size(control, kernel_size)
    return _with_kernels(control, lambda block: (kernel_size,) * (block.num_convs // group))


def receptive_field_depth(control: Architecture, kernel_size: int) -> Architecture:
    """`control` with every g convolutions replaced by one of `kernel_size` and g − 1 of 1×1.

    Raises as `group_size`.
    """
    group = group_size(control, kernel_size)
    kernels = (kernel_size, *(1,) * (group - 1))
    return _with_kernels(control, lambda block: kernels * (block.num_convs // group))


def group_size(control: Architecture, kernel_size: int) -> int:
    """g, the number of the control's convolutions that one of `kernel_size` replaces.

    Raises `DesignError` where g is no whole number from 2, or does not divide the convolutions of a block.
    """
    own = common_kernel(control)
    group, rest = divmod(kernel_size - 1, own - 1) if own > 1 else (0, 0)
    if rest or group < 2:
        larger = 2 * own - 1
        fits = own < larger <= MAX_KERNEL
        raise DesignError(
            f"one {_square(kernel_size)} replaces 2 or more of the control's convolutions that have its "
            f"receptive field, and no number of {_square(own)} has it: "
            + (f"use kernel_size {larger}, for example" if fits else "use a control of 3×3")
        )
    for number, block in enumerate(control.blocks, start=1):
        if block.num_convs % group:
            raise DesignError(
                f"{group} convolutions of {_square(own)} become one of {_square(kernel_size)}, so every "
                f"block needs a multiple of {group} convolutions, and block {number} ({block}) has "
                f"{block.num_convs}: give it {block.num_convs + group - block.num_convs % group}, for example"
            )
    return group


def common_kernel(control: Architecture) -> int:
    """k, the kernel size of all convolutions; raises `DesignError` where they differ."""
    if control.kernel_size is None:
        raise DesignError(
            f"all convolutions of a control have one kernel size, and those of {quoted(str(control))} "
            "differ: give them the same"
        )
    return control.kernel_size


@dataclass(frozen=True, slots=True)
class _Derivation:
    """How the arm of a contrast is derived from the control, and what is held equal."""

    derive: Callable[[Architecture, int], Architecture]
    held: tuple[Held, ...]
    solved: Measure | None = None
    """The measure that the channels are adjusted to match."""
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
"""Names of the contrasts, in the order of the table above."""


def kernel_design(
    control: Architecture,
    recipe: Recipe,
    names: Sequence[str],
    kernel_size: int,
    task: Task,
) -> Design:
    """The named contrasts, in the given order: `control` against arms with `kernel_size`.

    Arms with the same runs are listed once, under the name of the first.

    Raises `DesignError` where a name is unknown or listed twice, where the control's kernels differ or have
    `kernel_size` already, where they cannot be grouped, and where no width gives equal cost;
    `ArchitectureError` where the control does not fit the images, or `kernel_size` is invalid.
    """
    _check_names(names)
    expand(control, task)
    comparisons = [_comparison(name, control, recipe, kernel_size, task) for name in names]
    return against_control(Arm(CONTROL, control, recipe), comparisons)


def _check_names(names: Sequence[str]) -> None:
    if not names:
        raise DesignError(
            f"an ablation has at least one contrast, not none: use one of {', '.join(KERNEL_CONTRASTS)}"
        )
    for i, name in enumerate(names):
        if name not in KERNEL_CONTRASTS:
            raise DesignError(f"no contrast is named {quoted(name)}: {suggestion(name, KERNEL_CONTRASTS)}")
        if name in names[:i]:
            raise DesignError(f"each contrast is listed once, and {name} twice: remove one of them")


def _comparison(
    name: str,
    control: Architecture,
    recipe: Recipe,
    kernel_size: int,
    task: Task,
) -> Comparison:
    if name == NULL:
        arm = Arm(NULL, control, recipe, seed_offset=NULL_SEED_OFFSET)
        return Comparison(arm, "control", "control again", held=("everything",))
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
    return Comparison(
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
