"""Parsers of images, archives of images, checkpoints, and weights."""

import gzip
import hashlib
import io
import json
import math
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from contract import Ready
from PIL import Image
from safetensors.torch import save

from vggsearch.data import Images, SearchData
from vggsearch.data.catalog import CATALOG, DatasetFile, DatasetInfo
from vggsearch.data.folder import list_folder, read_folder
from vggsearch.data.formats import read_files
from vggsearch.recipe import Budget, Recipe
from vggsearch.runs.checksums import add_checksum, verify_checksum
from vggsearch.runs.record import DataKey, RunKey
from vggsearch.training import Checkpoints, read_weights
from vggsearch.training.checkpoint import tensors_of
from vggsearch.training.loop import spend
from vggsearch.training.setup import Training, set_up
from vggsearch.training.weights import write_weights

SIDE = 8
STEPS = 8


def images(folder: Path) -> Ready:
    """One image among sound ones: the first, which says what the others must be, and then another one."""
    sound = _picture("RGB", "PNG")
    sets = []
    for name in ("first", "later"):
        for part in ("train", "test"):
            for label in ("a", "b"):
                (folder / name / part / label).mkdir(parents=True)
                for i in range(2):
                    (folder / name / part / label / f"{i}.png").write_bytes(sound)
        sets.append((folder / name, folder / name / "train" / ("a" if name == "first" else "b") / "0.png"))

    def read(data: bytes) -> None:
        for root, path in sets:
            path.write_bytes(data)
            read_folder(list_folder(f"folder:{root}@{SIDE}"), "train")
        read_folder(list_folder(f"folder:{sets[0][0]}"), "train")

    forms = [
        *(("RGB", form) for form in ("BMP", "JPEG", "PNG", "PPM", "TIFF", "WEBP")),
        *(("L", form) for form in ("BMP", "JPEG", "PNG", "PPM", "TIFF")),
        *((mode, "PNG") for mode in ("1", "LA", "P", "RGBA", "I;16")),
        *((mode, "TIFF") for mode in ("1", "CMYK", "F", "YCbCr", "I;16", "LAB")),
        ("CMYK", "JPEG"),
    ]
    turned = Image.Exif()
    turned[0x0112] = 6
    packings = ("tiff_lzw", "tiff_adobe_deflate", "packbits", "group4")
    special = [
        _picture("RGB", "JPEG", exif=turned),
        _picture("RGB", "PNG", exif=turned),
        _picture("RGB", "WEBP", exif=turned, lossless=True),
        _picture("RGB", "JPEG", progressive=True),
        *(_picture("1", "TIFF", compression=packing) for packing in packings),
    ]
    return Ready(read, [*(_picture(*form) for form in forms), *special])


def _picture(mode: str, form: str, **options: object) -> bytes:
    picture = Image.fromarray(np.arange(SIDE * SIDE * 3, dtype=np.uint8).reshape(SIDE, SIDE, 3))
    buffer = io.BytesIO()
    grey = picture.convert("L")
    changed = (
        grey.convert("I").convert(mode)
        if mode == "I;16"
        else picture.convert(mode)
        if mode != "LAB"
        else None
    )
    (changed or Image.new("LAB", (SIDE, SIDE))).save(buffer, form, **options)
    return buffer.getvalue()


def archives(folder: Path) -> Ready:
    """The images of an IDX file, plain and gzipped, of a set without digests, so that all is read."""
    shape = (1, 5, 4)
    info = DatasetInfo("tiny", shape, 3, 6, 6, "https://example.org/tiny")
    files = (DatasetFile("images-ubyte"), DatasetFile("labels-ubyte"))
    tiny = replace(CATALOG["mnist"], info=info, train=files, test=files)
    content = struct.pack(">4I", 0x803, 6, *shape[1:]) + bytes(range(120))
    labels = struct.pack(">2I", 0x801, 6) + bytes([0, 1, 2] * 2)
    plain = (folder / "images-ubyte", folder / "labels-ubyte")
    packed = (folder / "images-ubyte.gz", folder / "labels-ubyte.gz")
    plain[1].write_bytes(labels)
    packed[1].write_bytes(gzip.compress(labels))

    def read(data: bytes) -> None:
        plain[0].write_bytes(data)
        packed[0].write_bytes(data)
        faults = []
        for paths in (plain, packed):
            try:
                read_files(tiny, "train", paths)
            except OSError:
                raise
            except Exception as fault:  # noqa: BLE001 - both forms are read, and then the first fault is told
                faults.append(fault)
        if faults:
            raise faults[0]

    return Ready(read, [content, gzip.compress(content), gzip.compress(content, 0), gzip.compress(b"") * 3])


def _training() -> Training:
    rng = np.random.default_rng(0)
    pixels = torch.from_numpy(rng.integers(0, 256, (64, 1, SIDE, SIDE), dtype=np.uint8))
    part = Images(pixels, torch.arange(64) % 4)
    key = DataKey(name="random", digest="0" * 64, val_fraction=0.5, split_seed=0, split_digest="1" * 64)
    data = SearchData("random", 4, part, part, (0.5,), (0.3,), key)
    run_key = RunKey(
        architecture="1x4+bn+fc8",
        input_shape=(1, SIDE, SIDE),
        num_classes=4,
        data=key,
        recipe=Recipe(lr=0.1, momentum=0.9, batch_size=16),
        budget=Budget(steps=STEPS),
        seed=7,
        device="cpu",
    )
    return set_up(run_key, data, torch.device("cpu"), report=None, deadline=math.inf)


def _saved(folder: Path, run: Training) -> tuple[Path, dict[str, object], bytes]:
    """A sound checkpoint of `run` at its end: its JSON file, what is in it, and its tensors' file."""
    checkpoints = Checkpoints(folder)
    checkpoints.due = lambda: run.meter.steps == STEPS
    spend(run, checkpoints)
    path = folder / f"{STEPS:012d}.json"
    return path, json.loads(verify_checksum(path.read_bytes())), path.with_suffix(".safetensors").read_bytes()


def counters(folder: Path) -> Ready:
    """The sealed part of a checkpoint, beside sound tensors: any other is passed over, and never raises."""
    run = _training()
    path, sound, _ = _saved(folder, run)

    def restore(data: bytes) -> None:
        path.write_bytes(add_checksum(data))
        Checkpoints(folder).restore(run)

    return Ready(restore, [json.dumps(sound).encode()])


def tensors(folder: Path) -> Ready:
    """The tensors of a checkpoint, whose digest stands in its sealed part."""
    run = _training()
    path, sound, data = _saved(folder, run)

    def restore(data: bytes) -> None:
        named = sound | {"tensors": hashlib.sha256(data).hexdigest()}
        path.write_bytes(add_checksum(json.dumps(named).encode()))
        path.with_suffix(".safetensors").write_bytes(data)
        Checkpoints(folder).restore(run)

    few = {name: tensor.clone() for name, tensor in tensors_of(run).items() if name.startswith("model.")}
    small = save(few)
    return Ready(restore, [data, small])


def weights(folder: Path) -> Ready:
    """A weights file, as `vggsearch train --from` reads it."""
    run, path = _training(), folder / "model.safetensors"
    write_weights(path, run.key, run.model)

    def read(data: bytes) -> None:
        path.write_bytes(data)
        read_weights(path)

    return Ready(read, [path.read_bytes()])
