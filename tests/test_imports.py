"""Who may import whom: the layers of the package, and the heavy libraries only where they work."""

import ast
import graphlib
import importlib
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
    ("errors", "text", "schema", "system"),
    ("devices",),
    ("arch",),
    ("costs", "recipe"),
    ("runs",),
    ("space", "designs"),
    ("analysis",),
    ("model", "latency", "memory"),
    ("data",),
    ("training",),
    ("export",),
    ("store",),
    ("execution",),
    ("study",),
    ("tables",),
    ("report",),
    ("display",),
    ("api",),
    ("commands",),
    ("cli",),
)
RANK = {part: rank for rank, parts in enumerate(LAYERS) for part in parts}

# Where a heavy library may be imported, by beginnings of modules; LATE: within functions only.
HEAVY = {
    # A module of `commands` is loaded when its command runs.
    "torch": {
        "devices.accelerator",
        "model",
        "latency",
        "data",
        "training",
        "export",
        "api",
        "commands",
    },
    "torchvision": {"model", "latency", "data", "training"},
    "optuna": {"study.search"},
    "pandas": {"runs", "analysis", "study", "tables", "report", "api", "commands"},
    "seaborn": {"report"},
    "matplotlib": {"report"},
}
LATE = {"torch": {"execution", "study.single"}}


class Import(NamedTuple):
    """One import statement's module."""

    source: Path
    line: int
    module: str
    within_function: bool

    @property
    def importer(self) -> str:
        """The module it stands in, without `vggsearch.`."""
        return ".".join(self.source.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")

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
        "if True:\n    from vggsearch.costs import cost\n"
        "class C:\n    def f(self):\n        import pandas\n"
    )
    assert [(found.line, found.module, found.within_function) for found in imports_of(source)] == [
        (1, "torch.nn", False),
        (1, "os", False),
        (2, "vggsearch.space", False),
        (4, "vggsearch.costs", False),
        (7, "pandas", True),
    ]


def test_every_part_has_its_layer():
    parts = {Import(source, 0, "", False).part for source in SOURCES} - {"", "testing"}
    assert parts <= RANK.keys(), f"give {parts - RANK.keys()} a place in LAYERS"
    assert {"arch", "costs", "space", "runs"} <= parts


def test_parts_import_only_what_stands_before_them():
    wrong = []
    for found in IMPORTS:
        top, _, rest = found.module.partition(".")
        target = rest.partition(".")[0]
        if top != "vggsearch" or found.part in ("testing", "", target) or target in ("", "__version__"):
            continue
        if not (target in RANK and RANK[target] < RANK[found.part]):
            wrong.append(str(found))
    assert wrong == []


MODULES = {Import(source, 0, "", False).importer for source in SOURCES}
FOLDERS = {
    ".".join(source.parent.relative_to(ROOT).parts) for source in SOURCES if source.name == "__init__.py"
}


def crossing(importer: str, target: str) -> tuple[str, str] | None:
    """The two neighbours between which an import goes: what holds the importer, and what holds its target.

    Neighbours lie in one folder. None where the importer stands within its target.
    """
    mine, theirs = importer.split("."), target.split(".")
    shared = 0
    while shared < min(len(mine), len(theirs)) and mine[shared] == theirs[shared]:
        shared += 1
    if shared in (len(mine), len(theirs)):
        return None
    return ".".join(mine[: shared + 1]), ".".join(theirs[: shared + 1])


def between_neighbours() -> Iterator[tuple[Import, str, str, str]]:
    """Every import of our own: itself, its target, and the neighbours between which it goes."""
    for found in IMPORTS:
        if found.module.startswith("vggsearch."):
            target = found.module.removeprefix("vggsearch.")
            pair = crossing(found.importer, target)
            if pair is not None and target in MODULES:
                yield found, target, *pair


def test_neighbours_are_found():
    assert crossing("study.search.stage", "study.control.stages") == ("study.search", "study.control")
    assert crossing("study.run", "study.control.stages") == ("study.run", "study.control")
    assert crossing("commands.run", "study") == ("commands", "study")
    assert crossing("study.run", "study") is None
    assert len(list(between_neighbours())) > 600


def test_a_folder_is_entered_by_its_door_alone():
    past = [
        str(found)
        for found, target, mine, theirs in between_neighbours()
        if theirs in FOLDERS and target != theirs and found.part != "testing"
    ]
    assert past == []


def test_nothing_imports_in_a_circle():
    graph: dict[str, set[str]] = {}
    for _, _, mine, theirs in between_neighbours():
        graph.setdefault(mine, set()).add(theirs)
    graphlib.TopologicalSorter(graph).prepare()  # raises CycleError, which names a circle


@pytest.mark.parametrize("folder", sorted(FOLDERS - {""}))
def test_a_door_opens_on_what_is_there(folder):
    door = importlib.import_module(f"vggsearch.{folder}")
    stub = (ROOT / folder.replace(".", "/") / "__init__.py").with_suffix(".pyi")
    if stub.exists():
        inside = {path.stem for path in stub.parent.iterdir()}
        assert set(door.__all__) & inside == set(), "a name and a module of one name hide each other"
        assert [name for name in door.__all__ if getattr(door, name) is None] == []


def test_nothing_imports_what_is_for_tests():
    for_tests = ("vggsearch.testing", "hypothesis", "pytest")
    outside = [found for found in IMPORTS if found.part != "testing"]
    assert [str(found) for found in outside if found.module.startswith(for_tests)] == []


@pytest.mark.parametrize("library", HEAVY)
def test_heavy_libraries_are_imported_only_where_they_work(library):
    def within(found: Import, places: set[str]) -> bool:
        return any(f"{found.importer}.".startswith(f"{place}.") for place in places)

    wrong = [
        str(found)
        for found in IMPORTS
        if found.module.partition(".")[0] == library
        and not within(found, HEAVY[library] | {"testing"})
        and not (found.within_function and within(found, LATE.get(library, set())))
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
        ("import vggsearch.system", {"numpy", "pydantic", "psutil", "multiprocessing", "ctypes"}),
        ("import vggsearch.costs, vggsearch.space", {"pydantic"}),
        ("import vggsearch.recipe, vggsearch.runs.record", set()),
        ("import vggsearch.cli", {"numpy", "pydantic"}),
    ],
)
def test_what_a_person_waits_for_loads_nothing_heavy(statement, also):
    assert loaded_by(statement) & (HEAVY.keys() | {"scipy", "statsmodels"} | also) == set()


def test_a_fresh_interpreter_shows_what_it_loads():
    assert {"vggsearch", "numpy"} <= loaded_by("import vggsearch.costs")


def test_files_of_tests_have_different_names():
    names = [path.name for path in Path(__file__).parent.rglob("test_*.py")]
    assert sorted(set(names)) == sorted(names)  # pytest imports a file by its name alone


def test_every_module_says_what_it_is():
    told = {path: ast.get_docstring(ast.parse(path.read_text())) or "" for path in SOURCES}
    assert [path.name for path, text in told.items() if not text or text.startswith("TODO")] == []
