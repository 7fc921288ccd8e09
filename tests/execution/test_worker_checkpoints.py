"""A worker killed by a real signal: its run goes on in another one, and ends with the same bits."""

import os
import signal
import time
from multiprocessing import connection
from pathlib import Path

import pytest
import torch

from vggsearch.data import Images, SearchData
from vggsearch.execution.assignment import Assignment
from vggsearch.execution.process import WorkerProcess
from vggsearch.execution.worker import Point, Record, Report, Trainer, WorkerSetup
from vggsearch.recipe import RECIPES, Budget
from vggsearch.runs.record import DataKey, Outcome, RunKey, RunRecord
from vggsearch.store.checkpoints import remove_checkpoints, sweep_checkpoints
from vggsearch.training import Checkpoints, train

CPU = torch.device("cpu")
DATA = DataKey(name="shades", digest="0" * 64, val_fraction=0.2, split_seed=0, split_digest="1" * 64)


def shades(count: int, seed: int) -> Images:
    """Noise that is brighter in every class than in the one before."""
    labels = torch.arange(count) % 4
    noise = torch.randint(0, 64, (count, 1, 8, 8), generator=torch.Generator().manual_seed(seed))
    return Images((noise + 48 * labels.view(-1, 1, 1, 1)).to(torch.uint8), labels)


def data() -> SearchData:
    return SearchData("shades", 4, shades(320, 0), shades(40, 1), (0.5,), (0.3,), DATA)


def impatient_trainer(setup: WorkerSetup) -> Trainer:
    """As the local one, with checkpoints as often as their share of the time allows."""
    assert setup.checkpoints is not None
    folder = setup.checkpoints

    def run(key: RunKey, report: Report, deadline_s: float) -> RunRecord:
        kept = Checkpoints(folder / key.digest, interval_s=0)
        return train(key, data(), CPU, report=report, deadline_s=deadline_s, checkpoints=kept)

    return run


def key(steps: int) -> RunKey:
    return RunKey(
        architecture="1x4-1x8+bn+fc8,8",
        input_shape=(1, 8, 8),
        num_classes=4,
        data=DATA,
        recipe=RECIPES["fast"],
        budget=Budget(steps=steps),
        seed=1,
        device="cpu",
    )


def start(root: Path, run: RunKey) -> WorkerProcess:
    setup = WorkerSetup(
        trainer=f"{__name__}:impatient_trainer",
        device="cpu",
        index=0,
        data_dir=None,
        core=None,
        checkpoints=root,
    )
    worker = WorkerProcess(setup)
    worker.assign(Assignment(key=run, started_s=0.0, deadline_s=None))
    return worker


def test_a_run_whose_worker_is_killed_ends_with_the_same_bits_in_another(tmp_path):
    run = key(900)
    folder = tmp_path / run.digest
    first = start(tmp_path, run)
    until = time.monotonic() + 120
    while len(list(folder.glob("0*.json"))) < 2:
        assert time.monotonic() < until
        time.sleep(0.005)
    os.kill(first.process.pid, signal.SIGKILL)
    assert connection.wait([first.process.sentinel], 60)
    assert not any(isinstance(message, Record) for message in first.messages())
    first.kill()
    reached = max(int(path.stem) for path in folder.glob("0*.json"))
    assert 0 < reached < 900

    second = start(tmp_path, run)
    said = []
    while not any(isinstance(message, Record) for message in said):
        assert connection.wait([second.pipe, second.process.sentinel], 120)
        said += second.messages()
    second.kill()
    resumed = said[-1].record
    points = tuple(message.point for message in said if isinstance(message, Point))
    assert resumed.outcome is Outcome.COMPLETED
    assert resumed.curve == points
    whole = train(run, data(), CPU)
    for name in ("val_accuracy", "val_loss", "val_correct", "steps", "images"):
        assert getattr(resumed, name) == getattr(whole, name)
    clocks = {"train_s"}
    assert [p.model_dump(exclude=clocks) for p in resumed.curve] == [
        p.model_dump(exclude=clocks) for p in whole.curve
    ]


def folders(root: Path, *names: str) -> None:
    for name in names:
        (root / name).mkdir(parents=True)
        (root / name / "000000000001.json").write_text("{}")


def test_the_folder_of_a_recorded_run_is_removed_and_no_other(tmp_path):
    folders(tmp_path, "a" * 64, "b" * 64)
    remove_checkpoints(tmp_path, "a" * 64)
    remove_checkpoints(tmp_path, "c" * 64)
    assert [path.name for path in tmp_path.iterdir()] == ["b" * 64]


def test_a_link_is_removed_and_not_what_it_points_to(tmp_path):
    folders(tmp_path / "elsewhere", "x")
    (tmp_path / ("a" * 64)).symlink_to(tmp_path / "elsewhere" / "x")
    remove_checkpoints(tmp_path, "a" * 64)
    assert not (tmp_path / ("a" * 64)).is_symlink()
    assert (tmp_path / "elsewhere" / "x" / "000000000001.json").exists()


@pytest.mark.parametrize("name", ["..", "a" * 63, "A" * 64, "../" + "a" * 64])
def test_only_a_run_s_own_folder_can_be_removed(tmp_path, name):
    with pytest.raises(AssertionError):
        remove_checkpoints(tmp_path, name)


def test_what_kills_left_of_finished_runs_is_swept(tmp_path):
    folders(tmp_path, "a" * 64, "b" * 64, "notes")
    assert sweep_checkpoints(tmp_path, lambda digest: digest.startswith("a")) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b" * 64, "notes"]
    assert sweep_checkpoints(tmp_path / "absent", lambda _: True) == 0
