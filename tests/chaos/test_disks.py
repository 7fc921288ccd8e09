"""A disk that fills up, has no inodes left, may not be written or read: one line, and nothing is lost."""

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import ABLATION, SEARCH, Case, Make
from controllers import Controller, ForkServer, log_of

from vggsearch.store import Store

LONG = pytest.mark.long_form


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small file system: 4 MB and 200 inodes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    options = "size=4m,nr_inodes=200,mode=777"
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "chaos", folder], capture_output=True, text=True, check=False
    )
    if made.returncode:
        pytest.skip(f"NOT TESTED: no file system can be mounted here ({made.stderr.strip()})")
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that anyone may enter; pytest's own may not."""
    if os.getuid() != 0:
        pytest.skip("NOT TESTED: only root can become somebody without privileges")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        yield Path(folder)


def told(controller: Controller) -> str:
    """The one line of a controller that cannot go on."""
    assert controller.status() == 2, controller.lines
    return line_of(controller)


def line_of(controller: Controller) -> str:
    """The one line of a controller that could not go on and has ended."""
    (line,) = [line for line in controller.lines if line.startswith("error")]
    assert "Traceback" not in "".join(controller.lines)
    return line


def fill(folder: Path, left: int) -> Path:
    """Take all space but `left` bytes."""
    space = os.statvfs(folder)
    filler = folder / "filler"
    filler.write_bytes(bytes(space.f_bavail * space.f_frsize - left))
    return filler


def crowd(folder: Path, left: int) -> Path:
    """Take all inodes but `left`."""
    crowd = folder / "crowd"
    crowd.mkdir()
    for number in range(os.statvfs(folder).f_favail - left):
        (crowd / str(number)).touch()
    return crowd


@pytest.mark.parametrize("settings", [SEARCH, ABLATION], ids=["search", "ablation"])
def test_a_full_disk_stops_a_study_and_space_lets_it_go_on(
    make_case: Make, server: ForkServer, disk: Path, settings, chance, long: bool
) -> None:
    case = make_case(settings, disk / "store")
    stops = 0
    for left in [0, *(chance.randrange(60) * 4096 for _ in range(10 if long else 1))]:
        filler = fill(disk, left)
        controller = server.start(case.folder, settings)
        if controller.status() != 0:
            assert re.search(r"No space left on device|disk is full|disk I/O error", line_of(controller))
            stops += 1
        filler.unlink()
        case.note()
    assert stops > 0
    assert server.start(case.folder, settings).status() == 0
    case.check()


def test_no_inodes_left(make_case: Make, server: ForkServer, disk: Path, chance, long: bool) -> None:
    case = make_case(SEARCH, disk / "store")
    for left in [chance.randrange(1, 40) for _ in range(10 if long else 1)]:
        crowded = crowd(disk, left)
        controller = server.start(case.folder, SEARCH)
        if controller.status() != 0:
            assert re.search(r"No space left on device|unable to open|disk I/O", line_of(controller))
        subprocess.run(["rm", "-r", crowded], check=True)
        case.note()
    assert server.start(case.folder, SEARCH).status() == 0
    case.check()


def half_done(case: Case, server: ForkServer, settings: dict[str, object]) -> None:
    """Leave a study in its middle."""
    server.start(case.folder, settings, die_at=170).status()
    case.tally.kills += 1
    case.note()


@pytest.mark.parametrize(
    "what", ["ledger", *(pytest.param(what, marks=LONG) for what in ("store", "trials", "database"))]
)
def test_a_store_that_may_not_be_written(
    make_case: Make, server: ForkServer, open_folder: Path, what: str
) -> None:
    case = make_case(SEARCH, open_folder / "store")
    half_done(case, server, SEARCH)
    owned(case.folder)
    places = {
        "store": case.folder,
        "ledger": case.folder / "ledger",
        "trials": case.folder / "studies" / "small" / "trials",
        "database": case.folder / "optuna.db",
    }
    for path in [places[what], *places[what].rglob("*")]:
        path.chmod(path.stat().st_mode & ~0o222)
    line = told(server.start(case.folder, SEARCH, nobody=True))
    assert "cannot be " in line
    owned(case.folder)
    case.note()
    assert server.start(case.folder, SEARCH, nobody=True).status() == 0
    case.check()


@pytest.mark.parametrize(
    "what",
    ["trials", *(pytest.param(what, marks=LONG) for what in ("store", "ledger", "database", "study.json"))],
)
def test_a_store_that_may_not_be_read(
    make_case: Make, server: ForkServer, open_folder: Path, what: str
) -> None:
    case = make_case(SEARCH, open_folder / "store")
    half_done(case, server, SEARCH)
    owned(case.folder)
    place = {
        "store": case.folder,
        "ledger": case.folder / "ledger",
        "trials": case.folder / "studies" / "small" / "trials",
        "database": case.folder / "optuna.db",
        "study.json": case.folder / "studies" / "small" / "study.json",
    }[what]
    mode = place.stat().st_mode
    place.chmod(0)
    line = told(server.start(case.folder, SEARCH, nobody=True))
    assert "Permission denied" in line or "unable to open" in line
    place.chmod(mode)
    case.note()
    assert server.start(case.folder, SEARCH, nobody=True).status() == 0
    case.check()


def owned(folder: Path) -> None:
    """Give all of it to the one without privileges."""
    for path in [log_of(folder), folder, *folder.rglob("*")]:
        os.chown(path, 65534, 65534)
        path.chmod(0o755 if path.is_dir() else 0o644)


@pytest.mark.parametrize("made", ["before", pytest.param("after", marks=LONG)])
def test_a_file_system_that_is_mounted_for_reading_alone(
    make_case: Make, server: ForkServer, disk: Path, made: str
) -> None:
    case = make_case(SEARCH, disk / "store")
    if made == "before":
        half_done(case, server, SEARCH)
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    assert "Read-only file system" in told(server.start(case.folder, SEARCH))
    subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
    case.note()
    assert server.start(case.folder, SEARCH).status() == 0
    case.check()
    assert Store.open(case.folder, create=True).ledger.damaged() == []
