"""One server, one seed and one tally for all; the tally is printed at the end."""

import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytest.register_assert_rewrite("invariants")

from controllers import ForkServer  # noqa: E402
from invariants import Case, Tally, Whole  # noqa: E402

SEED = int(os.environ.get("CHAOS_SEED", "20"))
"""Of every random moment and choice."""

SEARCH: dict[str, object] = {
    "sampler": "nsga2",
    "trials": 5,
    "finalists": {"count": 1, "seeds": 2},
    "seed": 5,
}
"""All of its search is drawn before the sampler's turn, so that several at once ask the same as one."""

SMALL: dict[str, object] = {"sampler": "tpe", "trials": 3, "finalists": {"count": 1, "seeds": 1}}

RUNGS: dict[str, object] = {
    "sampler": "...",
    "strategy": {"name": "rungs", "eta": 2, "rungs": 2},
    "trials": 3,
    "baseline": False,
    "finalists": {"count": 1, "seeds": 1},
}
"""Three short runs, then two full ones, each chosen by what was told before."""

ABLATION: dict[str, object] = {
    "kind": "ablation",
    "contrasts": ["receptive-field"],
    "seeds": 2,
    "learning_rates": {"grid": [0.1, 0.2], "seeds": 1},
}

_TALLY = Tally(SEED)

Make = Callable[[dict[str, object]], Case]


@pytest.fixture(scope="session")
def tally() -> Tally:
    return _TALLY


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "long_form: only with --long")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--long"):
        left_out = [item for item in items if item.get_closest_marker("long_form")]
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=left_out)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _TALLY.cases:
        terminalreporter.write_line(str(_TALLY))


@pytest.fixture
def chance(request: pytest.FixtureRequest) -> random.Random:
    """Random choices of one test, the same for the same seed."""
    return random.Random(f"{SEED} {request.node.name}")


@pytest.fixture(scope="session")
def server() -> Iterator[ForkServer]:
    started = ForkServer()
    yield started
    started.close()


@pytest.fixture(scope="session")
def training_server() -> Iterator[ForkServer]:
    """A server in which torch is loaded."""
    started = ForkServer("training")
    yield started
    started.close()


@pytest.fixture(scope="session")
def wholes() -> dict[str, Whole]:
    """Undisturbed studies that were made already, by their settings."""
    return {}


@pytest.fixture
def make_case(
    tmp_path: Path,
    wholes: dict[str, Whole],
    tally: Tally,
    server: ForkServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Make:
    """Gives a new store in which nothing has happened yet, and knows what its study comes to."""
    numbers = iter(range(10**6))

    def make(settings: dict[str, object], folder: Path | None = None) -> Case:
        name = repr(settings)
        if name not in wholes:
            wholes[name] = Whole.of(settings, tmp_path_factory.mktemp("undisturbed"))
        return Case(folder or tmp_path / f"store{next(numbers)}", wholes[name], tally, server)

    return make
