"""Measures of the package's structure, for `make house` and docs/architecture.md.

    python tests/house.py

Neighbours are two modules or folders in one folder. An import goes past a door where it names a module inside
a neighbouring folder in place of the folder itself. A door is a folder's `__init__`.
"""

import ast
import re
from collections import Counter
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "vggsearch"

MEMBERS = {
    "activation": "silu",
    "optimizer": "adamw",
    "recipe field": "label_smoothing",
    "sampler": "nsga2",
    "executor": "RayExecutor",
    "data set of a known format": "cifar-100",
    "command": "Describe the space that a study searches",
    "study kind": "AblationKind|AblationStudy\\b.*\\(|find_ablation",
}
"""One member of each kind of thing, by a text that stands where it is entered."""


def module(path: Path) -> str:
    """`study/run.py` is `study.run`; the `__init__` of a folder is the folder."""
    name = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
    return name.removesuffix("__init__").rstrip(".")


SOURCES = {module(path): path for path in sorted(PACKAGE.rglob("*.py"))}
FOLDERS = {name for name, path in SOURCES.items() if path.name == "__init__.py"} - {""}


def imports() -> list[tuple[str, str]]:
    """Every import of our own, as (importing module, imported module or name in it)."""
    found = []
    for name, path in SOURCES.items():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("vggsearch."):
                found.append((name, str(node.module).removeprefix("vggsearch.")))
    return [(source, target) for source, target in found if target in SOURCES]


def neighbours(source: str, target: str) -> tuple[str, str] | None:
    """The two neighbours between which an import goes; None within one module or folder."""
    mine, theirs = source.split("."), target.split(".")
    shared = sum(1 for a, b in zip(mine, theirs, strict=False) if a == b)
    while mine[:shared] != theirs[:shared]:
        shared -= 1
    if shared in (len(mine), len(theirs)):
        return None
    return ".".join(mine[: shared + 1]), ".".join(theirs[: shared + 1])


def circles(edges: set[tuple[str, str]]) -> list[set[str]]:
    """Sets of neighbours that import each other, directly or not."""
    reach: dict[str, set[str]] = {}
    for start in {edge[0] for edge in edges}:
        seen, todo = set(), [start]
        while todo:
            for a, b in edges:
                if a == todo[-1] and b not in seen:
                    seen.add(b)
                    todo.insert(0, b)
            todo.pop()
        reach[start] = seen
    groups = {frozenset(b for b in reach[a] if a in reach.get(b, ())) for a in reach}
    return [set(group) for group in groups if len(group) > 1]


def main() -> None:
    """Print the measures."""
    crossing = [(s, t, pair) for s, t in imports() if (pair := neighbours(s, t)) is not None]
    into_folders = [(s, t, pair) for s, t, pair in crossing if pair[1] in FOLDERS]
    own = [one for one in into_folders if not one[0].startswith("testing")]
    past = [one for one in own if one[1] != one[2][1]]
    print(f"imports into a neighbouring folder: {len(own)}, past its door: {len(past)}")
    print(f"circles of neighbours: {len(circles({pair for *_, pair in crossing}))}")
    doors = Counter(
        str(stub.parent.relative_to(PACKAGE))
        for stub in PACKAGE.glob("*/__init__.pyi")
        for node in ast.parse(stub.read_text()).body
        if isinstance(node, ast.ImportFrom)
        for _ in node.names
    )
    print(f"names that the folders of the package offer each other: {sum(doors.values())}")
    print("  " + ", ".join(f"{folder} {count}" for folder, count in sorted(doors.items())))
    lines = {name: len(path.read_text().splitlines()) for name, path in SOURCES.items()}
    print(f"lines of the package: {sum(lines.values())} in {len(lines)} files, longest {max(lines.values())}")
    print("files of the package that name one member of each kind of thing:")
    for thing, text in MEMBERS.items():
        named = [
            str(path.relative_to(PACKAGE))
            for name, path in SOURCES.items()
            if not name.startswith("testing") and re.search(text, path.read_text())
        ]
        print(f"  {thing} ({text}): {len(named)}: {', '.join(named)}")


if __name__ == "__main__":
    main()
