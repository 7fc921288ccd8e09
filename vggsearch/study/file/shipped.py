"""The study files that come with vggsearch: their names, how long each takes, and their texts.

In a wheel they are the folder `studies` of the package, in a checkout the folder `studies` beside it.
"""

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType

SHIPPED: Mapping[str, str] = MappingProxyType(
    {
        "quickstart": "two cores, under five minutes",
        "fashion-mnist-search": "two cores, 76 minutes",
        "d2l-vgg11": "a GPU",
        "kernel-size": "two cores, 73 minutes",
        "block-count": "two cores, 30 minutes",
        "sprint-recipe": "two cores, 27 minutes",
        "whitening": "two cores, 9 minutes",
        "time-to-accuracy": "two cores, 11 minutes",
        "thirty-seconds": "two cores, 6 minutes",
        "null": "two cores, 6 minutes if kernel-size has already run",
        "vgg-table": "two cores, some hours",
    }
)
"""The machine and the time that each study takes, by its name; the first is the one to begin with."""


def shipped_source(name: str) -> str:
    """The text of the study file `name`, a key of `SHIPPED`."""
    packed = files("vggsearch") / "studies"
    folder = packed if packed.is_dir() else Path(__file__).parents[3] / "studies"
    return (folder / f"{name}.yaml").read_text(encoding="utf-8")
