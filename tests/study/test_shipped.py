"""Studies by name: those that come with vggsearch, and files of the current folder, which come first."""

import re
from pathlib import Path

import pytest

from vggsearch.errors import StudyFileError
from vggsearch.study import SHIPPED, load_study, parse_study, shipped_source

ROOT = Path(__file__).parents[2]


@pytest.fixture
def empty(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_names_are_the_files_of_the_checkout():
    assert sorted(SHIPPED) == sorted(path.stem for path in (ROOT / "studies").glob("*.yaml"))
    for name in SHIPPED:
        assert shipped_source(name) == (ROOT / "studies" / f"{name}.yaml").read_text()


def test_the_readme_has_the_same_machines_and_times_in_the_same_order():
    rows = re.findall(
        r"^\| \[`(.*?)`\]\(studies/.*?\) \| .* \| (.*) \|$", (ROOT / "README.md").read_text(), re.M
    )
    assert [(name, takes.replace("`", "")) for name, takes in rows] == list(SHIPPED.items())


@pytest.mark.usefixtures("empty")
@pytest.mark.parametrize("name", SHIPPED)
def test_in_an_empty_folder_a_name_is_the_shipped_study(name):
    study = load_study(Path(name))
    assert (study.name, str(study.path)) == (name, name)
    assert study.identity() == load_study(ROOT / "studies" / f"{name}.yaml").identity()
    # A report is read back by the path that it was made with.
    assert parse_study(study.source, study.path) == study


@pytest.mark.parametrize("file", ["null", "null.yaml"])
def test_a_file_of_that_name_comes_first(empty, file):
    (empty / file).write_text(shipped_source("quickstart"))
    study = load_study(Path("null"))
    assert (study.name, str(study.path)) == ("null", file)
    assert study.kind == "search"


def test_a_folder_of_that_name_does_not(empty):
    (empty / "null").mkdir()
    assert load_study(Path("null")).kind == "ablation"


def test_a_name_in_a_folder_is_a_path(empty):
    with pytest.raises(StudyFileError, match=r"for the study that comes with vggsearch, write null$"):
        load_study(empty / "null")


@pytest.mark.parametrize(
    ("given", "remedy"),
    [
        ("quikstart", "did you mean quickstart?"),
        ("kernel", "did you mean kernel-size?"),
        ("quickstart.yaml", "for the study that comes with vggsearch, write quickstart"),
        ("studies/null.yaml", "for the study that comes with vggsearch, write null"),
        ("pictres", "did you mean pictures.yaml?"),
        ("pictres.yaml", "did you mean pictures.yaml?"),
        (
            "other/pictures.yaml",
            "give a study file's path, or a name that vggsearch studies lists, as in quickstart",
        ),
        ("xyz", "give a study file's path, or a name that vggsearch studies lists, as in quickstart"),
    ],
)
def test_what_is_not_there_is_told_with_what_is(empty, given, remedy):
    (empty / "pictures.yaml").touch()
    with pytest.raises(StudyFileError) as error:
        load_study(Path(given))
    assert str(error.value) == f"{given}: no such file: {remedy}"
