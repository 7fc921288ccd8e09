"""Fetch a named data set: if it is absent, download it into the cache and check it.

Only the cache is written to. Downloads go to a scratch folder inside it. Files are moved to their place after
they were checked, so that an interrupted download leaves nothing behind.
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

from vggsearch.data.arrays import find, is_own
from vggsearch.data.catalog import PARTS, NamedDataset, named
from vggsearch.data.formats import check_files, torchvision_class
from vggsearch.data.locations import DamagedFileError, cache_dir, find_files, search_locations
from vggsearch.errors import DataError

NETWORK_TIMEOUT_S = 15
"""How long a server may send nothing."""

APT_TIMEOUT_S = 600

_log = logging.getLogger("vggsearch.data")


class _DownloadError(Exception):
    """One source of a data set failed; the text says why."""


def fetch(name: str, data_dir: Path | None = None) -> Path:
    """Make sure that a data set is present and undamaged, and return its folder or array file.

    Searches `data_dir`, the cache and the Debian package's folder. If the data set is absent, downloads it
    into the cache, with torchvision, else from Debian's archive. Checks all files, and prepares the training
    part so that it loads quickly. Decodes no test image. A damaged file in the cache is logged and replaced.
    Raises `DataError` for a damaged file elsewhere, and if the data set cannot be downloaded.
    """
    if is_own(name):
        source = find(name)
        source.load("train", data_dir)
        return Path(source.info.source)
    dataset = named(name)
    return _present(dataset, data_dir) or _download(dataset, data_dir)


def _present(dataset: NamedDataset, data_dir: Path | None) -> Path | None:
    """Return the folder of the training files if both parts are present; remove a damaged file of ours."""
    folders = []
    for part in PARTS:
        paths = find_files(dataset, part, data_dir)
        if paths is None:
            return None
        try:
            if part == "train":
                find(dataset.info.name).load(part, data_dir)
            else:
                check_files(dataset, part, paths)
        except DamagedFileError as damaged:
            if not damaged.path.is_relative_to(cache_dir()):
                raise
            _log.warning("%s is damaged or truncated: fetching it again", damaged.path)
            damaged.path.unlink()
            return None
        folders.append(paths[0].parent)
    return folders[0]


def _download(dataset: NamedDataset, data_dir: Path | None) -> Path:
    target = cache_dir() / dataset.info.name
    failures = []
    for label, download in (("torchvision", _from_torchvision), ("Debian package", _from_debian)):
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=target.parent, prefix="fetching-") as scratch:
                _install(dataset, download(dataset, Path(scratch)), target)
            break
        except DamagedFileError as damaged:
            failures.append(f"{label}: {damaged.path.name} was damaged")
        except (_DownloadError, OSError) as error:
            failures.append(f"{label}: {_one_line(error)}")
    else:
        where = ", ".join(search_locations(dataset, data_dir))
        raise DataError(
            f"{dataset.info.name} is in none of {where}, and could not be downloaded "
            f"({'; '.join(failures)}): get it from {dataset.info.source} and give its folder with --data-dir"
        )
    find(dataset.info.name).load("train", data_dir)
    return target


def _install(dataset: NamedDataset, folder: Path, target: Path) -> None:
    """Check the files of both parts in `folder`, then move them to `target`."""
    from_folder = [find_files(dataset, part, folder) for part in PARTS]
    target.mkdir(exist_ok=True)
    for part, paths in zip(PARTS, from_folder, strict=True):
        if paths is None or not all(path.is_relative_to(folder) for path in paths):
            raise _DownloadError(f"the {part} files are not in it")
        check_files(dataset, part, paths)
    for path in {path for paths in from_folder if paths is not None for path in paths}:
        path.replace(target / path.name)


def _from_torchvision(dataset: NamedDataset, scratch: Path) -> Path:
    download = torchvision_class(dataset)
    errors = (RuntimeError, OSError, EOFError, http.client.HTTPException, tarfile.TarError, zlib.error)
    try:
        with _download_settings():
            for options in [{"split": part} for part in PARTS] if dataset.file_format == "svhn" else [{}]:
                download(scratch, download=True, **options)
    except errors as error:
        raise _DownloadError(_one_line(error)) from None
    return scratch


def _from_debian(dataset: NamedDataset, scratch: Path) -> Path:
    """Download the Debian package and unpack it, without root."""
    if dataset.debian is None:
        raise _DownloadError("there is none")
    lists, downloads, unpacked = scratch / "lists", scratch / "downloads", scratch / "unpacked"
    downloads.mkdir()
    apt = [
        "apt-get",
        "--quiet",
        f"-oDir::Cache={scratch / 'cache'}",
        "-oAPT::Sandbox::User=root",  # apt's own user cannot enter the scratch folder
        "-oAcquire::Retries=1",
        f"-oAcquire::http::Timeout={NETWORK_TIMEOUT_S}",
        f"-oAcquire::https::Timeout={NETWORK_TIMEOUT_S}",
    ]
    try:
        _run([*apt, "download", dataset.debian], downloads)
    except _DownloadError:
        # There are no package lists, or old ones: download new ones to a folder of their own.
        (lists / "partial").mkdir(parents=True)
        apt.append(f"-oDir::State::Lists={lists}")
        _run([*apt, "update"], downloads)
        _run([*apt, "download", dataset.debian], downloads)
    packages = list(downloads.glob("*.deb"))
    if len(packages) != 1:
        raise _DownloadError(f"apt-get download left {len(packages)} packages")
    _run(["dpkg-deb", "--extract", str(packages[0]), str(unpacked)], downloads)
    return unpacked / "usr" / "share" / "datasets"


def _run(command: list[str], folder: Path) -> None:
    program = shutil.which(command[0])
    if program is None:
        raise _DownloadError(f"{command[0]} is not installed")
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
        output = error.stderr.strip() or error.stdout.strip() or f"exit status {error.returncode}"
        raise _DownloadError(output.splitlines()[-1]) from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _DownloadError(str(error)) from None


@contextlib.contextmanager
def _download_settings() -> Iterator[None]:
    """Give torchvision's downloads a timeout, and a progress bar only on a terminal."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(NETWORK_TIMEOUT_S)
    try:
        with contextlib.nullcontext() if sys.stderr.isatty() else contextlib.redirect_stderr(io.StringIO()):
            yield
    finally:
        socket.setdefaulttimeout(before)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:160]
