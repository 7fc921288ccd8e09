"""Words that a shell offers for a command's first argument, without importing the command.

Each function gets what was typed, and imports only what it needs.
"""

from collections.abc import Callable, Mapping
from pathlib import Path


def _studies(begun: str) -> list[str]:
    """Study files of the current folder, and studies that come with vggsearch."""
    return [*_matching(begun, sorted(path.name for path in Path().glob("*.yaml"))), *_shipped(begun)]


def _shipped(begun: str) -> list[str]:
    from vggsearch.study import SHIPPED

    return _matching(begun, [*SHIPPED])


def _nets(begun: str) -> list[str]:
    from vggsearch.arch import ZOO

    return _matching(begun, [*ZOO])


def _data_sets(begun: str) -> list[str]:
    from vggsearch.data import DATASETS

    return _matching(begun, [*DATASETS])


def _matching(begun: str, names: list[str]) -> list[str]:
    return [name for name in names if name.startswith(begun)]


WORDS: Mapping[str, Callable[[str], list[str]]] = {
    **dict.fromkeys(("run", "report", "status", "space", "plan"), _studies),
    **dict.fromkeys(("cost", "train"), _nets),
    **dict.fromkeys(("data.show", "data.fetch", "data.verify"), _data_sets),
    "init": _shipped,
}
"""By the module of a command in `vggsearch.commands`; a shell offers files for the others."""
