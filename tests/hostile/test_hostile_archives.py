"""Data sets' files and nets from strangers: archives that swell, headers that lie, pickles, endless nets."""

import gzip
import os
import pickle
import struct

import pytest


class Call:
    def __reduce__(self):
        return os.system, ("echo ran STRANGER",)


def idx(*sizes: int) -> bytes:
    """The header of so many images, and little else."""
    return struct.pack(f">I{len(sizes)}I", 0x800 + len(sizes), *sizes) + b"\0" * 100


def swollen() -> bytes:
    """A gigabyte in a megabyte: gzip members are one file together."""
    return gzip.compress(b"\0" * (8 << 20), 9) * 128


IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
CIFAR = ("data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "batches.meta")
ARCHIVES = {
    "dimensions beyond all": ("mnist", {IMAGES: idx(2**31, 2**31, 2**31), LABELS: idx(2**31)}),
    "an archive that swells": ("kmnist", {f"{IMAGES}.gz": swollen(), f"{LABELS}.gz": b""}),
    "no archive": ("mnist", {f"{IMAGES}.gz": b"\x1f\x8b" + b"\xff" * 99, f"{LABELS}.gz": b""}),
    "pickles": ("cifar-10", {name: pickle.dumps(Call()) for name in (*CIFAR, "test_batch")}),
    "more pickles": ("cifar-100", {name: pickle.dumps(Call()) for name in ("train", "test", "meta")}),
    "a matrix of lies": ("svhn", {"train_32x32.mat": b"MATLAB 5.0" + b"\xff" * 200, "test_32x32.mat": b""}),
}


@pytest.mark.parametrize("name", ARCHIVES)
def test_an_archive_that_is_none_is_damaged(place, name):
    dataset, files = ARCHIVES[name]
    for file, data in files.items():
        place.text(f"data/{file}", data)
        place.text(f"data/{file.replace('train', 't10k')}", data)
    data_dir = ("--data-dir", "data")
    checked = place.run("data", "verify", dataset, *data_dir)
    assert checked.status == 1
    assert "damaged" in checked.out
    commands = (("data", "fetch", dataset), ("train", "1x4+gap", "--data", dataset, "--device", "cpu"))
    for command in commands[: 1 if "swells" in name else 2]:
        line = place.refused(*command, *data_dir)
        assert "is damaged, truncated or of another data set" in line


@pytest.mark.parametrize("kind", ["a pipe", "a device", "a link in a circle", "a huge file"])
def test_files_of_a_data_set_that_are_none_are_not_read(place, kind):
    (place.given / "data").mkdir()
    for name in (IMAGES, LABELS, IMAGES.replace("train", "t10k"), LABELS.replace("train", "t10k")):
        path = place.given / "data" / name
        if kind == "a pipe":
            os.mkfifo(path)
        elif kind == "a device":
            path.symlink_to("/dev/zero")
        elif kind == "a link in a circle":
            path.symlink_to(path)
        else:
            with path.open("wb") as file:
                file.truncate(1 << 35)
    checked = place.run("data", "verify", "mnist", "--data-dir", "data")
    assert checked.status == 1
    assert ("more than" if kind == "a huge file" else "absent") in checked.out


NETS = {
    "a block of the widest": "32x65536k31+bn+gap",
    "sixteen blocks of the widest": "-".join(["32x65536k31"] * 4) + "+fc65536,65536",
    "two thousand characters": "-".join(["1x65536"] * 16) + "+fc" + ",".join(["65536"] * 16),
}
NO_NETS = {
    "numbers beyond all": "1x999999999+gap",
    "digits without end": "1x" + "9" * 1900 + "+gap",
    "too long": "1x8-" * 1000 + "1x8+gap",
    "an escape sequence": "\x1b]0;STRANGER\x07\u202e",
    "a template": "{{ 7*7 }}+gap",
    "a million kernels": "32x8k" + ",".join(["3"] * 900) + "+gap",
    "other digits": "\u0661x\u0668+gap",
}


@pytest.mark.parametrize("name", NO_NETS)
def test_a_net_that_is_none_is_one_line(place, name):
    for command in ("cost", "train"):
        assert len(place.refused(command, NO_NETS[name])) < 300


@pytest.mark.parametrize("name", NETS)
def test_a_net_without_end_is_costed_without_being_built(place, name):
    told = place.run("cost", NETS[name], "--input", "1x224x224")
    assert told.status in (0, 2)


def test_a_net_without_end_is_not_built(place):
    place.images(count=200)
    command = ("train", NETS["a block of the widest"], "--data", "folder:images", "--budget", "1steps")
    place.run(*command, "--device", "cpu")


STUDY = """\
data: {name: folder:images}
architectures: [1x4+gap]
recipe: fast
budget: {steps: 1}
sampler: grid
"""
URLS = ("http://evil.example/x", "file:///etc/passwd", "sqlite:////etc/passwd", "mysql://root:secret@evil/x")


@pytest.mark.parametrize("url", URLS)
def test_a_database_of_another_scheme_is_refused(place, url):
    place.images()
    line = place.refused("run", place.text("study.yaml", STUDY), "--storage", url)
    assert "secret" not in line
