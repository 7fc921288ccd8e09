"""Getting a named data set: where it is not there yet, downloaded into the cache and checked.

Nothing outside the cache is written. Downloads land in a scratch folder inside it, and only files that were
checked are moved to their place, so that an interrupted download leaves nothing behind.
"""

import contextlib
import http.client
import io
import logging
import shutil
import socket
import subprocess
import sys
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from vggsearch.data.catalog import PARTS, NamedDataset, named
from vggsearch.data.folder import PREFIX, list_folder
from vggsearch.data.parts import load_part
from vggsearch.data.places import DamagedFileError, cache_dir, find_files, places
from vggsearch.data.raw import check_files
from vggsearch.errors import DataError

NETWORK_TIMEOUT_S = 15
"""How long a server may be silent."""

APT_TIMEOUT_S = 600

_log = logging.getLogger("vggsearch.data")


class _RouteError(Exception):
    """Why one way of getting a data set led nowhere."""


def fetch(name: str, data_dir: Path | None = None) -> Path:
    """Make sure that a data set is there and undamaged, and say in which folder.

    Looks in `data_dir`, in the cache and in the Debian package's folder; then downloads into the cache, with
    torchvision, else from Debian's archive. All files are checked, and the training part is prepared, so
    that it loads quickly; of the test part no image is decoded. A damaged file in the cache is named in the
    log and replaced; elsewhere it raises `DataError`, as does a set that cannot be downloaded.
    """
    if name.startswith(PREFIX):
        load_part(name, "train", data_dir)
        return list_folder(name).root
    dataset = named(name)
    there = _present(dataset, data_dir)
    return there if there is not None else _download(dataset, data_dir)


def _present(dataset: NamedDataset, data_dir: Path | None) -> Path | None:
    """The folder of the training files where both parts are there; damaged files of ours are removed."""
    folders = []
    for part in PARTS:
        paths = find_files(dataset, part, data_dir)
        if paths is None:
            return None
        try:
            if part == "train":
                load_part(dataset.info.name, part, data_dir)
            else:
                check_files(dataset, part, paths)
        except DamagedFileError as damaged:
            if not damaged.path.is_relative_to(cache_dir()):
                raise
            _log.warning("%s is damaged or truncated: it is fetched again", damaged.path)
            damaged.path.unlink()
            return None
        folders.append(paths[0].parent)
    return folders[0]


def _download(dataset: NamedDataset, data_dir: Path | None) -> Path:
    target = cache_dir() / dataset.info.name
    failures = []
    for label, route in (("torchvision", _from_torchvision), ("Debian package", _from_debian)):
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=target.parent, prefix="fetching-") as scratch:
                _install(dataset, route(dataset, Path(scratch)), target)
            break
        except DamagedFileError as damaged:
            failures.append(f"{label}: {damaged.path.name} came damaged")
        except (_RouteError, OSError) as error:
            failures.append(f"{label}: {_one_line(error)}")
    else:
        looked = ", ".join(place.label for place in places(dataset, data_dir))
        raise DataError(
            f"{dataset.info.name} is in none of {looked}, and could not be downloaded "
            f"({'; '.join(failures)}): get it from {dataset.info.source} and give its folder with --data-dir"
        )
    load_part(dataset.info.name, "train", data_dir)
    return target


def _install(dataset: NamedDataset, folder: Path, target: Path) -> None:
    """Check the files of both parts in `folder`, then move them to `target`."""
    from_folder = [find_files(dataset, part, folder) for part in PARTS]
    target.mkdir(exist_ok=True)
    for part, paths in zip(PARTS, from_folder, strict=True):
        if paths is None or not all(path.is_relative_to(folder) for path in paths):
            raise _RouteError(f"the {part} files are not in it")
        check_files(dataset, part, paths)
    for path in {path for paths in from_folder if paths is not None for path in paths}:
        path.replace(target / path.name)


def _from_torchvision(dataset: NamedDataset, scratch: Path) -> Path:
    import torchvision  # slow to import, and most calls find their data at hand

    download = getattr(torchvision.datasets, dataset.torchvision)
    errors = (RuntimeError, OSError, EOFError, http.client.HTTPException, tarfile.TarError, zlib.error)
    try:
        with _network_timeout(), _progress_on_terminals():
            for part in PARTS if dataset.family == "svhn" else PARTS[:1]:
                options = {"split": part} if dataset.family == "svhn" else {"train": True}
                download(scratch, download=True, **options)
    except errors as error:
        raise _RouteError(_one_line(error)) from None
    return scratch


def _from_debian(dataset: NamedDataset, scratch: Path) -> Path:
    """Download the Debian package and unpack it, which needs no root."""
    if dataset.debian is None:
        raise _RouteError("there is none")
    lists, downloads, unpacked = scratch / "lists", scratch / "downloads", scratch / "unpacked"
    downloads.mkdir()
    apt = [
        "apt-get",
        "--quiet",
        *("-o", f"Dir::Cache={scratch / 'cache'}"),
        *(
            "-o",
            "APT::Sandbox::User=root",
        ),  # the scratch folder is ours alone, and apt's own user cannot enter it
        *("-o", "Acquire::Retries=1"),
        *("-o", f"Acquire::http::Timeout={NETWORK_TIMEOUT_S}"),
        *("-o", f"Acquire::https::Timeout={NETWORK_TIMEOUT_S}"),
    ]
    try:
        _run([*apt, "download", dataset.debian], downloads)
    except _RouteError:
        # No package lists, or stale ones: download fresh ones beside the system's.
        (lists / "partial").mkdir(parents=True)
        apt += ["-o", f"Dir::State::Lists={lists}"]
        _run([*apt, "update"], downloads)
        _run([*apt, "download", dataset.debian], downloads)
    packages = list(downloads.glob("*.deb"))
    if len(packages) != 1:
        raise _RouteError(f"apt-get download left {len(packages)} packages")
    _run(["dpkg-deb", "--extract", str(packages[0]), str(unpacked)], downloads)
    return unpacked / "usr" / "share" / "datasets"


def _run(command: list[str], folder: Path) -> None:
    program = shutil.which(command[0])
    if program is None:
        raise _RouteError(f"{command[0]} is not installed")
    try:
        subprocess.run(
            [program, *command[1:]],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=APT_TIMEOUT_S,
            check=True,
        )
    except subprocess.CalledProcessError as error:
        last = (
            error.stderr.strip() or error.stdout.strip() or f"exit status {error.returncode}"
        ).splitlines()[-1]
        raise _RouteError(last) from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _RouteError(str(error)) from None


@contextlib.contextmanager
def _network_timeout() -> Iterator[None]:
    # torchvision opens its connections without a timeout of its own.
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(NETWORK_TIMEOUT_S)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


@contextlib.contextmanager
def _progress_on_terminals() -> Iterator[None]:
    """Let torchvision draw its progress bar on a terminal, and nowhere else."""
    with contextlib.nullcontext() if sys.stderr.isatty() else contextlib.redirect_stderr(io.StringIO()):
        yield


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:160]
