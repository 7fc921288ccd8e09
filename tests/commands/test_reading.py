"""What only reads makes no file and no folder, and says so where there is nothing to read."""

import json
from pathlib import Path

import pytest
from small_studies import conduct, make_study

from vggsearch.cli import main
from vggsearch.errors import StoreError
from vggsearch.store import Store


@pytest.mark.parametrize(
    "arguments",
    [
        ("status", "small.yaml"),
        ("report", "small.yaml"),
        ("runs", "show", "abcd1234"),
        ("runs", "repeat", "abcd1234"),
        ("doctor", "--repair"),
    ],
    ids=" ".join,
)
def test_a_command_without_a_store_says_so(tmp_path, monkeypatch, capsys, arguments):
    monkeypatch.chdir(tmp_path)
    Path("small.yaml").write_text(make_study().source)
    assert main([*arguments, "--store", "nowhere"]) == 2
    told = capsys.readouterr().err
    assert told.startswith("vggsearch: error: store nowhere: ")
    assert told.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["small.yaml"]


def test_doctor_finds_nothing_wrong_without_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["doctor", "--store", "nowhere"]) == 0
    assert list(tmp_path.iterdir()) == []


def test_python_says_so_too(tmp_path):
    with pytest.raises(StoreError, match="holds no runs yet: run a study first"):
        Store.open(tmp_path / "nowhere")
    assert list(tmp_path.iterdir()) == []


def test_a_store_that_is_read_is_left_as_it_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Store.open(Path("store"), create=True)
    Path("small.yaml").write_text(make_study().source)
    before = sorted(tmp_path.rglob("*"))
    for command in (["status", "small.yaml"], ["doctor"]):
        main([*command, "--store", "store"])
    assert sorted(tmp_path.rglob("*")) == before


def test_status_counts_what_the_study_was_last_asked_for(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    study = make_study(trials=6, finalists=None)
    Path("small.yaml").write_text(study.source)

    def asked() -> int:
        assert main(["status", "small.yaml", "--store", "store", "--json"]) == 0
        return json.loads(capsys.readouterr().out)["stages"]["search"]["quota"]

    conduct(study.with_options(trials=3), tmp_path / "store")
    assert asked() == 3
    conduct(study, tmp_path / "store")
    assert asked() == 6
    conduct(study.with_options(trials=9), tmp_path / "store")
    assert asked() == 9
    # A file that was changed since counts as it is.
    Path("small.yaml").write_text(make_study(trials=12, finalists=None).source)
    assert asked() == 12
    assert main(["doctor", "--store", "store"]) == 0
