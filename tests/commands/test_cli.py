"""The command line: what it prints, how it fails, and how fast it answers."""

import contextlib
import io
import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings, strategies as st
from workplace import answer, make_images, run

from vggsearch import __version__
from vggsearch.cli import main
from vggsearch.commands.arguments import select_gpu
from vggsearch.commands.cost import parse_input
from vggsearch.data import DATASETS
from vggsearch.recipe import Budget
from vggsearch.runs import RunRecord
from vggsearch.store import Store
from vggsearch.study import load_study
from vggsearch.text import duration, percent, short_count, size

ROOT = Path(__file__).parents[2]

STUDY = """\
kind: search
question: does it work
data: {name: "folder:images"}
space:
  num_blocks: [1, 2]
  convs_per_block: [1]
  ratio: [16, 32]
  kernel_size: {per_block: [1, 3]}
recipe: {base: fast, batch_size: 16}
budget: {steps: 3}
sampler: random
trials: 3
finalists: {count: 1, seeds: 2}
objectives: [val_accuracy, macs]
reference: {val_accuracy: 0.1, macs: 1.0e+8}
seed: 0
"""


@pytest.fixture
def workplace(tmp_path, monkeypatch):
    """A folder with a small study `demo.yaml` and its images, as the working directory."""
    monkeypatch.chdir(tmp_path)
    for name in ("VGGSEARCH_STORE", "VGGSEARCH_DATA"):
        monkeypatch.delenv(name, raising=False)
    make_images(tmp_path / "images")
    (tmp_path / "demo.yaml").write_text(STUDY)
    return tmp_path


class TestStart:
    HEAVY = ("torch", "optuna", "pandas", "seaborn", "pydantic", "numpy", "rich", "scipy", "matplotlib")

    def test_help_imports_nothing_heavy(self):
        code = (
            "import sys; from vggsearch.cli import main; main(['--help']); "
            f"print(set({self.HEAVY}) & sys.modules.keys(), file=sys.stderr)"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
        )
        assert done.stderr.strip() == "set()"

    def test_help_takes_less_than_three_tenths_of_a_second(self):
        def children_s() -> float:
            used = resource.getrusage(resource.RUSAGE_CHILDREN)
            return used.ru_utime + used.ru_stime

        command = [sys.executable, "-m", "vggsearch.cli", "--help"]
        subprocess.run(command, capture_output=True, check=True, cwd=ROOT)
        begun = children_s()
        subprocess.run(command, capture_output=True, check=True, cwd=ROOT)
        # In CPU seconds: how busy the machine is says nothing about the program.
        assert children_s() - begun < 0.3

    @pytest.mark.parametrize("arguments", [[], ["--help"]])
    def test_help_names_every_command(self, capsys, arguments):
        out = answer(capsys, *arguments)
        searches, single = ("run", "report", "status", "space", "plan"), ("cost", "train", "runs")
        for command in (*searches, *single, "data", "doctor"):
            assert f"\n  {command} " in out

    def test_version(self, capsys):
        assert answer(capsys, "--version") == f"vggsearch {__version__}\n"

    @pytest.mark.usefixtures("workplace")
    def test_reader_that_goes_away_is_told_quietly(self):
        space = f"{sys.executable} -m vggsearch.cli space demo.yaml --sample 100000"
        command = f"{space} | head -1; exit ${{PIPESTATUS[0]}}"
        done = subprocess.run(
            ["bash", "-c", command],
            capture_output=True,
            text=True,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
        assert (done.returncode, done.stderr) == (1, "")


class TestCost:
    def test_json_of_vgg16(self, capsys):
        out = answer(capsys, "cost", "vgg16", "--input", "3x224x224", "--classes", "1000", "--json")
        found = json.loads(out)
        assert found["architecture"] == "2x64-2x128-3x256-3x512-3x512+fc4096,4096"
        assert (found["params"], found["macs"]) == (138357544, 15470264320)
        assert (found["conv_params"], found["receptive_field"]) == (14714688, 212)
        assert found["activation_bytes"] > 0
        assert found["training_memory_bytes"] > 3 * 4 * found["params"]  # weights, momentum, gradients

    def test_walks_the_chapters_net(self, capsys):
        """The shapes that the d2l chapter prints, divided by its ratio of 4."""
        out = answer(capsys, "cost", "d2l-vgg11/4")
        shapes = ["16×112×112", "32×56×56", "64×28×28", "128×14×14", "128×7×7", "6272", "4096", "4096", "10"]
        lines = out.splitlines()
        start = next(i for i, line in enumerate(lines) if line.startswith("block 1"))
        assert [
            next(word for word in line.split() if word == shape)
            for line, shape in zip(lines[start:], shapes, strict=False)
        ] == shapes
        assert "43,093,322" in out
        assert "512,155,648" in out

    def test_layers_sum_to_the_total(self, capsys):
        found = json.loads(answer(capsys, "cost", "2x8k5-1x16+bn+gap", "--layers", "--json"))
        for metric in ("params", "macs"):
            assert sum(layer[metric] for layer in found["layers"]) == found[metric]
        image_bytes = 28 * 28 * 4
        assert (
            sum(layer["activation_bytes"] for layer in found["layers"]) + image_bytes
            == found["activation_bytes"]
        )

    def test_layer_by_layer(self, capsys):
        out = answer(capsys, "cost", "1x8k5+bn+gap", "--layers")
        assert [line.split()[0] for line in out.splitlines()[3:-3]] == [
            "input",
            "block1.conv1",
            "block1.norm1",
            "block1.relu1",
            "block1.pool",
            "head.gap",
            "head.linear1",
        ]

    @pytest.mark.parametrize(("text", "shape"), [("1x28x28", (1, 28, 28)), ("3x224x192", (3, 224, 192))])
    def test_input(self, text, shape):
        assert parse_input(text) == shape


class TestNumbers:
    @pytest.mark.parametrize(
        ("seconds", "text"),
        [(0.4, "0 s"), (59.4, "59 s"), (185, "3 min 05 s"), (7620, "2 h 07 min"), (270000, "3 d 03 h")],
    )
    def test_duration(self, seconds, text):
        assert duration(seconds) == text

    @pytest.mark.parametrize(
        ("count", "text"),
        [(7, "7"), (999, "999"), (999.9, "1 k"), (1500, "1.5 k"), (15470264320, "15.5 G"), (2e12, "2 T")],
    )
    def test_short_count(self, count, text):
        assert short_count(count) == text

    def test_size_and_percent(self):
        assert (size(12), size(9_190_000)) == ("12 B", "9.19 MB")
        assert (percent(0.91234), percent(None)) == ("91.23 %", "–")


class TestSelectGpu:
    @pytest.mark.parametrize(
        ("device", "visible", "seen"),
        [
            ("cpu", None, None),
            ("cuda", None, None),
            ("cuda:1", None, "1"),
            ("cuda:1", "4,7", "7"),
            ("cuda:5", "4,7", "1000"),
            ("cuda:x", None, None),
        ],
    )
    def test_only_the_named_one_stays_visible(self, monkeypatch, device, visible, seen):
        if visible is None:
            monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")  # so that it is put back
            monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
        else:
            monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
        select_gpu(device)
        assert os.environ.get("CUDA_VISIBLE_DEVICES") == seen


class TestStudy:
    """One small study through every command that has to do with it."""

    def test_from_run_to_report(self, workplace, capsys, monkeypatch):
        status, out, err = run(capsys, "run", "demo.yaml", "--workers", "1", "--device", "cpu")
        assert (status, len(err.splitlines())) == (0, 2)  # what was understood of the images
        lines = out.splitlines()
        assert "study demo: search 0/3, finalists 0/2; 1 at once" in lines[0]
        assert sum("search " in line for line in lines[1:-5]) == 3
        weights, best, cheapest, doubt, where = lines[-5:]
        assert weights == "weights: 2 of 2 runs, in .vggsearch/weights"
        assert best.startswith("best: ")
        assert "over 2 fresh seeds" in best
        assert cheapest.startswith("cheapest within 1 pp of the best: ")
        assert "validation images an accuracy of 100.00 % has a standard error of" in doubt
        assert where == "report: vggsearch report demo.yaml"

        again = answer(capsys, "run", "demo.yaml")
        assert again.splitlines() == ["demo is finished already", weights, best, cheapest, doubt, where]

        found = json.loads(answer(capsys, "status", "demo.yaml", "--json"))
        assert found["stages"]["search"] == {"quota": 3, "done": 3, "running": 0, "left": 0}
        assert found["stages"]["finalists"] == {"quota": 2, "done": 2, "running": 0, "left": 0}
        assert found["outcomes"] == {"completed": 5}
        assert found["controller"] is None
        assert answer(capsys, "status", "demo.yaml").startswith("demo: finished\n")

        extended = answer(
            capsys, "run", "demo.yaml", "--trials", "4", "--workers", "1", "--device", "cpu", "--report"
        )
        assert "search 4/4" in extended
        assert extended.splitlines()[-1] == "report: vggsearch-reports/demo/index.html"
        page = (workplace / "vggsearch-reports/demo/index.html").read_bytes()
        monkeypatch.setenv("VGGSEARCH_STORE", "nowhere")  # a report is made again without any store
        same = answer(capsys, "report", "--from", "vggsearch-reports/demo", "--out", "again").splitlines()
        assert same[:3] == extended.splitlines()[-4:-1]
        assert (workplace / "again/index.html").read_bytes() == page

    @pytest.mark.usefixtures("workplace")
    def test_time_limit_says_how_to_go_on(self, capsys):
        status, out, _ = run(
            capsys, "run", "demo.yaml", "--store", "s", "--time-limit", "1e-9", "--device", "cpu"
        )
        assert status == 0
        assert out.splitlines()[-1] == "time limit; to continue: vggsearch run demo.yaml --store s"
        assert (
            json.loads(answer(capsys, "status", "demo.yaml", "--store", "s", "--json"))["stages"]["search"][
                "left"
            ]
            == 3
        )

    def test_interrupt_loses_nothing(self, workplace):
        """Ctrl-C ends what is going and says how to go on; the study then has every run that was finished."""
        (workplace / "demo.yaml").write_text(
            STUDY.replace("trials: 3", "trials: 12").replace("steps: 3", "seconds: 0.2")
        )
        command = [
            sys.executable,
            "-m",
            "vggsearch.cli",
            "run",
            "demo.yaml",
            "--workers",
            "1",
            "--device",
            "cpu",
        ]
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)}
        )
        assert process.stdout is not None
        line = ""
        while "search 1/12" not in line:
            line = process.stdout.readline()
            assert line, "ended before its first run"
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read().splitlines()
        assert process.wait(60) == 130
        assert rest[-1] == "interrupted; to continue: vggsearch run demo.yaml"
        assert 1 <= len(list((workplace / ".vggsearch/ledger").glob("*/*.json"))) < 12


@pytest.mark.usefixtures("workplace")
class TestSpace:
    def test_summary(self, capsys):
        out = answer(capsys, "space", "demo.yaml")
        assert out.startswith("12 networks for 1×8×8 images\n")
        found = json.loads(answer(capsys, "space", "demo.yaml", "--json"))
        assert (found["count"], found["candidates"], len(found["first"])) == (12, 12, 5)
        assert found["quantiles"]["params"]["least"] <= found["quantiles"]["params"]["most"]

    def test_list_is_the_space(self, capsys):
        members = answer(capsys, "space", "demo.yaml", "--list").split()
        assert len(set(members)) == len(members) == 12
        drawn = answer(capsys, "space", "demo.yaml", "--sample", "30").split()
        assert len(drawn) == 30
        assert set(drawn) <= set(members)
        assert json.loads(answer(capsys, "space", "demo.yaml", "--list", "--json")) == members


@pytest.mark.usefixtures("workplace")
class TestTrain:
    ARGUMENTS = ("train", "1x4+gap", "--data", "folder:images", "--budget", "3steps", "--device", "cpu")

    def test_second_time_the_ledger_answers(self, capsys):
        status, out, _ = run(capsys, *self.ARGUMENTS, "--json")
        assert status == 0
        found = json.loads(out)
        assert (found["cached"], found["outcome"], found["steps"]) == (False, "completed", 3)
        again = json.loads(answer(capsys, *self.ARGUMENTS, "--json"))
        assert again["cached"]
        assert {**again, "cached": False} == found
        assert "already in the store" in answer(capsys, *self.ARGUMENTS)

    def test_a_run_that_found_too_little_memory_is_made_again(self, capsys):
        run(capsys, *self.ARGUMENTS, "--store", "first")
        (made,) = Store.open(Path("first"), create=True).ledger
        Store.open(Path("second"), create=True).ledger.put(RunRecord(key=made.key, outcome="out_of_memory"))
        _, out, _ = run(capsys, *self.ARGUMENTS, "--store", "second", "--json")
        found = json.loads(out)
        assert (found["run"], found["cached"], found["outcome"]) == (made.key.digest, False, "completed")
        (kept,) = Store.open(Path("second"), create=True).ledger
        assert kept.outcome == "completed"

    @pytest.mark.parametrize(
        ("text", "kind", "amount"),
        [
            ("30s", "seconds", 30),
            ("0.5 seconds", "seconds", 0.5),
            ("1epoch", "epochs", 1),
            ("2epochs", "epochs", 2),
            ("500steps", "steps", 500),
            ("1e12macs", "macs", 1e12),
        ],
    )
    def test_budget(self, text, kind, amount):
        budget = Budget.parse(text)
        assert (budget.kind, budget.amount) == (kind, amount)


@pytest.mark.usefixtures("workplace")
class TestData:
    def test_list_names_every_set(self, capsys):
        found = json.loads(answer(capsys, "data", "list", "--json"))
        assert {one["name"] for one in found} == DATASETS.keys()
        assert "folder:PATH" in answer(capsys, "data", "list")

    def test_verify_folder(self, capsys):
        assert "images decoded" in answer(capsys, "data", "verify", "folder:images")
        next(Path("images/above").iterdir()).write_bytes(b"no image")
        status, out, _ = run(capsys, "data", "verify", "folder:images", "--json")
        assert status == 1
        assert not json.loads(out)["verified"]


BAD_STUDIES = [
    ("unknown key", "trials: 3", "trails: 3", "demo.yaml: trails: no such key: did you mean trials?"),
    (
        "unknown key of the space",
        "ratio:",
        "ratios:",
        "demo.yaml: space.ratios: no such key: did you mean ratio?",
    ),
    (
        "wrong type",
        "trials: 3",
        "trials: three",
        "demo.yaml: trials: must be a whole number, not 'three': write trials: 54, for example",
    ),
    (
        "unknown sampler",
        "sampler: random",
        "sampler: rndom",
        "demo.yaml: sampler: must be one of grid, random, tpe, nsga2, gp, rungs, screen, model, not 'rndom': "
        "did you mean random?",
    ),
    (
        "more halvings than pixels",
        "num_blocks: [1, 2]",
        "num_blocks: [1, 4]",
        "demo.yaml: space: num_blocks goes up to 4, and a side of 8 pixels can be halved 3 times: "
        "use at most 3 blocks, or resize the images to at least 16 pixels",
    ),
    (
        "even kernel",
        "{per_block: [1, 3]}",
        "[4]",
        "demo.yaml: space: a kernel size is odd and from 1 to 31, not 4: use 3 or 5, for example",
    ),
    (
        "no channel after the ratio",
        "ratio: [16, 32]",
        "ratio: [128]",
        "demo.yaml: space: ratio 128 leaves no channel in a block of 64: use ratios of at most 64",
    ),
    (
        "empty space",
        "  ratio:",
        "  constraints: {params: {max: 3}}\n  ratio:",
        "demo.yaml: space: the constraint params <= 3 excludes all candidates, which have 14 to 378: "
        "raise its max to at least 14",
    ),
    (
        "unknown data set",
        "folder:images",
        "fashion-mnits",
        "a data set is one of cifar-10, cifar-100, fashion-mnist, kmnist, mnist, svhn, folder:PATH or "
        "arrays:PATH, not 'fashion-mnits': did you mean fashion-mnist?",
    ),
    (
        "fewer images than a batch",
        "batch_size: 16",
        "batch_size: 512",
        "folder:images has 92 training images, and a batch takes 512: add images, "
        "or lower the batch_size of the recipe",
    ),
]

BAD_COMMANDS = [
    (
        "run demo.yaml --store file/store",
        "store file/store: cannot be written (Not a directory): name a folder you may write to with --store",
    ),
    (
        "run demo.yaml --device tpu",
        "a device is auto, cpu, cuda, mps or xpu, or one of several as in cuda:1, not 'tpu': use auto",
    ),
    (
        "run demo.yaml --time-limit 0",
        "demo.yaml: time_limit_s: must be above 0, not 0.0: write time_limit_s: 3600, for example",
    ),
    (
        "run absent.yaml",
        "absent.yaml: no such file: give a study file's path, or a name that vggsearch studies lists, "
        "as in quickstart",
    ),
    ("status demo.yaml", "store .vggsearch: holds no runs yet: run a study first, or name another --store"),
    ("report demo.yaml", "store .vggsearch: holds no runs yet: run a study first, or name another --store"),
    (
        "report",
        "a report is made from a study file or --from an earlier report, not neither: "
        "write vggsearch report quickstart, for example",
    ),
    (
        "train 1x4+gap --budget 10",
        "a budget is an amount above 0 of s, epochs, steps or macs, not '10': "
        "write 30s, 2epochs, 500steps or 1e12macs",
    ),
    ("train 1x4+gap --budget 0s", None),
    ("run demo.yaml --executor rya", "--executor is local or ray, not 'rya': use one of them"),
    (
        "run demo.yaml --address auto",
        "--address is of a Ray cluster, and --executor is local: add --executor ray",
    ),
    ("train 1x4+gap --budget 1.5steps", None),
    (
        "train 1x4+gap --recipe slow",
        "a recipe is one of d2l, fast, sprint, dash, not 'slow': use fast, for example",
    ),
    (
        "train 1x4-1x4-1x4-1x4-1x4+gap --data folder:images",
        "5 blocks halve a side of 8 pixels 5 times, and only 3 fit: use at most 3 blocks, "
        "or an input of at least 32 pixels",
    ),
    ("cost 1x4k2+gap", "a kernel size is odd and from 1 to 31, not 2: use 3 or 5, for example"),
    ("cost vgg11/99", "ratio 99 leaves no channel in a block of 64: use a ratio of at most 64"),
    ("cost vgg11 --input 28", "an input is CHANNELSxHEIGHTxWIDTH, not '28': write 1x28x28, for example"),
    (
        "cost vgg11 --input 1x28x28",
        "5 blocks halve a side of 28 pixels 5 times, and only 4 fit: use at most 4 blocks, "
        "or an input of at least 32 pixels",
    ),
    ("cost", "missing argument 'ARCH': see vggsearch cost --help"),
    ("cots vgg11", "no such command 'cots'. Did you mean 'cost'?"),
    (
        "cost vgg11 --layerz",
        "no such option: --layerz (Possible options: --layers): see vggsearch cost --help",
    ),
    ("data fetch folder:absent", None),
]


@pytest.mark.usefixtures("workplace")
class TestBadInput:
    """Rule, value and remedy in one line on standard error; exit status 2; nothing on standard output."""

    @pytest.mark.parametrize(
        ("good", "bad", "message"), [row[1:] for row in BAD_STUDIES], ids=[row[0] for row in BAD_STUDIES]
    )
    def test_study(self, capsys, good, bad, message):
        assert good in STUDY
        Path("demo.yaml").write_text(STUDY.replace(good, bad))
        found = run(capsys, "run", "demo.yaml", "--device", "cpu")
        assert found == (2, "", f"vggsearch: error: {message}\n")

    @pytest.mark.parametrize(("command", "message"), BAD_COMMANDS, ids=[row[0] for row in BAD_COMMANDS])
    def test_command(self, capsys, command, message):
        Path("file").touch()
        status, out, err = run(capsys, *command.split())
        assert (status, out) == (2, "")
        assert err.startswith("vggsearch: error: ")
        assert err.count("\n") == 1
        if message is not None:
            assert err == f"vggsearch: error: {message}\n"

    def test_device_that_is_not_there(self, capsys, monkeypatch):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
        monkeypatch.setattr(torch.accelerator, "is_available", lambda: False)
        status, out, err = run(capsys, "run", "demo.yaml", "--device", "cuda:7")
        assert (status, out) == (2, "")
        assert err == (
            f"vggsearch: error: device cuda:7 is not there, as torch {torch.__version__} sees only cpu: "
            "use --device cpu\n"
        )

    def test_study_file_that_changed_under_its_store(self, capsys):
        """Nothing is lost: changed back, it is what it was."""
        store = Store.open(Path(".vggsearch"), create=True)
        with store.lock():
            store.begin(load_study(Path("demo.yaml")))
        Path("demo.yaml").write_text(STUDY.replace("steps: 3", "steps: 4"))
        status, out, err = run(capsys, "run", "demo.yaml", "--device", "cpu", "--workers", "1")
        assert (status, out) == (2, "")
        assert err == (
            "vggsearch: error: demo.yaml: budget.steps: must stay as the study began in "
            f"{store.root}, 3, not 4: change it back, or copy the file to a new name for a new study\n"
        )

    def test_store_that_another_controller_holds(self, capsys):
        with Store.open(Path(".vggsearch"), create=True).lock():
            status, out, err = run(capsys, *TestTrain.ARGUMENTS)
        assert (status, out) == (2, "")
        assert f"one controller writes at a time, and process {os.getpid()} does" in err


@settings(max_examples=50, deadline=None)
@given(text=st.text(max_size=60))
def test_any_architecture_text_is_read_or_refused_in_one_line(text):
    """Never a traceback: `main` lets no `VggSearchError` and no usage error out."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()) as err:
        status = main(["cost", "--json", "--", text])
    assert status in (0, 2)
    assert status == 0 or len(err.getvalue().splitlines()) == 1


def test_a_mistake_is_one_harmless_line_without_a_password(capsys):
    status, out, err = run(capsys, "run", "a.yaml", "postgresql://me:secret@host/db\x1b[31m\nnext")
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert "://***@host" in err
    assert "secret" not in err
    assert "\x1b" not in err
