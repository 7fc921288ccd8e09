"""Factors: what may be changed in a control and its recipe, one level at a time.

| factor | level | change to the control |
|---|---|---|
| `num_blocks` | whole number | only its first blocks remain, this many |
| `convs_per_block` | whole number | every block has this many convolutions, of the block's one kernel size |
| `ratio` | whole number | every channel count is floor-divided by it; the control's own level is 1 |
| `kernel_size` | odd number | every convolution has it |
| `activation` | `relu`, `gelu`, … | has this activation |
| `batch_norm` | true or false | with or without batch norm |
| `head` | `gap`, `fc128`, … | has this head |
| a field of `Recipe` but `lr` | its values | is trained with it |

`lr` is not a factor: each arm chooses its own rate from the same grid, so that no level is trained at a rate
that suits another.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from vggsearch.arch import ACTIVATIONS, MAX_CONVS, Architecture, Block, Head, Task, expand
from vggsearch.designs.design import CONTROL, Arm, Design
from vggsearch.designs.one_control import Comparison, against_control
from vggsearch.designs.recipes import RECIPE_FACTORS, with_fields
from vggsearch.designs.text import Level, level_text, quoted_level
from vggsearch.errors import ArchitectureError, DesignError
from vggsearch.recipe import Recipe
from vggsearch.text import suggestion

ARCHITECTURE_FACTORS = (
    "num_blocks",
    "convs_per_block",
    "ratio",
    "kernel_size",
    "activation",
    "batch_norm",
    "head",
)

FACTORS = (*ARCHITECTURE_FACTORS, *RECIPE_FACTORS)
"""Names of the factors, in the order in which their levels are applied."""

_EXAMPLES = {"num_blocks": "[2, 3]", "convs_per_block": "[1, 2]", "ratio": "[4, 8]", "kernel_size": "[3, 5]"}


def with_level(
    architecture: Architecture, recipe: Recipe, factor: str, level: Level
) -> tuple[Architecture, Recipe]:
    """Net and recipe with `factor` at `level` and nothing else changed. Raises as `with_levels`."""
    return with_levels(architecture, recipe, {factor: level})


def with_levels(
    architecture: Architecture, recipe: Recipe, levels: Mapping[str, Level]
) -> tuple[Architecture, Recipe]:
    """Net and recipe with each factor at its level, applied in the order of `FACTORS`.

    Raises `DesignError` where a factor is unknown, or its level has the wrong type or value.
    """
    check_factors(levels)
    for factor in ARCHITECTURE_FACTORS:
        if factor in levels:
            try:
                architecture = _built(architecture, factor, levels[factor])
            except ArchitectureError as error:
                raise DesignError(f"{factor}: {error}") from error
    fields = {name: level for name, level in levels.items() if name in RECIPE_FACTORS}
    return architecture, with_fields(recipe, fields)


def check_factors(factors: Iterable[str]) -> None:
    """Raise `DesignError` where one is not in `FACTORS`."""
    for factor in factors:
        if factor == "lr":
            raise DesignError(
                "lr is not a factor, because every arm chooses its own from one grid: "
                "list the rates under learning_rates"
            )
        if factor not in FACTORS:
            raise DesignError(f"no factor is named {quoted_level(factor)}: {suggestion(factor, FACTORS)}")


def check_levels(factor: str, levels: Sequence[Level], fewest: int) -> None:
    """Raise `DesignError` where there are fewer than `fewest` levels, or one is listed twice."""
    if len(levels) < fewest:
        raise DesignError(
            f"{factor}: a factor has at least {fewest} level{'s' * (fewest > 1)} here, not {len(levels)}: "
            "list another, or leave the factor out"
        )
    texts = [level_text(level) for level in levels]
    for i, text in enumerate(texts):
        if text in texts[:i]:
            raise DesignError(
                f"{factor}: a factor lists each level once, and {text[:60]} is twice: remove one of them"
            )


def one_at_a_time(
    control: Architecture,
    recipe: Recipe,
    factors: Mapping[str, Sequence[Level]],
    task: Task,
) -> Design:
    """`control` against an arm for each level of each factor, with nothing else changed.

    Arms with the same runs are listed once, under the name of the first.

    Raises `DesignError` where a factor is unknown, a level is invalid, changes nothing, or is listed twice;
    `ArchitectureError` where the control does not fit the images.
    """
    expand(control, task)
    check_factors(factors)
    if not factors:
        raise DesignError(f"an ablation has at least one factor, not none: use one of {', '.join(FACTORS)}")
    comparisons = []
    for factor, levels in factors.items():
        check_levels(factor, levels, fewest=1)
        own = own_level(control, recipe, factor)
        for level in levels:
            net, trained = with_level(control, recipe, factor, level)
            name = f"{factor}={level_text(level)}"
            if (net, trained) == (control, recipe):
                raise DesignError(f"a level changes the control, which has {name} already: remove the level")
            expand(net, task)
            better, worse = f"{factor} {own}", f"{factor} {level_text(level)}"
            comparisons.append(Comparison(Arm(name, net, trained), better, worse))
    return against_control(Arm(CONTROL, control, recipe), comparisons)


def own_level(control: Architecture, recipe: Recipe, factor: str) -> str:
    """The control's level of a factor, as text: `false`, or `2,2,3` where its blocks differ."""
    if factor in RECIPE_FACTORS:
        value: Level = getattr(recipe, factor)
        return level_text(value)
    if factor == "convs_per_block":
        return _common_or_all([block.num_convs for block in control.blocks])
    if factor == "kernel_size":
        return _common_or_all([kernel for block in control.blocks for kernel in block.kernel_sizes])
    own: dict[str, Level] = {
        "ratio": 1,
        "num_blocks": len(control.blocks),
        "activation": control.activation,
        "batch_norm": control.batch_norm,
        "head": str(control.head),
    }
    return level_text(own[factor])


def _common_or_all(values: Sequence[int]) -> str:
    return ",".join(map(str, values if len(set(values)) > 1 else values[:1]))


def _built(architecture: Architecture, factor: str, level: Level) -> Architecture:
    if factor == "batch_norm":
        if not isinstance(level, bool):
            raise DesignError(f"batch_norm is true or false, not {quoted_level(level)}: write one of them")
        return replace(architecture, batch_norm=level)
    if factor == "activation":
        known = next((name for name in ACTIVATIONS if name == level), None)
        if known is None:
            raise DesignError(
                f"activation is one of {', '.join(ACTIVATIONS)}, not {quoted_level(level)}: write one of them"
            )
        return replace(architecture, activation=known)
    if factor == "head":
        if not isinstance(level, str):
            raise DesignError(f"head is gap or fcN,N, not {quoted_level(level)}: write gap or fc4096,4096")
        return replace(architecture, head=Head.parse(level))
    if isinstance(level, bool) or not isinstance(level, int) or level < 1:
        raise DesignError(
            f"{factor} is a whole number from 1, not {quoted_level(level)}: "
            f"write {factor}: {_EXAMPLES[factor]}, for example"
        )
    if factor == "ratio":
        return architecture.divided_by(level)
    if factor == "num_blocks":
        most = len(architecture.blocks)
        if level > most:
            raise DesignError(
                f"num_blocks is at most the control's number of blocks, {most}, not {level}: "
                "use a deeper control, or fewer blocks"
            )
        return replace(architecture, blocks=architecture.blocks[:level])
    change = _repeated if factor == "convs_per_block" else _with_kernel
    return replace(architecture, blocks=tuple(change(block, level) for block in architecture.blocks))


def _repeated(block: Block, num_convs: int) -> Block:
    if num_convs > MAX_CONVS:
        raise DesignError(
            f"convs_per_block is at most {MAX_CONVS}, not {num_convs}: write convs_per_block: "
            f"{_EXAMPLES['convs_per_block']}, for example"
        )
    if block.kernel_size is None:
        raise DesignError(
            f"convs_per_block repeats the kernel size of a block, and block {block} has several: "
            "use a control with one in each block, or leave the factor out"
        )
    return Block.uniform(num_convs, block.channels, block.kernel_size)


def _with_kernel(block: Block, kernel_size: int) -> Block:
    return Block.uniform(block.num_convs, block.channels, kernel_size)
