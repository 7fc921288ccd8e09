"""Fetching: what is there is used, what is damaged and ours is replaced, what cannot be had is one line."""

import gzip
import http.server
import importlib
import logging
import shutil
import socket
import threading
from dataclasses import replace

import pytest

from vggsearch.data import catalog, fetch, load_search_data, load_test_images, verify
from vggsearch.errors import DataError

fetching = importlib.import_module("vggsearch.data.fetching")

APT = """#!/bin/sh
echo "$@" >> {log}
for last; do :; done
case "$*" in *Dir::State::Lists*) fresh=1;; esac
if [ "$last" = update ]; then exit 0; fi
if [ "{fails}" = always ] || {{ [ "{fails}" = stale ] && [ -z "$fresh" ]; }}; then
  echo "E: Unable to locate package dataset-tiny" >&2; exit 100
fi
echo package > dataset-tiny_1_all.deb
"""

DPKG = """#!/bin/sh
mkdir -p "$3/usr/share/datasets" && cp -r {files} "$3/usr/share/datasets/tiny"
"""


@pytest.fixture
def offline(monkeypatch):
    """No server answers, and apt-get is not installed."""

    def refuse(*_, **__):
        raise OSError("Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setenv("PATH", "/nonexistent")


@pytest.fixture
def debian(tiny, tmp_path, monkeypatch, offline):  # noqa: ARG001 - set up first
    """A Debian machine whose archive has the tiny set; says what apt-get was called with."""
    tiny.compress()
    monkeypatch.setattr(catalog, "CATALOG", {"tiny": replace(tiny.entry, debian="dataset-tiny")})
    programs = tmp_path / "bin"
    programs.mkdir()

    def install(fails="never"):
        scripts = {
            "apt-get": APT.format(log=tmp_path / "log", fails=fails),
            "dpkg-deb": DPKG.format(files=tiny.folder),
        }
        for name, script in scripts.items():
            (programs / name).write_text(script)
            (programs / name).chmod(0o755)
        monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
        return lambda: [line.split()[-1] for line in (tmp_path / "log").read_text().splitlines()]

    return install


@pytest.mark.usefixtures("offline")
def test_what_is_there_is_not_downloaded(tiny):
    assert fetch("tiny", tiny.folder) == tiny.folder


@pytest.mark.usefixtures("offline")
def test_offline_and_absent_is_one_line(tiny, tmp_path, cache, monkeypatch):
    (tmp_path / "empty").mkdir()
    monkeypatch.setattr(catalog, "CATALOG", {"tiny": replace(tiny.entry, debian="dataset-tiny")})
    with pytest.raises(DataError) as caught:
        fetch("tiny", tmp_path / "empty")
    message = str(caught.value)
    assert "\n" not in message
    looked = f"{tmp_path / 'empty'}, {cache / 'tiny'}, {tmp_path / 'system' / 'tiny'}"
    assert message.startswith(
        f"tiny is in none of {looked}, and could not be downloaded (torchvision: Error downloading "
        "train-images-idx3-ubyte.gz: Tried "
    )
    assert "Name or service not known" in message
    assert message.endswith(
        "; Debian package: apt-get is not installed): get it from https://example.org/tiny and give its "
        "folder with --data-dir"
    )
    assert list(cache.iterdir()) == []


def test_the_debian_package_is_unpacked_into_the_cache(debian, cache):
    calls = debian()
    assert fetch("tiny") == cache / "tiny"
    assert calls() == ["dataset-tiny"]
    assert len(load_search_data("tiny").train.labels) == 36
    assert len(load_test_images("tiny").labels) == 12
    assert sorted(path.name for path in cache.iterdir()) == ["prepared", "tiny"]


def test_missing_package_lists_are_downloaded_beside_the_system_s(debian, cache):
    calls = debian(fails="stale")
    assert fetch("tiny") == cache / "tiny"
    assert calls() == ["dataset-tiny", "update", "dataset-tiny"]


def test_apt_writes_only_into_the_cache(debian, tmp_path, cache):
    debian(fails="stale")
    fetch("tiny")
    for line in (tmp_path / "log").read_text().splitlines():
        assert f"Dir::Cache={cache}/fetching-" in line
    assert f"Dir::State::Lists={cache}/fetching-" in line


def test_what_apt_says_is_passed_on(debian):
    debian(fails="always")
    with pytest.raises(DataError, match="Debian package: E: Unable to locate package dataset-tiny"):
        fetch("tiny")


def test_a_download_that_is_not_what_it_must_be_is_not_kept(debian, tiny, cache):
    debian()
    (tiny.folder / "t10k-labels-idx1-ubyte.gz").write_bytes(gzip.compress(b"other"))
    with pytest.raises(DataError, match=r"Debian package: t10k-labels-idx1-ubyte\.gz was damaged"):
        fetch("tiny")
    assert not list((cache / "tiny").iterdir())


@pytest.mark.parametrize("name", ["train-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"])
def test_a_damaged_file_of_ours_is_named_and_replaced(debian, cache, caplog, name):
    debian()
    fetch("tiny")
    path = cache / "tiny" / name
    path.write_bytes(path.read_bytes()[:-20])
    with caplog.at_level(logging.WARNING):
        fetch("tiny")
    assert caplog.messages == [f"{path} is damaged or truncated: fetching it again"]
    assert all(row.status == "verified" for row in verify("tiny"))


def test_a_damaged_file_of_the_user_s_is_named_and_left(debian, tiny):
    debian()
    path = tiny.folder / "t10k-labels-idx1-ubyte.gz"
    path.write_bytes(b"damaged")
    with pytest.raises(DataError, match=f"^{path} is damaged"):
        fetch("tiny", tiny.folder)
    assert path.read_bytes() == b"damaged"


@pytest.fixture
def server(tiny, monkeypatch):
    """torchvision's mirror of the tiny set, on this machine."""
    import torchvision

    tiny.compress()
    handler = lambda *args: Quiet(*args, directory=str(tiny.folder))  # noqa: E731 - a class with a folder
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as httpd:
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        theirs = torchvision.datasets.MNIST
        monkeypatch.setattr(theirs, "mirrors", [f"http://127.0.0.1:{httpd.server_port}/"])
        monkeypatch.setattr(theirs, "resources", [(f"{name}.gz", None) for name in tiny.contents])
        yield
        httpd.shutdown()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.mark.usefixtures("server")
def test_torchvision_s_download_lands_in_the_cache(tiny, cache, capfd):
    assert fetch("tiny") == cache / "tiny"
    assert {path.name for path in (cache / "tiny").iterdir()} == set(tiny.contents)
    assert len(load_search_data("tiny").train.labels) == 36
    assert capfd.readouterr().err == ""
    assert socket.getdefaulttimeout() is None


@pytest.mark.usefixtures("tiny")
def test_a_silent_server_is_given_up(monkeypatch):
    import torchvision

    monkeypatch.setattr(fetching, "NETWORK_TIMEOUT_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        monkeypatch.setattr(torchvision.datasets.MNIST, "mirrors", [url])
        with pytest.raises(DataError, match="timed out"):
            fetch("tiny")


def test_fetching_a_folder_prepares_it(photos):
    assert fetch(f"folder:{photos}") == photos


def test_verify_has_a_row_a_file(tiny):
    rows = verify("tiny", tiny.folder)
    assert [(row.part, row.path.name, row.status) for row in rows] == [
        ("train", "train-images-idx3-ubyte", "verified"),
        ("train", "train-labels-idx1-ubyte", "verified"),
        ("test", "t10k-images-idx3-ubyte", "verified"),
        ("test", "t10k-labels-idx1-ubyte", "verified"),
    ]


def test_verify_says_what_is_damaged_and_what_is_absent(tiny):
    (tiny.folder / "train-images-idx3-ubyte").write_bytes(b"")
    (tiny.folder / "t10k-labels-idx1-ubyte").unlink()
    rows = verify("tiny", tiny.folder)
    assert [row.status for row in rows] == ["damaged", "verified", "absent", "absent"]
    assert rows[0].detail.startswith(f"{tiny.folder / 'train-images-idx3-ubyte'} is damaged")
    assert rows[2].detail.startswith("t10k-images-idx3-ubyte: not in ")


def test_verify_decodes_a_folder(photos):
    (photos / "red" / "notes.txt").write_text("x")
    assert [(row.part, row.status, row.detail) for row in verify(f"folder:{photos}")] == [
        ("train", "verified", "34 images decoded, left out: 1 not images (.txt text)"),
        ("test", "verified", "6 images decoded, left out: 1 not images (.txt text)"),
    ]
    shutil.copy(photos / "red" / "notes.txt", photos / "red" / "x.png")
    assert "damaged" in {row.status for row in verify(f"folder:{photos}")}
