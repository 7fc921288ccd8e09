"""Output is readable whatever a terminal's encoding lacks, and no command ends in a traceback for it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from small_studies import conduct, make_ablation, make_study

CALL = "from vggsearch.cli import main; raise SystemExit(main())"

ENCODINGS = ("ascii", "cp437")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A store with a search and an ablation, and their files; a folder whose name is not ASCII."""
    folder = tmp_path_factory.mktemp("größe")
    for study in (make_study("small", question="Größe × Tiefe → λ?", trials=3), make_ablation("ablated")):
        (folder / study.path.name).write_text(study.source, encoding="utf-8")
        conduct(study, folder / "store")
    return folder


def answer(folder: Path, encoding: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    return subprocess.run(
        [sys.executable, "-c", CALL, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (("cost", "vgg16", "--layers"), 0),
        (("cost", "größer×"), 2),
        (("space", "small.yaml"), 0),
        (("status", "ablated.yaml", "--store", "store"), 0),
        (("status", "größe.yaml"), 2),
        (("report", "small.yaml", "--store", "store", "--out", "µ"), 0),
        (("doctor", "--store", "store"), None),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_command_is_answered_in_any_encoding(folder, encoding, arguments, status):
    done = answer(folder, encoding, *arguments)
    told = (done.stdout + done.stderr).decode(encoding)
    assert "Traceback" not in told
    assert status is None or done.returncode == status, told
    assert told.strip()


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_json_loses_nothing(folder, encoding):
    done = answer(folder, encoding, "status", "small.yaml", "--store", "store", "--json")
    assert json.loads(done.stdout.decode(encoding))["study"] == "small"
