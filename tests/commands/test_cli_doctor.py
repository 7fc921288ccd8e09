"""`vggsearch doctor` and `doctor --repair`: every finding provoked, and what a person is told of it."""

import fcntl
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path

import pytest
import torch
from packaging.requirements import Requirement
from small_studies import conduct, make_ablation, make_study
from workplace import make_images, run

from vggsearch.arch import Architecture, Task
from vggsearch.commands.doctor import data, machine
from vggsearch.commands.doctor.check import Check
from vggsearch.commands.doctor.libraries import check_libraries, fits, requirements
from vggsearch.commands.doctor.machine import check_disk, check_machine
from vggsearch.recipe import RECIPES
from vggsearch.runs.checksums import add_checksum
from vggsearch.text import duration
from vggsearch.training import device_model
from vggsearch.training.choices import candidates
from vggsearch.training.remembered import machine_memory, setting_of
from vggsearch.training.timing import one_thread


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A store in which a search of four runs was finished."""
    folder = tmp_path_factory.mktemp("finished")
    make_images(folder / "images")
    study = make_study(trials=4, finalists=None, data={"name": "folder:images"})
    return folder, conduct(study, folder / ".vggsearch")


@pytest.fixture
def store(tmp_path, finished, monkeypatch):
    """A copy of it, as `.vggsearch` in the working directory, beside the study's images."""
    shutil.copytree(finished[0], tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    for name in ("VGGSEARCH_STORE", "VGGSEARCH_DATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "fsync", lambda _: None)
    return tmp_path / ".vggsearch"


@pytest.fixture
def digest(finished):
    """Of a run in it."""
    return finished[1].trials[1].run


def checks(capsys, *options: str) -> list[dict[str, str]]:
    """What `doctor --json` finds, the machine and its libraries apart."""
    status, out, err = run(capsys, "doctor", "--json", *options)
    assert err == ""
    found = json.loads(out)
    assert found["ok"] == (status == 0) == all(one["state"] != "wrong" for one in found["checks"])
    names = [one["name"] for one in found["checks"]]
    return found["checks"][names.index("writing") + 1 :]


def lines(capsys, *options: str) -> list[str]:
    """What `doctor` says is not as it should be in data and store."""
    return [
        f"{one['state']} {one['name']}: {one['text']}"
        for one in checks(capsys, *options)
        if one["state"] != "ok"
    ]


def record(store: Path, digest: str) -> Path:
    return store / "ledger" / digest[:2] / f"{digest}.json"


LACKS = "small lacks 1 run of its trials, absent or damaged: run the study again, and it is made again"


class TestStore:
    @pytest.mark.usefixtures("store")
    def test_sound(self, capsys):
        found = {one["name"]: one for one in checks(capsys)}
        assert found.keys() == {"data", "store", "controller", "database"}
        assert {one["state"] for one in found.values()} == {"ok"}
        assert found["store"]["text"] == "4 runs, study small"
        assert found["controller"]["text"] == "none works here; one at a time may"
        assert found["database"]["text"] == "optuna.db is sound"

    @pytest.mark.parametrize(
        ("path", "name", "after"),
        [
            ("ledger/RUN", "record", "its run is made again"),
            (
                "studies/small/trials/search-000002.json",
                "trial",
                "it is asked again, and answered by its run",
            ),
            ("studies/small/asked.json", "state", "its content is asked for or selected again"),
            (
                "studies/small/study.json",
                "study",
                "the study writes it again when it goes on, with its file as it was",
            ),
            ("optuna.db", "database", "the next search makes it again from the trials"),
        ],
    )
    def test_damage_is_named_with_its_remedy(self, capsys, store, digest, path, name, after):
        path = path.replace("RUN", f"{digest[:2]}/{digest}.json")
        (store / path).write_bytes(b"noise")
        reason = (
            "file is not a database" if name == "database" else "cut short, or not a record with its checksum"
        )
        said = (
            f"wrong {name}: {path}: {reason}: `vggsearch doctor --repair` moves it to a backup, and {after}"
        )
        assert lines(capsys) == [said, *([f"note runs: {LACKS}"] if name == "record" else [])]

    def test_another_store_is_in_the_remedy(self, capsys, store, digest, tmp_path):
        other = store.rename(tmp_path / "my store")
        record(other, digest).write_bytes(b"")
        assert (
            f"`vggsearch doctor --repair --store '{other}'` moves it to a backup"
            in lines(capsys, "--store", "my store")[0]
        )

    def test_damaged_plan(self, capsys, store):
        conduct(make_ablation(), store, train=False)
        (store / "studies/ablated/plan.json").write_bytes(b"{}")
        assert lines(capsys) == [
            "wrong plan: studies/ablated/plan.json: cut short, or not a record with its checksum: only "
            "this file shows that the plan was fixed before the runs: bring it back from a backup of "
            "yours; without one, move it away by hand, and every report will say after how many runs the "
            "plan was registered anew"
        ]

    def test_lost_things_are_notes(self, capsys, store, digest):
        record(store, digest).unlink()
        (store / "optuna.db").unlink()
        (store / "studies/small/.tmp-7-asked.json").write_bytes(b"half")
        (store / "checkpoints" / digest).mkdir(parents=True)
        (store / "notes.txt").write_text("mine")
        (store / "studies/linked").symlink_to(store)
        future = time.time() + 3600
        os.utime(store / "studies/small/study.json", (future, future))
        assert lines(capsys) == [
            "note database: optuna.db is absent: the next search makes it again, unless --storage keeps "
            "Optuna's copy elsewhere",
            f"note runs: {LACKS}",
            "note leftovers: 1 leftover of interrupted writes: removed when a study goes on, or by "
            "`vggsearch doctor --repair`",
            "note clock: 1 file or moment in a record is later than now: set this machine's clock, or times "
            "in reports are wrong",
            "note foreign: notes.txt: not part of a store: nothing reads it, and it is left alone",
            "note link: studies/linked: a link: its target may be used, and is neither checked nor "
            "repaired: put the target itself there",
        ]
        (resumable,) = [one["text"] for one in checks(capsys) if one["name"] == "checkpoints"]
        assert resumable == "1 interrupted run can go on from 0 B"

    def test_who_works_in_it(self, capsys, store):
        holder = subprocess.Popen(
            [
                sys.executable,
                "-c",
                "import sys; from pathlib import Path; from vggsearch.store import Store\n"
                "with Store(Path(sys.argv[1])).lock(): print(1, flush=True); sys.stdin.read()",
                str(store),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert holder.stdout is not None
        holder.stdout.readline()
        (store / "studies/small/.tmp-7-asked.json").write_bytes(b"being written")
        found = {one["name"]: one["text"] for one in checks(capsys)}
        assert found["controller"] == f"process {holder.pid} works here; one at a time may"
        assert "leftovers" not in found
        status, out, err = run(capsys, "doctor", "--repair")
        assert (status, out) == (2, "")
        assert f"one controller writes at a time, and process {holder.pid} does" in err
        holder.communicate()
        assert {one["name"]: one["text"] for one in checks(capsys)}["controller"].startswith("none works")

    def test_a_trial_that_nobody_works_on(self, capsys, store):
        with sqlite3.connect(store / "optuna.db") as database:
            database.execute("UPDATE trials SET state = 'RUNNING' WHERE number < 2")
        database.close()
        assert lines(capsys) == [
            "note database: optuna.db marks 2 trials as running, and none is: run the study again, and it "
            "goes on with them"
        ]

    @pytest.mark.parametrize("name", ["lock", "ledger", "studies", "studies/small/trials", "checkpoints"])
    def test_something_else_in_the_place_of_a_part(self, capsys, store, name):
        path = store / name
        if path.exists():
            path.rename(store / "away")
        os.mkfifo(path)
        by_hand = ("lock", "ledger")
        remedy = (
            "move it away by hand" if name in by_hand else "`vggsearch doctor --repair` moves it to a backup"
        )
        assert any(
            line.startswith(f"wrong obstacle: {name}: must be a ") and line.endswith(remedy)
            for line in lines(capsys)
        )
        status, _, err = run(capsys, "doctor", "--repair")
        assert status == (2 if name in by_hand else 0)
        assert len(err.splitlines()) == (1 if name in by_hand else 0)

    @pytest.mark.parametrize(
        ("made", "state", "text"),
        [
            (lambda _: None, "ok", "not made yet"),
            (lambda path: path.mkdir(), "ok", "no runs in it yet"),
            (
                lambda path: path.write_text(""),
                "wrong",
                "a store is a folder, and this is none: name another --store",
            ),
        ],
    )
    def test_no_store(self, capsys, tmp_path, made, state, text):
        made(tmp_path / "none")
        found = checks(capsys, "--store", str(tmp_path / "none"))[-1]
        assert found == {"name": "store", "state": state, "text": text}
        before = sorted(tmp_path.rglob("*"))
        status, _, err = run(capsys, "doctor", "--repair", "--store", str(tmp_path / "none"))
        assert (status, "there is nothing to repair" in err) == (2, True)
        assert sorted(tmp_path.rglob("*")) == before

    def test_names_of_strangers_move_no_cursor(self, capsys, store):
        (store / "\x1b[2Jclear").write_text("")
        (store / os.fsdecode(b"\xff")).write_text("")
        strange = Path("\x1b[2Jimages")
        shutil.copytree("images", strange)
        identity = json.dumps({"data": {"name": f"folder:{strange}"}}).encode()
        (store / "studies/small/study.json").write_bytes(add_checksum(identity))
        _, out, _ = run(capsys, "doctor")
        assert "note   foreign      ?[2Jclear: not part of a store" in out
        assert "?: not part of a store" in out
        assert "folder:?[2Jimages: 120 images of 2 classes" in out
        assert "\x1b" not in out

    def test_many_findings_are_counted(self, capsys, store):
        folder = store / "ledger" / "00"
        folder.mkdir(exist_ok=True)
        for number in range(40):
            (folder / f"{number:064x}.json").write_bytes(b"")
        _, out, _ = run(capsys, "doctor")
        assert out.count("moves it to a backup") == 5
        assert "… and 35 more, which --json lists" in out
        assert len(lines(capsys)) == 40


class TestRepair:
    def test_says_what_it_did_and_what_is_next(self, capsys, store, digest):
        record(store, digest).write_bytes(b"")
        (store / ".tmp-7-x").write_bytes(b"")
        (store / "checkpoints" / ("0" * 64)).mkdir(parents=True)
        status, out, err = run(capsys, "doctor", "--repair")
        (backup,) = (store / "backup").iterdir()
        assert (status, err) == (0, "")
        assert out.splitlines() == [
            f"moved ledger/{digest[:2]}/{digest}.json: empty",
            f"1 item is now in {backup}",
            "removed 1 leftover of interrupted writes",
            f"next: {LACKS}",
        ]
        assert run(capsys, "doctor", "--repair")[1].splitlines() == [
            f"store {store}: nothing is wrong, and nothing was changed",
            f"next: {LACKS}",
        ]

    def test_in_json(self, capsys, store, digest):
        record(store, digest).write_bytes(b"")
        status, out, _ = run(capsys, "doctor", "--repair", "--json")
        found = json.loads(out)
        assert (status, found["ok"], found["left"]) == (0, True, [])
        assert found["moved"] == [
            {"kind": "record", "path": f"ledger/{digest[:2]}/{digest}.json", "reason": "empty"}
        ]
        assert Path(found["backup"]).is_dir()

    def test_what_a_person_must_decide_is_left_and_is_the_exit_status(self, capsys, store):
        conduct(make_ablation(), store, train=False)
        (store / "studies/ablated/plan.json").write_bytes(b"{}")
        status, out, _ = run(capsys, "doctor", "--repair")
        assert status == 1
        assert out.startswith(
            "left: studies/ablated/plan.json: cut short, or not a record with its checksum: only this file"
        )


class TestData:
    def test_of_every_study(self, capsys, store, tmp_path):
        conduct(make_study("other", trials=1, finalists=None), store)
        named, folder = (one for one in checks(capsys) if one["name"] == "data")
        assert "fashion-mnist" in named["text"]
        assert folder["text"] == (
            "folder:images: 120 images of 2 classes; `vggsearch data verify folder:images` opens each"
        )
        (tmp_path / "images").rename(tmp_path / "moved")
        folder = [one for one in checks(capsys) if one["name"] == "data"][1]
        assert folder["state"] == "wrong"
        assert folder["text"].endswith("is none: give a folder that exists")

    def test_damaged_absent_and_unknown(self, tmp_path, monkeypatch):
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        (one,) = data.check_data(["kmnist"], None)
        assert (one.state, one.text) == (
            "note",
            "kmnist is not here yet: `vggsearch data fetch kmnist` gets it",
        )
        (one,) = data.check_data([None, "zebra"], None)
        assert one.state == "wrong"
        folder = tmp_path / "data/fashion-mnist"
        folder.mkdir(parents=True)
        for part in ("train", "t10k"):
            for kind in ("images-idx3", "labels-idx1"):
                (folder / f"{part}-{kind}-ubyte.gz").write_bytes(b"noise")
        found = list(data.check_data(["fashion-mnist"], tmp_path / "data"))
        assert [one.state for one in found] == ["wrong"] * 4
        assert all(str(folder) in one.text for one in found)


@pytest.fixture
def _timed(monkeypatch, tmp_path):
    """A machine that remembers nothing yet: an image takes 1 ms in float32, and half of it in bfloat16."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def time_choices(*given):
        return {choice: [1e-3 if choice.precision == "float32" else 5e-4] for choice in given[-1]}

    monkeypatch.setattr("vggsearch.training.remembered.time_choices", time_choices)


@pytest.mark.usefixtures("_timed")
class TestSpeed:
    def test_for_people(self, capsys, tmp_path):
        status, out, err = run(capsys, "doctor", "--speed")
        assert (status, err) == (0, "")
        head, _, columns, *rows = out.splitlines()
        assert device_model("cpu") in head
        assert f"1 thread, torch {metadata.version('torch')}" in head
        assert columns.split() == [
            "network",
            "float32",
            "float32,",
            "narrow",
            "bfloat16",
            "bfloat16,",
            "narrow",
        ]
        assert [row.split() for row in rows[:4]] == [
            ["2x4-2x8-2x16-2x32+bn+gap", "1,000", "1,000", "2,000*", "2,000"],
            ["2x8-2x16-2x32-2x64+bn+gap", "1,000", "1,000", "2,000*", "2,000"],
            ["2x16-2x32-2x64-2x128+bn+gap", "1,000", "–", "2,000*", "–"],
            ["2x32-2x64-2x128-2x256+bn+gap", "1,000", "–", "2,000*", "–"],
        ]
        assert str(tmp_path / "cache/vggsearch/choices") in rows[-1]

    def test_for_programs(self, capsys, tmp_path):
        status, out, err = run(capsys, "doctor", "--speed", "--json")
        assert (status, err) == (0, "")
        found = json.loads(out)
        assert (found["processor"], found["threads"]) == (device_model("cpu"), 1)
        assert found["folder"] == str(tmp_path / "cache/vggsearch/choices")
        assert len(found["nets"]) == 4
        assert found["nets"][3] == {
            "architecture": "2x32-2x64-2x128-2x256+bn+gap",
            "speeds": [
                {"precision": "float32", "layers": "torch", "images_per_s": 1000},
                {"precision": "bfloat16", "layers": "torch", "images_per_s": 2000},
            ],
            "chosen": {"precision": "bfloat16", "layers": "torch"},
            "remembered": None,
        }

    def test_what_was_measured_before_is_told_where_it_differs(self, capsys):
        net, recipe = Architecture.parse("2x16-2x32-2x64-2x128+bn+gap"), RECIPES["sprint"]
        with one_thread(torch.device("cpu")):
            permitted = candidates(recipe, net, torch.device("cpu"))
            before = setting_of(net, Task((1, 28, 28), 10), recipe, permitted)
        machine_memory().keep(before, permitted[0])
        _, out, _ = run(capsys, "doctor", "--speed")
        assert f"runs of nets like {net} use float32, torch layers, as measured before" in out.splitlines()


STUDIES = Path(__file__).parents[2] / "studies"
SEARCH = """
question: How long does it take?
data: {name: fashion-mnist}
architectures: [1x4+bn+gap, 1x16+bn+gap]
recipe: {base: sprint, batch_size: 100}
budget: {epochs: 2}
sampler: grid
finalists: {count: 1, seeds: 3}
"""


@pytest.mark.usefixtures("_timed")
class TestSpeedOfAStudy:
    """An epoch is 540 steps of 100 images; in bfloat16 an image takes 0.5 ms, and a look at one a third."""

    RUN_S = 2 * 540 * 100 * 5e-4 + 6000 * 5e-4 / 3

    def test_for_people(self, capsys, tmp_path, monkeypatch):
        monkeypatch.setattr("vggsearch.commands.doctor.study_speed.default_workers", lambda _: 2)
        file = tmp_path / "small.yaml"
        file.write_text(SEARCH)
        status, out, err = run(capsys, "doctor", "--speed", str(file), "--store", str(tmp_path / "store"))
        assert (status, err) == (0, "")
        assert "by the recipe of small on one core" in out
        *_, runs, total = out.splitlines()
        assert runs == "runs left: 2 (search) + 3 (finalists); each takes 55 s on a free core"
        assert total.startswith(f"with 2 workers small takes about {duration(5 * self.RUN_S / 2)}, without")
        assert not (tmp_path / "store").exists()

    def test_for_programs(self, capsys, tmp_path, monkeypatch):
        monkeypatch.setattr("vggsearch.commands.doctor.study_speed.default_workers", lambda _: 2)
        file = tmp_path / "small.yaml"
        file.write_text(SEARCH.replace("epochs: 2", "seconds: 7"))
        arguments = ("doctor", "--speed", str(file), "--json", "--store", str(tmp_path / "store"))
        found = json.loads(run(capsys, *arguments)[1])
        assert found["images_per_s"] == {"1x4+bn+gap": 2000, "1x16+bn+gap": 2000}
        assert found["run_s"] == {"1x4+bn+gap": 8, "1x16+bn+gap": 8}
        assert (found["runs_left"], found["workers"]) == ({"search": 2, "finalists": 3}, 2)
        assert found["expected_s"] == 20

    @pytest.mark.parametrize(
        ("arguments", "remedy"),
        [
            ([str(STUDIES / "quickstart.yaml")], "add --speed"),
            (["--speed", str(STUDIES / "kernel-size.yaml")], "use vggsearch plan"),
            (["--speed", "none.yaml"], "no such file"),
        ],
    )
    def test_what_it_does_not_measure(self, capsys, arguments, remedy):
        status, out, err = run(capsys, "doctor", *arguments)
        assert (status, out) == (2, "")
        assert remedy in err


class TestMachine:
    def test_sound(self):
        names = [one.name for one in (*check_machine(), *check_disk(Path()))]
        assert names[:2] == ["cores", "memory"]
        assert names[-2:] == ["disk", "writing"]

    def test_too_little_of_everything(self, monkeypatch, tmp_path):
        for name in ("MEMORY_PER_WORKER", "DISK", "FILES"):
            monkeypatch.setattr(machine, name, 10**18)
        found = {
            one.text.rpartition(": ")[2]
            for one in (*check_machine(), *check_disk(tmp_path))
            if one.state == "wrong"
        }
        assert found == {"use --workers 1, or close other programs", "make room, or name another --store"}

    def test_a_disk_that_cannot_be_written(self):
        *_, writing = check_disk(Path("/proc/self"))
        assert writing.state == "wrong"
        assert writing.text.startswith("/proc/self cannot be written (")
        assert writing.text.endswith("): fix its permissions, or name another --store")

    def test_a_disk_without_locks(self, monkeypatch, tmp_path):
        def no_locks(*_):
            raise OSError(37, "No locks available")

        monkeypatch.setattr(fcntl, "flock", no_locks)
        *_, writing = check_disk(tmp_path)
        assert writing.text == (
            f"{tmp_path} has no locks (No locks available), which keep two controllers apart: name a --store "
            "on a local disk"
        )


class TestLibraries:
    def test_as_installed(self):
        found = {one.name: one for one in check_libraries()}
        assert found.keys() >= {"python", "torch", "torchvision", "optuna", "pyyaml", "rich"}
        assert {one.state for one in found.values()} == {"ok"}
        assert found["torch"].text == metadata.version("torch")

    @pytest.mark.parametrize(
        ("version", "specifier", "answer"),
        [
            ("2.10.0+cu128", ">=2.10", True),
            ("2.9.1", ">=2.10", False),
            ("3", ">=2.10", True),
            ("2.10", ">=2.10.0", True),
            ("2.11.0.dev20261101", ">=2.10", True),
            ("2.10.1", "==2.10.0", False),
            ("2.10.0", "==2.10.0", True),
            ("2.10.0+cpu", "==2.10.0", True),
            ("3.0", "<2", False),
            ("3.0", ">=2.10,<3", False),
            ("2.11", ">=2.10,!=2.11", False),
            ("1.0", "", True),
            ("noise", ">=1", False),
        ],
    )
    def test_versions_are_compared_as_pip_does(self, version, specifier, answer):
        assert fits(version, Requirement(f"x{specifier}")) == answer

    def test_what_is_needed_is_read_from_the_installed_package(self):
        always = {one.name: str(one.specifier) for one in requirements("vggsearch")}
        assert always["torch"].startswith(">=")
        assert "ray" not in always
        assert [one.name for one in requirements("vggsearch", "ray")] == ["ray"]

    def test_old_broken_and_unfit_libraries(self, monkeypatch, tmp_path):
        """Real distributions, made for this."""
        for name, version, requires in (
            ("oldlib", "1.2", ()),
            ("badlib", "3.0", ()),
            ("torch", "2.11.0", ()),
            ("torchvision", "0.25.0", ("torch==2.10.0",)),
            ("ray", "2.0", ()),
            (
                "vggsearch",
                "0.1",
                ("oldlib>=1.10", "badlib", "torch>=2.10", "torchvision", 'ray>=2.40; extra == "ray"'),
            ),
        ):
            folder = tmp_path / f"{name}-{version}.dist-info"
            folder.mkdir()
            lines = "".join(f"Requires-Dist: {text}\n" for text in requires)
            (folder / "METADATA").write_text(
                f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{lines}"
            )
        (tmp_path / "oldlib.py").write_text("")
        (tmp_path / "badlib.py").write_text("raise RuntimeError('operator torchvision::nms does not exist')")
        monkeypatch.syspath_prepend(tmp_path)
        _, *found = check_libraries()
        again = "install vggsearch again, with all it depends on: pip install --upgrade vggsearch"
        assert [(one.name, one.state, one.text) for one in found] == [
            ("oldlib", "wrong", f"1.2 is installed, and >=1.10 is needed: {again}"),
            (
                "badlib",
                "wrong",
                f"cannot be imported (operator torchvision::nms does not exist): {again}",
            ),
            ("torch", "ok", "2.11.0"),
            ("torchvision", "ok", "0.25.0"),
            (
                "torchvision",
                "wrong",
                "0.25.0 was built for torch ==2.10.0, and torch is 2.11.0: install both again together: "
                "pip install --upgrade torch torchvision",
            ),
            (
                "ray",
                "note",
                "2.0, and --executor ray needs >=2.40: pip install --upgrade 'vggsearch[ray]'",
            ),
        ]

    @pytest.mark.usefixtures("store")
    def test_in_one_line_where_all_is_well(self, capsys):
        _, out, _ = run(capsys, "doctor")
        (line,) = [line for line in out.splitlines() if " torch " in line]
        assert line.startswith(f"  ok     libraries    torch {metadata.version('torch')}, torchvision ")
        assert line.endswith(" more, new enough")


def test_a_check_keeps_what_can_be_printed():
    assert Check("x", "ok", "größer\n\x07 5×5").text == "größer?? 5×5"
