"""Who may import whom: the layers of the package, and the heavy libraries only where they work."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import vggsearch

ROOT = Path(vggsearch.__file__).parent
SOURCES = sorted(ROOT.rglob("*.py"))

# Each part may import itself and what stands in the lines above it.
LAYERS = (
    ("errors",),
    ("arch", "recipe"),
    ("cost",),
    ("memory",),
    ("space", "designs"),
    ("runs",),
    ("analysis",),
    ("model",),
    ("data", "latency"),
    ("training",),
    ("study",),
    ("report",),
    ("cli", "commands", "display", "progress"),
)
SURFACE = set(LAYERS[-1])
RANK = {part: rank for rank, parts in enumerate(LAYERS) for part in parts}

# Where a heavy library may be imported; within functions only, where it must load late.
TORCH = {"model", "latency", "data", "training"}
FIGURES = {"report"}
HEAVY = {
    # A module of `commands` is loaded when its command runs.
    "torch": TORCH | {"commands"},
    "torchvision": TORCH,
    "optuna": {"study"},
    "pandas": {"runs", "analysis", "study", "report", "commands"},
    "seaborn": FIGURES,
    "matplotlib": FIGURES,
}
LATE = {"torch": {"study"}}


class Import(NamedTuple):
    """One import statement's module."""

    source: Path
    line: int
    module: str
    within_function: bool

    @property
    def part(self) -> str:
        """The part of the package it stands in; "" for the package's own `__init__`."""
        first = self.source.relative_to(ROOT).parts[0].removesuffix(".py")
        return "" if first == "__init__" else first

    def __str__(self) -> str:
        return f"{self.source.relative_to(ROOT)}:{self.line} imports {self.module}"


def imports_of(source: Path) -> Iterator[Import]:
    def walk(node: ast.AST, within_function: bool) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                for name in child.names:
                    yield Import(source, child.lineno, name.name, within_function)
            elif isinstance(child, ast.ImportFrom):
                assert child.level == 0, f"{source}:{child.lineno} imports relatively"
                assert child.names[0].name != "*", f"{source}:{child.lineno} imports *"
                if child.module == "vggsearch":
                    for name in child.names:
                        yield Import(source, child.lineno, f"vggsearch.{name.name}", within_function)
                else:
                    yield Import(source, child.lineno, child.module or "", within_function)
            function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from walk(child, within_function or function)

    return walk(ast.parse(source.read_text()), within_function=False)


IMPORTS = [found for source in SOURCES for found in imports_of(source)]


def test_the_walk_sees_imports_wherever_they_stand(tmp_path):
    source = tmp_path / "seen.py"
    source.write_text(
        "import torch.nn as nn, os\nfrom vggsearch import space\n"
        "if True:\n    from vggsearch.cost import cost\n"
        "class C:\n    def f(self):\n        import pandas\n"
    )
    assert [(found.line, found.module, found.within_function) for found in imports_of(source)] == [
        (1, "torch.nn", False),
        (1, "os", False),
        (2, "vggsearch.space", False),
        (4, "vggsearch.cost", False),
        (7, "pandas", True),
    ]


def test_every_part_has_its_layer():
    parts = {Import(source, 0, "", False).part for source in SOURCES} - {"", "testing"}
    assert parts <= RANK.keys(), f"give {parts - RANK.keys()} a place in LAYERS"
    assert {"arch", "cost", "space", "runs"} <= parts


def test_parts_import_only_what_stands_before_them():
    wrong = []
    for found in IMPORTS:
        top, _, rest = found.module.partition(".")
        target = rest.partition(".")[0]
        if top != "vggsearch" or found.part == "testing" or target in ("", "__version__"):
            continue
        beside = found.part == target or {found.part, target} <= SURFACE
        if not beside and not (target in RANK and found.part in RANK and RANK[target] < RANK[found.part]):
            wrong.append(str(found))
    assert wrong == []


def test_nothing_imports_what_is_for_tests():
    for_tests = ("vggsearch.testing", "hypothesis", "pytest")
    outside = [found for found in IMPORTS if found.part != "testing"]
    assert [str(found) for found in outside if found.module.startswith(for_tests)] == []


@pytest.mark.parametrize("library", HEAVY)
def test_heavy_libraries_are_imported_only_where_they_work(library):
    mine = [found for found in IMPORTS if found.module.partition(".")[0] == library]
    late = LATE.get(library, set())
    wrong = [
        str(found)
        for found in mine
        if found.part not in HEAVY[library] | {"testing"}
        and not (found.part in late and found.within_function)
    ]
    assert wrong == []


def loaded_by(statement: str) -> set[str]:
    """Top-level names of all modules that a fresh interpreter has loaded after `statement`."""
    code = f"import sys; {statement}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    ("statement", "also"),
    [
        ("import vggsearch", {"numpy", "pydantic"}),
        ("import vggsearch.arch", {"numpy", "pydantic"}),
        ("import vggsearch.cost, vggsearch.space", {"pydantic"}),
        ("import vggsearch.recipe, vggsearch.runs.record", set()),
        ("import vggsearch.cli", {"numpy", "pydantic"}),
    ],
)
def test_what_a_person_waits_for_loads_nothing_heavy(statement, also):
    assert loaded_by(statement) & (HEAVY.keys() | {"scipy", "statsmodels"} | also) == set()


def test_a_fresh_interpreter_shows_what_it_loads():
    assert {"vggsearch", "numpy"} <= loaded_by("import vggsearch.cost")
