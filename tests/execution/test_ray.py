"""Runs on a Ray cluster of three raylets on this machine: the contract of executors, and what only nodes
suffer.

What takes longest is left to the long form, which `make cluster` runs.
"""

import importlib.util
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image
from small_studies import answers, conduct, make_study

from vggsearch.data import catalog, data_key
from vggsearch.data.catalog import DatasetFile, DatasetInfo, NamedDataset
from vggsearch.errors import VggSearchError
from vggsearch.execution.contract import Executor, Finished, Progress
from vggsearch.execution.local import LocalExecutor
from vggsearch.recipe import Budget
from vggsearch.runs.record import Outcome
from vggsearch.store import Store
from vggsearch.study.control import events
from vggsearch.testing.executors import PATIENCE_S, IsolationConformance, deadline_s, drain, finish
from vggsearch.testing.fake import SCRIPTED_TRAINER, FakeExecutor, run_key

if importlib.util.find_spec("ray") is None:
    pytest.skip("RUNS ON A CLUSTER ARE UNTESTED: pip install 'vggsearch[ray]'", allow_module_level=True)

from vggsearch.execution.ray import executor as ray_executor, task as ray_worker  # isort: skip - it quietens Ray, before Ray is imported

import ray  # isort: skip
from ray import exceptions
from ray.cluster_utils import Cluster

from vggsearch.execution.ray.cluster import check_share, connect, loss_reason, node_capacity
from vggsearch.execution.ray.executor import RayExecutor
from vggsearch.execution.ray.shared_folder import create_marker, has_marker, remove_marker

NODE = {"include_dashboard": False, "object_store_memory": 80_000_000}

TRAINERS = """
import json, os, signal, time
from pathlib import Path
from vggsearch.execution.ray.task import make_run
from vggsearch.testing.fake import artificial_record

def telling(setup):
    "Tells in its record's reason what it sees. A run takes as many milliseconds as its seed says."
    def run(key, report, deadline_s):
        time.sleep(key.seed / 1000)
        folder = Path(setup.data_dir or os.devnull)
        files = {path.name: path.read_text() for path in folder.glob("*.txt")}
        seen = {"pid": os.getpid(), "gpus": os.environ.get("CUDA_VISIBLE_DEVICES"), "files": files}
        seen["checkpoints"], seen["keep_weights"] = str(setup.checkpoints), setup.keep_weights
        return artificial_record(key).model_copy(update={"reason": json.dumps(seen)})
    return run

def impatient(setup):
    "As the local one, with a checkpoint as often as it may; says what there was to go on from."
    import torch
    from vggsearch.data import load_search_data
    from vggsearch.training import Checkpoints, train
    torch.set_num_threads(1)
    def run(key, report, deadline_s):
        folder = setup.checkpoints / key.digest
        with (setup.data_dir / "found").open("a") as file:
            file.write(f"{max((int(path.stem) for path in folder.glob('0*.json')), default=0)}\\n")
        of = key.data
        data = load_search_data(
            of.name, data_dir=None, val_fraction=of.val_fraction, split_seed=of.split_seed
        )
        kept = Checkpoints(folder, interval_s=0)
        return train(key, data, torch.device("cpu"), report=report, deadline_s=deadline_s, checkpoints=kept)
    return run

def stillborn(setup_json, *rest):
    "Dies as often as a file says, before the run has begun."
    file = Path(json.loads(setup_json)["data_dir"], "deaths")
    left = int(file.read_text())
    if left:
        file.write_text(str(left - 1))
        os.kill(os.getpid(), signal.SIGKILL)
    yield from make_run(setup_json, *rest)
"""
TELLING = "trainers_of_test_ray:telling"


@pytest.fixture
def _in_long_form(long):
    if not long:
        pytest.skip("takes longer than the rest: make cluster")


@pytest.fixture(scope="module")
def trainers(tmp_path_factory):
    """The folder of a module with `TRAINERS`, which is quickly imported."""
    folder = tmp_path_factory.mktemp("trainers")
    (folder / "trainers_of_test_ray.py").write_text(TRAINERS)
    return folder


@pytest.fixture(scope="module")
def cluster(tmp_path_factory, trainers):
    """A head that makes no runs, and two nodes that make one each; one has a GPU that no run ever opens."""
    with pytest.MonkeyPatch.context() as patch:
        # What nodes inherit: our trainers, and a cache of their own.
        patch.setenv("PYTHONPATH", str(trainers))
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("nodes")))
        started = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, **NODE})
        started.add_node(wait=False, num_cpus=1, **NODE)
        started.add_node(wait=False, num_cpus=1, num_gpus=1, **NODE)
        started.wait_for_nodes(PATIENCE_S)
        yield started
        ray.shutdown()
        started.shutdown()


@pytest.fixture(scope="module")
def _connected(cluster):
    assert connect(cluster.address)
    assert not connect(cluster.address)


@pytest.fixture
def make(_connected):
    """Make executors that are closed at the test's end."""
    made = []

    def make_one(slots=1, device="cpu", data_dir=None, deadline_s=deadline_s, **options):
        settings = {"trainer": SCRIPTED_TRAINER, "preload": ("vggsearch.testing.fake",), **options}
        made.append(
            RayExecutor(
                None,
                device,
                slots,
                data_dir,
                deadline_s=deadline_s,
                cancel_grace_s=1,
                deadline_grace_s=0,
                **settings,
            )
        )
        return made[-1]

    yield make_one
    for executor in made:
        executor.close()


class TestRayExecutor(IsolationConformance):
    @pytest.fixture(autouse=True)
    def _with_cluster(self, make):
        self.make = make

    def make(self, slots: int) -> Executor:
        raise NotImplementedError


# What goes wrong before a run is made


def test_without_ray_one_line_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.delitem(sys.modules, "vggsearch.execution.ray.executor")
    with pytest.raises(
        VggSearchError, match=r"^runs on a cluster need Ray.*: pip install 'vggsearch\[ray\]'$"
    ):
        importlib.import_module("vggsearch.execution.ray.executor")


@pytest.mark.parametrize(
    ("share", "message"),
    [
        (("cpu", 0, 1, 0), "slots must be 1 to 10000, not 0: leave them out to use the whole cluster"),
        (("cpu", None, 0, 0), "a run must take more than 0 and at most 1024 CPUs, not 0: use 1"),
        (("cuda", 1, 1, 2), "a run must take one GPU or a share of one, not 2: use 1, or 0.25"),
        (("cuda", 1, 1, 0), "a run must take one GPU or a share of one, not 0: use 1, or 0.25"),
        (("cpu", 1, 1, 0.5), "a run on a CPU must take 0 GPUs, not 0.5: use device cuda, or 0 GPUs"),
    ],
)
def test_an_impossible_share_is_refused(share, message):
    with pytest.raises(VggSearchError) as caught:
        check_share(*share)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("address", "message"),
    [
        (
            "127.0.0.1:1",
            r"^a Ray cluster must answer at 127\.0\.0\.1:1, and none does \(.*refused\): start one ",
        ),
        ("nonsense", r"^the address of a Ray cluster must be auto or HOST:PORT, not 'nonsense': use auto$"),
        (
            "ray://head:10001",
            r"^the address of a Ray cluster must be auto or HOST:PORT, not 'ray://head:10001': use",
        ),
        ("a" * 64 + ".org:1", r"^a Ray cluster must answer at aaa.*label"),
        ("head:" + "9" * 5000, r"^the address of a Ray cluster must be auto or HOST:PORT, not 'head:999"),
        (
            "\x1b[2J:1",
            r"^the address of a Ray cluster must be auto or HOST:PORT, not '\\x1b\[2J:1': use auto$",
        ),
        (":6379", r"^the address of a Ray cluster must be auto or HOST:PORT, not ':6379': use auto$"),
    ],
)
def test_a_cluster_that_does_not_answer_is_reported_at_once(address, message, monkeypatch):
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    with pytest.raises(VggSearchError, match=message):
        connect(address)


@pytest.mark.parametrize(
    ("node", "share", "count"),
    [
        ((8, 0), (1, 0), 8),
        ((8, 0), (3, 0), 2),
        ((1, 0), (0.1, 0), 10),
        ((64, 8), (1, 1), 8),
        ((64, 8), (1, 0.25), 32),
        ((96, 8), (1, 0.1), 80),
        ((64, 8), (1, 0.4), 16),  # a share lies on one GPU, so two fifths of each stay idle
        ((4, 8), (1, 1), 4),
        ((64, 0), (1, 1), 0),
    ],
)
def test_how_many_runs_a_node_has_room_for(node, share, count):
    assert node_capacity(*node, *share) == count


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (exceptions.WorkerCrashedError(), "or let each run take more CPUs"),
        (exceptions.OutOfMemoryError("low"), "because memory ran out: let each run take more CPUs"),
        (exceptions.NodeDiedError("gone"), "the node was lost while the run was made on node abc: see `ray"),
        (exceptions.TaskCancelledError(), "someone else ended the run on node abc: see `ray list tasks`"),
        (ImportError("no vggsearch\nthere"), "(ImportError: no vggsearch): install the same vggsearch"),
        (StopIteration(), "Ray could not make the run on node abc (StopIteration)"),
    ],
)
def test_a_loss_is_told_in_one_line_with_a_remedy(error, told):
    assert told in loss_reason(error, "abc")
    assert "\n" not in loss_reason(error, "abc")
    assert "before it started on a node" in loss_reason(error, None)


# What nodes do


@pytest.mark.usefixtures("_connected")
def test_slots_are_what_the_nodes_have_room_for(make):
    assert make(slots=None).slots == 2
    assert make(slots=None, cpus_per_run=0.5).slots == 4
    assert make(slots=None, device="cuda", cpus_per_run=0.25, gpus_per_run=0.25).slots == 4
    with pytest.raises(VggSearchError, match=r"^a run takes 2 CPUs, and no node of .* has them: give runs a"):
        make(slots=None, cpus_per_run=2)
    assert make(slots=7, cpus_per_run=2).slots == 7  # a node with room may yet join


def test_a_cancelled_run_ends_at_its_next_report_and_its_process_goes_on(make):
    executor = make(slots=1, trainer=SCRIPTED_TRAINER)
    key = run_key(script="points=400,sleep=0.05")
    for _ in range(2):  # the second is not hit by what was asked of the first
        executor.submit(key)
        drain(executor, lambda events: any(isinstance(event, Progress) for event in events), PATIENCE_S)
        executor.cancel(key.digest, Outcome.PREEMPTED, "asked to stop")
        (record,) = finish(executor, 1)
        assert (record.outcome, record.reason) == (Outcome.PREEMPTED, "asked to stop")
        assert 0 < record.steps < 400
        key = run_key(1, script="points=400,sleep=0.05")
    executor.submit(run_key(2))
    assert finish(executor, 1)[0].outcome is Outcome.COMPLETED


def test_a_run_that_hears_nothing_is_ended_by_force(make, monkeypatch):
    monkeypatch.setattr(ray_executor, "REMOTE_GRACE_S", -1)  # so that the controller comes before the node
    deaf, late = run_key(script="points=1,hang"), run_key(1, script="hang")
    patient, hasty = make(deadline_s=lambda _: PATIENCE_S), make()
    patient.submit(deaf)
    drain(patient, lambda events: any(isinstance(event, Progress) for event in events), PATIENCE_S)
    patient.cancel(deaf.digest, Outcome.PREEMPTED, "asked to stop")
    (record,) = finish(patient, 1)
    assert (record.outcome, record.reason, len(record.curve)) == (Outcome.PREEMPTED, "asked to stop", 1)
    hasty.submit(late)
    (record,) = finish(hasty, 1, PATIENCE_S)
    assert record.outcome is Outcome.TIMED_OUT
    assert "its worker was killed" in record.reason


@pytest.mark.parametrize(
    ("deaths", "outcome", "reason"),
    [
        (ray_executor.MAX_TASKS - 1, Outcome.COMPLETED, ""),
        (
            ray_executor.MAX_TASKS,
            Outcome.CRASHED,
            "the Ray process of the run before it started on a node died",
        ),
    ],
)
def test_a_run_given_to_a_dying_process_has_not_started_and_gets_another_task(
    make, trainers, tmp_path, monkeypatch, deaths, outcome, reason
):
    monkeypatch.syspath_prepend(trainers)
    monkeypatch.setattr(ray_executor, "make_run", importlib.import_module("trainers_of_test_ray").stillborn)
    (tmp_path / "deaths").write_text(str(deaths))
    executor = make(data_dir=tmp_path)
    executor.submit(run_key(script="points=2,log=made"))
    told = drain(executor, lambda events: any(isinstance(event, Finished) for event in events), PATIENCE_S)
    assert told[-1].record.outcome is outcome
    assert told[-1].record.reason.startswith(reason)
    assert len(told) == (3 if outcome is Outcome.COMPLETED else 1)
    assert (tmp_path / "deaths").read_text() == "0"
    assert executor.wait(0.1) == []


def test_what_waits_for_room_can_be_cancelled(make):
    executor = make(slots=4)
    for seed in range(4):
        executor.submit(run_key(seed, "points=400,sleep=0.05"))

    def waiting():
        return {run.key for run in executor._active.values() if run.node is None}

    drain(executor, lambda _: len(waiting()) == 2, PATIENCE_S)
    cancelled = waiting()
    for key in cancelled:
        executor.cancel(key.digest, Outcome.PREEMPTED, "never begun")
    ended = finish(executor, 2)
    assert {record.key for record in ended} == cancelled
    assert {(record.outcome, record.reason, record.steps) for record in ended} == {
        (Outcome.PREEMPTED, "never begun", 0)
    }


def test_a_share_of_a_gpu_is_seen_by_the_run(make):
    executor = make(slots=None, device="cuda", cpus_per_run=0.5, gpus_per_run=0.5, trainer=TELLING)
    assert executor.slots == 2
    executor.submit(run_key(1000))
    executor.submit(run_key(1001))
    first, second = (json.loads(record.reason) for record in finish(executor, 2, PATIENCE_S))
    assert first["gpus"] == second["gpus"] == "0"
    assert first["pid"] != second["pid"]


def test_a_process_that_is_given_another_gpu_starts_its_worker_again(monkeypatch, trainers):
    monkeypatch.syspath_prepend(trainers)
    monkeypatch.setitem(vars(sys.modules["__main__"]), "__file__", "")  # put back at the end
    setup = ray_worker.TaskSetup(
        trainer=TELLING,
        preload=(),
        device="cuda",
        data_dir=None,
        checkpoints=None,
        keep_weights="none",
        marker=None,
        cancel_grace_s=1,
        deadline_grace_s=1,
    )
    executor_cache = ray_worker._ExecutorCache()
    seen = []
    for gpu in ("7", "3", "3", "5"):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", gpu)
        monkeypatch.setattr(ray, "get_gpu_ids", lambda gpu=gpu: [gpu])
        executor = executor_cache.get(setup, 60.0)
        executor.submit(run_key())
        seen.append(json.loads(finish(executor, 1)[0].reason))
    executor.close()
    assert [each["gpus"] for each in seen[1:]] == ["3", "3", "5"]
    assert seen[1]["pid"] == seen[2]["pid"]
    assert len({each["pid"] for each in seen}) == 3


def test_files_of_a_named_data_set_travel_once_and_the_test_part_only_when_it_is_asked_for(
    make, tmp_path, monkeypatch
):
    info = DatasetInfo("tiny", (1, 28, 28), 10, 40, 12, "https://example.org/tiny")
    entry = NamedDataset(
        info, "cifar", "CIFAR10", "tiny", (DatasetFile("train.txt"),), (DatasetFile("test.txt"),)
    )
    monkeypatch.setattr(catalog, "CATALOG", {"tiny": entry})
    for part in ("train", "test"):
        (tmp_path / f"{part}.txt").write_text(f"{part}ing")
    executor = make(data_dir=tmp_path, trainer=TELLING)
    for evaluate_on, files in (
        ("validation", {"train.txt": "training"}),
        ("test", {"train.txt": "training", "test.txt": "testing"}),
    ):
        data = run_key().data.model_copy(update={"name": "tiny"})
        executor.submit(run_key(evaluate_on=evaluate_on, data=data))
        seen = json.loads(finish(executor, 1, PATIENCE_S)[0].reason)
        assert seen["files"] == files
        (tmp_path / "train.txt").unlink(missing_ok=True)  # it is read once, and nothing else is


@pytest.mark.usefixtures("_connected")
def test_a_node_keeps_files_by_digest(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    key = run_key().data
    folder = ray_worker.cache_files(key, {"a": ray.put(b"first")})
    assert folder.name == key.digest
    assert ray_worker.cache_files(key, {"a": ray.put(b"second"), "b": ray.put(b"third")}) == folder
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {"a": b"first", "b": b"third"}


@pytest.fixture
def quadrants(tmp_path, monkeypatch):
    """A folder of 8×8 images in two classes, bright on the left or on the right."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    noise = np.random.default_rng(0)
    for label in range(2):
        (tmp_path / "images" / str(label)).mkdir(parents=True)
        for i in range(80):
            pixels = noise.integers(0, 100, (8, 8), dtype=np.uint8)
            pixels[:, 4 * label : 4 * label + 4] += 30
            Image.fromarray(pixels).save(tmp_path / "images" / str(label) / f"{i:02}.png")
    return data_key(f"folder:{tmp_path / 'images'}", data_dir=None, val_fraction=0.2)


def bits(record):
    """What a deterministic budget determines."""
    curve = [point.model_dump(exclude={"train_s"}) for point in record.curve]
    return record.outcome, record.val_accuracy, record.val_loss, record.val_correct, record.images, curve


@pytest.mark.usefixtures("_in_long_form")
def test_runs_have_the_same_bits_as_on_one_machine(make, quadrants):
    keys = [
        run_key(
            seed,
            architecture="1x4-1x8+bn+gap",
            input_shape=(1, 8, 8),
            num_classes=2,
            budget=Budget(steps=12),
            data=quadrants,
        )
        for seed in range(2)
    ]
    real = {"trainer": ray_executor.LOCAL_TRAINER, "preload": ray_executor.PRELOAD}
    answered = []
    with LocalExecutor(1, "cpu", pin=False) as local:
        for executor in (local, make(**real)):
            for key in keys:
                executor.submit(key)
                answered += [bits(record) for record in finish(executor, 1, PATIENCE_S)]
    assert answered[:2] == answered[2:]
    assert {outcome for outcome, *_ in answered} == {Outcome.COMPLETED}
    assert answered[0] != answered[1]


@pytest.mark.usefixtures("_in_long_form")
def test_a_run_goes_on_from_its_checkpoint_on_another_node(cluster, make, quadrants, tmp_path):
    key = run_key(
        architecture="1x4-1x8+bn+gap",
        input_shape=(1, 8, 8),
        num_classes=2,
        budget=Budget(steps=4000),
        data=quadrants,
    )
    kept = tmp_path / "checkpoints"
    executor = make(
        cpus_per_run=2,  # which only the nodes have that are added here
        data_dir=tmp_path,
        trainer="trainers_of_test_ray:impatient",
        preload=ray_executor.PRELOAD,
        checkpoints=kept,
        deadline_s=lambda _: None,
    )
    first = cluster.add_node(num_cpus=2, **NODE)
    executor.submit(key)
    until_s = time.monotonic() + PATIENCE_S
    while not list((kept / key.digest).glob("0*.json")):
        assert time.monotonic() < until_s
        assert not any(isinstance(event, Finished) for event in executor.wait(0.02))
    cluster.remove_node(first, allow_graceful=False)
    (lost_one,) = finish(executor, 1)
    assert lost_one.outcome is Outcome.CRASHED
    assert "node" in lost_one.reason

    second = cluster.add_node(num_cpus=2, **NODE)
    executor.submit(key)
    (resumed,) = finish(executor, 1)
    cluster.remove_node(second)
    begun, resumed_from = (int(step) for step in (tmp_path / "found").read_text().split())
    assert begun == 0 < resumed_from < 4000
    with LocalExecutor(1, "cpu", pin=False) as local:
        local.submit(key)
        assert [bits(whole) for whole in finish(local, 1)] == [bits(resumed)]
    executor.close()
    assert [path.name for path in kept.iterdir()] == [key.digest]  # and no marker


def test_nodes_use_the_controller_s_checkpoints_where_they_are_shared_and_else_none(
    make, tmp_path, monkeypatch
):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    apart = Path("/proc/self/cwd/going")  # one path, and a different folder for the nodes
    for checkpoints, seen in ((tmp_path / "going", str(tmp_path / "going")), (apart, "None")):
        executor = make(trainer=TELLING, checkpoints=checkpoints, keep_weights="all")
        executor.submit(run_key())
        told = json.loads(finish(executor, 1)[0].reason)
        assert (told["checkpoints"], told["keep_weights"]) == (seen, "all")
        assert len(list(checkpoints.iterdir())) == 1  # the marker of this executor
        executor.close()
        assert list(checkpoints.iterdir()) == []


def test_a_folder_has_only_its_newest_marker(tmp_path):
    first = create_marker(tmp_path / "folder")
    second = create_marker(tmp_path / "folder")
    assert first != second
    assert [path.name for path in (tmp_path / "folder").iterdir()] == [second]
    assert has_marker(tmp_path / "folder", second)
    assert not has_marker(tmp_path / "folder", first)
    assert not has_marker(tmp_path / "none", second)
    remove_marker(tmp_path / "folder", second)
    assert not has_marker(tmp_path / "folder", second)
    (tmp_path / "file").touch()
    assert create_marker(tmp_path / "file" / "folder") is None
    (tmp_path / "link").symlink_to(tmp_path / "folder")
    assert create_marker(tmp_path / "link") is None
    assert not has_marker(tmp_path / "file" / "folder", second)


class Saboteur:
    """Removes a node as soon as a run on it reports; keeps what is said."""

    def __init__(self, cluster, node, executor):
        self.cluster, self.node, self.executor = cluster, node, executor
        self.said = []

    def notify(self, event):
        self.said += [event.text] if isinstance(event, events.Notice) else []
        if self.node is not None and isinstance(event, events.TrialProgress):
            run = self.executor._active.get(event.digest)
            if run is not None and self.node.node_id.startswith(run.node):
                self.cluster.remove_node(self.node, allow_graceful=False)
                self.node = None


def test_a_study_survives_a_node_and_makes_nothing_twice_but_what_was_on_it(
    cluster, make, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(ray_executor, "REFRESH_S", 0.1)
    executor = make(slots=None, data_dir=tmp_path)
    assert executor.slots == 2
    node = cluster.add_node(wait=False, num_cpus=1, **NODE)
    cluster.wait_for_nodes(PATIENCE_S)
    executor.submit(run_key(9999, "sleep=0.5"))
    finish(executor, 1, PATIENCE_S)
    assert executor.slots == 3  # it saw the node come

    saboteur = Saboteur(cluster, node, executor)
    study = make_study(trials=6, finalists={"count": 1, "seeds": 1})
    results = conduct(
        study, tmp_path / "store", executor, observer=saboteur, script="log=made,points=3,sleep=0.7"
    )
    assert saboteur.node is None
    assert executor.slots == 3  # those that have no room wait
    assert sorted(answers(results)) == sorted(
        answers(conduct(study, tmp_path / "undisturbed", FakeExecutor()))
    )
    begun = (tmp_path / "made").read_text().split()
    retried = [text for text in saboteur.said if "is tried again" in text]
    assert len(retried) == 1
    assert "node" in retried[0]
    assert len(begun) == len(set(begun)) + 1
    assert set(begun) == {record.key.digest for record in Store.open(tmp_path / "store", create=True).ledger}
    assert capsys.readouterr() == ("", "")


CONTROLLER = """
import time
from vggsearch.execution.ray.executor import RayExecutor
from vggsearch.testing.executors import finish
from vggsearch.testing.fake import run_key
executor = RayExecutor(None, "cpu", 1, trainer="trainers_of_test_ray:telling", preload=())
executor.submit(run_key(1))
print(finish(executor, 1, 120)[0].reason, flush=True)
executor.submit(run_key(3_600_000))
executor.wait()
"""


AGENTS = ("ray::RuntimeEnvAgent", "ray::DashboardAgent")


@pytest.mark.usefixtures("_in_long_form")
def test_a_ray_of_this_machine_is_quiet_and_ends_with_a_controller_that_is_killed(trainers):
    environment = {**os.environ, "PYTHONPATH": str(trainers)}
    with subprocess.Popen(
        [sys.executable, "-c", CONTROLLER],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    ) as controller:
        assert controller.stdout is not None
        worker = psutil.Process(json.loads(controller.stdout.readline())["pid"])
        started = psutil.Process(controller.pid).children(recursive=True)
        assert worker in started
        controller.kill()
        # Ray's own agents ask only now and then whether their node still lives.
        ours = [process for process in started if process.name() not in AGENTS]
        assert psutil.wait_procs(ours, timeout=30)[1] == []
        assert controller.stderr.read() == ""


# How fast one controller asks and records, as docs/cluster.md has it


def test_asking_and_recording(benchmark, make, tmp_path):
    trials = int(os.environ.get("VGGSEARCH_BENCHMARK_TRIALS", "300"))
    space = {  # of 22 608 architectures
        "channels": [16, 32, 64, 128],
        "num_blocks": [2, 3, 4],
        "convs_per_block": {"per_block": [1, 2, 3]},
        "kernel_size": {"per_block": [1, 3, 5, 7]},
        "ratio": [1],
    }
    study = make_study(space=space, trials=trials, finalists=...)
    executor = make(slots=2)
    results = benchmark.pedantic(lambda: conduct(study, tmp_path, executor), rounds=1)
    made = sum(not trial.cached for trial in results.trials)
    benchmark.extra_info["runs per second"] = made / benchmark.stats.stats.total
    assert made > 0.7 * trials  # the sampler draws some twice


STARTUP = """
import time
from vggsearch.execution.local import LocalExecutor
from vggsearch.execution.ray.executor import RayExecutor
from vggsearch.testing.executors import finish
from vggsearch.testing.fake import SCRIPTED_TRAINER, run_key
for make in (lambda: LocalExecutor(1, "cpu", trainer=SCRIPTED_TRAINER),
             lambda: RayExecutor(None, "cpu", 1, trainer=SCRIPTED_TRAINER)):
    begun_s = time.monotonic()
    with make() as executor:
        made_s = time.monotonic() - begun_s
        executor.submit(run_key())
        finish(executor, 1)
        print(made_s, time.monotonic() - begun_s)
"""


def test_beside_one_machine(benchmark, make):
    """The same runs, one at a time, by blocks in turn; and both starts, in a process of its own."""
    local = LocalExecutor(1, "cpu", pin=False, trainer=SCRIPTED_TRAINER, preload=("vggsearch.testing.fake",))
    executors = {"local": local, "ray": make()}
    spent_s = {}

    def block(script, count):
        for name, executor in executors.items():
            begun_s = time.monotonic()
            for seed in range(count):
                executor.submit(run_key(seed, script))
                finish(executor, 1)
            spent_s.setdefault((name, script), []).append((time.monotonic() - begun_s) / count)

    def both():
        block("points=1", 1)  # starts their processes
        spent_s.clear()
        for _ in range(5):
            block("points=1", 40)
            block("points=4,sleep=0.5", 2)

    benchmark.pedantic(both, rounds=1)
    local.close()
    for (name, script), blocks in spent_s.items():
        benchmark.extra_info[f"{name}: seconds a run of {script}, median of 5 blocks"] = float(
            np.median(blocks)
        )
    started = subprocess.run([sys.executable, "-c", STARTUP], capture_output=True, text=True, check=True)
    for name, line in zip(executors, started.stdout.splitlines(), strict=True):
        benchmark.extra_info[f"{name}: seconds to start, and to the first record"] = line
