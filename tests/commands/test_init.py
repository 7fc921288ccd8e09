"""`vggsearch init` and `vggsearch studies`: from nothing to a study file that runs."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from workplace import answer, run

from vggsearch.arch import Task
from vggsearch.costs import cost
from vggsearch.study import (
    SHIPPED,
    AblationStudy,
    SearchStudy,
    load_study,
    parse_study,
    shipped_source,
    study_schema,
)

RGB = (3,)


@pytest.fixture(autouse=True)
def empty(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("VGGSEARCH_STORE", "VGGSEARCH_DATA"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def pictures(folder: str, *sizes: tuple[int, ...], images: tuple[int, ...] = (40, 20)) -> None:
    """Classes of so many images, of each size in turn; a third number is that of channels."""
    rng = np.random.default_rng(0)
    for label, count in enumerate(images):
        place = Path(folder) / f"class {label}"
        place.mkdir(parents=True)
        for i in range(count):
            pixels = rng.integers(0, 255, sizes[i % len(sizes)], dtype=np.uint8)
            Image.fromarray(pixels).save(place / f"{i}.png")


class TestStudies:
    def test_lists_all_with_question_and_time(self, capsys):
        lines = answer(capsys, "studies").splitlines()
        assert [line.split()[0] for line in lines[1:-2]] == list(SHIPPED)
        for line, takes in zip(lines[1:], SHIPPED.values(), strict=False):
            assert "? " in line
            assert line.rstrip().endswith(takes)
        found = json.loads(answer(capsys, "studies", "--json"))
        assert [(one["name"], one["machine_and_time"]) for one in found] == list(SHIPPED.items())

    def test_prints_the_schema(self, capsys):
        assert json.loads(answer(capsys, "studies", "--schema")) == study_schema()


class TestInit:
    def test_writes_the_quickstart_and_its_schema(self, capsys, empty):
        out = answer(capsys, "init")
        assert out.splitlines()[-1] == "next: vggsearch run quickstart.yaml"
        assert {path.name for path in empty.iterdir()} == {"quickstart.yaml", "vggsearch.schema.json"}
        first, rest = (empty / "quickstart.yaml").read_text().split("\n", 1)
        assert first == "# yaml-language-server: $schema=vggsearch.schema.json"
        assert rest == shipped_source("quickstart").replace(" quickstart", " quickstart.yaml")
        assert json.loads((empty / "vggsearch.schema.json").read_text()) == study_schema()

    @pytest.mark.parametrize("name", SHIPPED)
    def test_asks_what_the_shipped_study_asks(self, capsys, name):
        shipped = load_study(Path(name))
        verb = "plan" if isinstance(shipped, AblationStudy) else "run"
        assert answer(capsys, "init", name).splitlines()[-1] == f"next: vggsearch {verb} {name}.yaml"
        assert load_study(Path(name)).path == Path(f"{name}.yaml")
        assert load_study(Path(name)).identity() == shipped.identity()

    def test_comments_name_the_file(self, capsys):
        out = answer(capsys, "init", "whitening", "--out", "my-own.yaml")
        assert out.splitlines()[-1] == "next: vggsearch plan my-own.yaml"
        named = re.findall(r"^#   vggsearch \w+ (\S+)", Path("my-own.yaml").read_text(), re.M)
        assert named == ["my-own.yaml", "my-own.yaml"]

    @pytest.mark.parametrize("make", [Path.touch, Path.mkdir, lambda path: path.symlink_to("nowhere")])
    def test_overwrites_nothing(self, capsys, empty, make):
        make(empty / "null.yaml")
        status, out, err = run(capsys, "init", "null")
        assert (status, out) == (2, "")
        assert err == (
            "vggsearch: error: null.yaml: exists, and no file is overwritten: name another one, as in "
            "--out my-study.yaml\n"
        )
        assert [path.name for path in empty.iterdir()] == ["null.yaml"]

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ("quikstart", "a study begins as one that comes with vggsearch, not 'quikstart': did you mean "),
            ("--out My.yaml", "My.yaml: a study is named after its file, in at most 100 lower-case letters"),
            ("--out absent/x.yaml", "absent/x.yaml cannot be used (No such file or directory)"),
            ("--data fashion-mnits", "a data set is one of cifar-10, "),
            ("--data folder:absent", "folder:PATH must name a folder of images, and "),
            (
                "--data folder:small@8",
                "quickstart-small.yaml: space: num_blocks goes up to 4, and a side of 8 ",
            ),
        ],
    )
    def test_mistakes_are_one_line_and_nothing_is_written(self, capsys, empty, arguments, message):
        pictures("small", (20, 20))
        status, out, err = run(capsys, "init", *arguments.split())
        *_, said = err.splitlines()
        assert (status, out) == (2, "")
        assert said.startswith(f"vggsearch: error: {message}")
        assert [path.name for path in empty.iterdir()] == ["small"]


class TestOwnPictures:
    @pytest.mark.parametrize(
        ("sizes", "name", "shape"),
        [
            ([(20, 28)], "folder:own", (1, 20, 28)),
            ([(64, 16, *RGB)], "folder:own", (3, 64, 16)),
            ([(8, 8)], "folder:own@16", (1, 16, 16)),
            ([(20, 20), (30, 20)], "folder:own@32", (1, 32, 32)),
            ([(120, 90, *RGB), (100, 100, *RGB)], "folder:own@64", (3, 64, 64)),
            ([(65, 65, *RGB)], "folder:own@64", (3, 64, 64)),
        ],
    )
    def test_the_size_and_all_that_follows_from_it(self, capsys, sizes, name, shape):
        pictures("own", *sizes)
        answer(capsys, "init", "--data", "folder:own")
        study = load_study(Path("quickstart-own"))
        assert isinstance(study, SearchStudy)
        assert study.data.name == name
        # Of 60 images 46 are for training: 15 % are for the test, and 10 % of the rest for validation.
        assert study.recipe.batch_size == 8
        task = Task(shape, 2)
        dearest = [cost(member, task) for member in study.space(task)]
        for objective in ("macs", "params"):
            most = max(getattr(one, objective) for one in dearest)
            assert most <= study.reference[objective] <= 1.1 * most
        assert study.reference["val_accuracy"] == pytest.approx(2 / 3, abs=0.02)  # of the larger class
        asked = json.loads(answer(capsys, "space", "quickstart-own", "--json"))
        assert (tuple(asked["input_shape"]), asked["num_classes"]) == (shape, 2)

    def test_a_side_that_is_given_stands(self, capsys):
        pictures("own", (30, 20))
        answer(capsys, "init", "--data", "folder:own@40")
        assert load_study(Path("quickstart-own")).data.name == "folder:own@40"

    def test_a_bare_path_is_a_folder(self, capsys):
        pictures("own", (20, 20))
        answer(capsys, "init", "--data", "own")
        assert load_study(Path("quickstart-own")).data.name == "folder:own"

    def test_many_images_keep_the_batch_and_its_comment(self, capsys):
        pictures("own", (16, 16), images=(350, 340))
        answer(capsys, "init", "--data", "own")
        assert "\nrecipe: dash   " in Path("quickstart-own.yaml").read_text()

    @pytest.mark.parametrize(
        ("folder", "name"),
        [
            ("Own Pictures (2)", "null-own-pictures-2"),
            ("own@64", "null-own"),
            ("a/b/", "null-b"),
            ("\u043e\u0432\u043d", "null-own"),
        ],
    )
    def test_the_file_is_named_after_the_folder(self, capsys, folder, name):
        pictures(folder.removesuffix("@64"), (20, 20))
        out = answer(capsys, "init", "null", "--data", f"folder:{folder}")
        assert out.splitlines()[-1] == f"next: vggsearch plan {name}.yaml"
        assert load_study(Path(name)).name == name

    @pytest.mark.parametrize("name", SHIPPED)
    def test_every_study_fits(self, capsys, name):
        pictures("own", (70, 70, *RGB))
        answer(capsys, "init", name, "--data", "own")
        study = load_study(Path(f"{name}-own"))
        assert study.data.name == ("folder:own@224" if name == "d2l-vgg11" else "folder:own@64")
        shipped = parse_study(shipped_source(name), Path(name)).recipe
        assert study.recipe == shipped.model_copy(update={"batch_size": 8})
        task = Task((3, 64, 64), 2) if name != "d2l-vgg11" else Task((3, 224, 224), 2)
        assert study.plan_design(task).arms if isinstance(study, AblationStudy) else study.space(task).count

    def test_a_named_data_set_is_not_fetched(self, capsys):
        answer(capsys, "init", "d2l-vgg11", "--data", "cifar-10")
        study = load_study(Path("d2l-vgg11-cifar-10"))
        assert (study.data.name, study.data.resize, study.recipe.batch_size) == ("cifar-10", 224, 128)
