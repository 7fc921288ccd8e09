"""The published nets by name, and `parse`, which reads a name, `NAME/RATIO` or the canonical text."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from vggsearch.arch.spec import Architecture
from vggsearch.arch.task import Task
from vggsearch.errors import ArchitectureError
from vggsearch.text import nearest, quoted

PAPER = "Simonyan & Zisserman, arXiv:1409.1556v6, table 1"
IMAGENET = Task((3, 224, 224), 1000)
D2L = "Zhang et al., Dive into Deep Learning, chapter 8.2"


@dataclass(frozen=True, slots=True)
class ZooEntry:
    """A published net."""

    architecture: Architecture
    source: str
    """Where it was published, with its column there."""
    task: Task = IMAGENET
    """What it was published for."""


# Name, column of the paper's table 1, convolutions. A-LRN (A with local response normalisation) is left out:
# the paper found it useless (§4.1). C is D with a 1×1 kernel last in its three deepest blocks.
_PAPER_TABLE = (
    ("vgg11", "A", "1x64-1x128-2x256-2x512-2x512"),
    ("vgg13", "B", "2x64-2x128-2x256-2x512-2x512"),
    ("vgg16-1x1", "C", "2x64-2x128-3x256k3,3,1-3x512k3,3,1-3x512k3,3,1"),
    ("vgg16", "D", "2x64-2x128-3x256-3x512-3x512"),
    ("vgg19", "E", "2x64-2x128-4x256-4x512-4x512"),
)


def _zoo() -> dict[str, ZooEntry]:
    zoo = {}
    for name, column, blocks in _PAPER_TABLE:
        plain = Architecture.parse(f"{blocks}+fc4096,4096")
        zoo[name] = ZooEntry(plain, f"{PAPER}, {column}")
        zoo[f"{name}-bn"] = ZooEntry(
            replace(plain, batch_norm=True), f"{PAPER}, {column}, with batch norm as in torchvision"
        )
    zoo["d2l-vgg11"] = ZooEntry(zoo["vgg11"].architecture, f"{D2L}; {PAPER}, A", task=Task((1, 224, 224), 10))
    return zoo


ZOO: Mapping[str, ZooEntry] = MappingProxyType(_zoo())
"""The published nets, by name."""


def parse(text: str) -> Architecture:
    """Read a zoo name, `NAME/RATIO` or the canonical text; any other text raises `ArchitectureError`."""
    name, slash, ratio = text.partition("/")
    if name in ZOO:
        architecture = ZOO[name].architecture
        if not slash:
            return architecture
        if re.fullmatch(r"[0-9]{1,9}", ratio, re.ASCII) is None:
            raise ArchitectureError(
                f"{name}/ is followed by the ratio that divides its channels, not {quoted(ratio)}: "
                f"write {name}/4, for example"
            )
        return architecture.divided_by(int(ratio))
    if name[:1].isalpha():
        near = nearest(name, ZOO)
        hint = f"did you mean {near}?" if near else "write 1x16-1x32+gap, for example"
        raise ArchitectureError(f"no net is named {quoted(name)}: {hint} (there are {', '.join(ZOO)})")
    return Architecture.parse(text)
