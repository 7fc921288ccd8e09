"""Every kind of file in a store, cut short, with a bit flipped, and empty: one plain re-run makes it again,
where need be after the one command that is printed.
"""

import itertools
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import ABLATION, SMALL, Make
from controllers import ForkServer
from invariants import Tally
from test_interrupted_training import TRAININGS, ended

DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "cut": lambda data: data[: len(data) // 2],
    "flipped": lambda data: (
        data[: len(data) // 2] + bytes([data[len(data) // 2] ^ 4]) + data[len(data) // 2 + 1 :]
    ),
    "empty": lambda _: b"",
}

KINDS = {
    "search": (
        SMALL,
        ("record", "search", "baseline", "finalists", "asked", "selection", "study", "database"),
    ),
    "ablation": (
        ABLATION,
        ("record", "calibration", "rates-trial", "pairs", "asked", "rates", "study", "plan"),
    ),
}

PLACES = {
    "record": "ledger/??/*.json",
    "search": "studies/*/trials/search-000001.json",
    "baseline": "studies/*/trials/baseline-000001.json",
    "finalists": "studies/*/trials/finalists-000000.json",
    "calibration": "studies/*/trials/calibration-000002.json",
    "rates-trial": "studies/*/trials/rates-000001.json",
    "pairs": "studies/*/trials/pairs-000001.json",
    "asked": "studies/*/asked.json",
    "selection": "studies/*/finalists.json",
    "rates": "studies/*/rates.json",
    "study": "studies/*/study.json",
    "plan": "studies/*/plan.json",
    "database": "optuna.db",
}
"""Every file that a controller leaves, but for its lock, which holds nothing."""


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory, server: ForkServer) -> dict[str, Path]:
    """Of each study, a store at its end."""
    made = {}
    for name, (settings, _) in KINDS.items():
        made[name] = tmp_path_factory.mktemp(name) / "store"
        assert server.start(made[name], settings).status() == 0
    return made


SHORT = {
    ("search", "record", "flipped"),
    ("search", "search", "cut"),
    ("search", "study", "empty"),
    ("search", "database", "cut"),
    ("search", "database", "flipped"),
    ("ablation", "rates", "cut"),
}


CASES = [
    pytest.param(*case, marks=() if case in SHORT else pytest.mark.long_form)
    for study, (_, kinds) in KINDS.items()
    for case in itertools.product([study], kinds, DAMAGES)
]


@pytest.mark.parametrize(("study", "kind", "damage"), CASES)
def test_a_damaged_file_is_made_again(
    make_case: Make, server: ForkServer, stores, study: str, kind: str, damage: str
) -> None:
    settings = KINDS[study][0]
    case = make_case(settings)
    shutil.copytree(stores[study], case.folder)
    path = sorted(case.folder.glob(PLACES[kind]))[0]
    before = path.read_bytes()
    path.write_bytes(DAMAGES[damage](before))
    case.note()
    controller = server.start(case.folder, settings)
    if controller.status() == 2:
        (line,) = [line for line in controller.lines if line.startswith("error")]
        assert "Traceback" not in "".join(controller.lines)
        assert str(path.name) in line
        mend(server, line, case.folder, path, before)
        controller = server.start(case.folder, settings)
        assert controller.status() == 0, controller.lines
    else:
        assert controller.lines[-1] == "exit 0", controller.lines
    case.check(retold=True)


def mend(server: ForkServer, line: str, folder: Path, path: Path, before: bytes) -> None:
    """Do what the line says."""
    if path.name == "plan.json":  # nobody else can say what was fixed before the first run
        assert "bring it back from a backup" in line
        path.write_bytes(before)
        return
    assert "doctor --repair" in line
    done = server.command("doctor", "--repair", "--store", str(folder))
    assert done.status() == 0, "\n".join(done.lines)
    assert not path.exists()
    assert list((folder / "backup").glob(f"*/{path.relative_to(folder)}"))


@pytest.mark.long_form
@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("form", ["json", "safetensors"])
def test_a_damaged_checkpoint_costs_the_steps_since_the_one_before(
    tmp_path: Path, training_server: ForkServer, tally: Tally, form: str, damage: str
) -> None:
    training = TRAININGS["norm"]
    whole = ended(training_server.train(tmp_path / "whole", training, every=1000))
    folder = tmp_path / "run"
    assert training_server.train(folder, training, die_after=9).status() == -signal.SIGKILL
    newest = folder / f"000000000009.{form}"
    newest.write_bytes(DAMAGES[damage](newest.read_bytes()))
    assert ended(training_server.train(folder, training)) == (8, whole[1])
    tally.kills += 1
    tally.cases += 1
