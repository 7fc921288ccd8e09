"""Checks of a new space: its nets can be built, and no two choices give the same net."""

from collections.abc import Hashable, Mapping, Sequence

from vggsearch.arch import MAX_SIDE, Block, Task
from vggsearch.errors import SpaceError
from vggsearch.space.choices import Choice, shortened


def check_depth(num_blocks: tuple[int, ...], channels: tuple[int, ...], task: Task) -> None:
    """Raise `SpaceError` unless every number of blocks has channels and fits the image."""
    _check_different("num_blocks", num_blocks, "[2, 3, 4]")
    if min(num_blocks) < 1:
        raise SpaceError(f"num_blocks are whole numbers from 1, not {shortened(num_blocks)}: write [2, 3, 4]")
    deepest, most = max(num_blocks), task.max_blocks
    if deepest > most:
        remedies = [f"use at most {most} blocks"] if most else []
        if 2**deepest <= MAX_SIDE:
            remedies.append(f"resize the images to at least {2**deepest} pixels")
        raise SpaceError(
            f"num_blocks goes up to {deepest}, and a side of {min(task.input_shape[1:])} pixels can be "
            f"halved {most} times: {', or '.join(remedies)}"
        )
    if deepest > len(channels):
        raise SpaceError(
            f"num_blocks goes up to {deepest}, and channels lists {len(channels)}: "
            f"list {deepest} channel counts, one for each block"
        )
    for width in channels:
        Block.uniform(1, width)


def check_ratio(ratio: Choice, channels: tuple[int, ...], num_blocks: tuple[int, ...]) -> None:
    """Raise `SpaceError` where a ratio leaves no channel, or where two ratios give the same net.

    Ratios of the whole net must give different channels in the shallowest net; ratios per block, in every
    block.
    """
    used = channels[: max(num_blocks)]
    if max(ratio.values) > min(used):
        raise SpaceError(
            f"ratio {max(ratio.values)} leaves no channel in a block of {min(used)}: "
            f"use ratios of at most {min(used)}"
        )
    groups = [[width] for width in used] if ratio.varies_by_block else [list(used[: min(num_blocks)])]
    for group in groups:
        seen: dict[tuple[int, ...], int] = {}
        for value in ratio.values:
            widths = tuple(width // value for width in group)
            if widths in seen:
                raise SpaceError(
                    f"every ratio gives another net, and {seen[widths]} and {value} both divide "
                    f"{', '.join(map(str, group))} to {', '.join(map(str, widths))}: remove one of them"
                )
            seen[widths] = value


_EXAMPLES = {"activation": "[relu]", "batch_norm": "[true]", "head": "[gap]"}


def check_options(
    convs_per_block: Choice, kernel_size: Choice, whole_net: Mapping[str, tuple[Hashable, ...]]
) -> None:
    """Raise `SpaceError` or `ArchitectureError` where an option cannot be built or is listed twice."""
    for convs in convs_per_block.values:
        Block.uniform(convs, 1)
    for kernel in kernel_size.values:
        Block.uniform(1, 1, kernel)
    for name, options in whole_net.items():
        _check_different(name, options, _EXAMPLES[name])


def _check_different(name: str, values: Sequence[Hashable], example: str) -> None:
    if not values or len(set(values)) < len(values):
        raise SpaceError(
            f"{name} lists one or more options, each once, not {shortened(values)}: "
            f"write {example}, for example"
        )
