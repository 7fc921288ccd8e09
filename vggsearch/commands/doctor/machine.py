"""The machine: cores, memory, GPUs, and the disk of the store: room, writing, locks."""

import math
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil

from vggsearch.commands.doctor.check import Check
from vggsearch.execution import usable_cores
from vggsearch.runs import TEMPORARY
from vggsearch.system import free_files, lock_file
from vggsearch.text import size

MEMORY_PER_WORKER = 1_000_000_000
"""Bytes that a worker with torch, Fashion-MNIST and a small net takes, rounded up."""

DISK = 500_000_000
"""Bytes below which a store's disk is called full: 10 000 runs take about as much."""

FILES = 30_000
"""Files below which a disk is called full: 10 000 runs may make about as many."""


def check_machine() -> Iterator[Check]:
    """Cores and memory, then GPUs."""
    cores, load = usable_cores(), psutil.getloadavg()[0]
    busy = load > 0.5 * cores
    yield Check(
        "cores",
        "note" if busy else "ok",
        f"{cores} usable, so {cores} runs at once; load {load:.1f}"
        + (": other work slows a study down, and budgets in seconds count CPU seconds" if busy else ""),
    )
    free, need = psutil.virtual_memory().available, MEMORY_PER_WORKER * cores
    text = f"{size(free)} free; {cores} workers take about {size(need)}"
    workers = max(1, free // MEMORY_PER_WORKER)
    remedy = f": use --workers {workers}, or close other programs"
    yield Check("memory", "ok", text) if free >= need else Check("memory", "wrong", text + remedy)
    yield from _gpus()


def _gpus() -> Iterator[Check]:
    try:
        import torch

        from vggsearch.devices import backend_of, device_count, resolve_device
    except (ImportError, OSError):  # reported among the libraries
        return
    kind = resolve_device("auto")
    if kind == "cpu":
        driver = shutil.which("nvidia-smi") is not None
        text = (
            "a driver is installed, but torch sees no GPU: its build may not fit the driver"
            if driver
            else "none"
        )
        yield Check("gpu", "note" if driver else "ok", f"{text}; runs are made on the CPU")
        return
    for index in range(device_count(kind)):
        backend = backend_of(torch.device(kind, index))
        name, free = (
            backend.name,
            backend.free_bytes(),
        )  # in this order: asking for the name starts the driver
        text = (
            f"{size(int(free))} free" if math.isfinite(free) else "free memory unknown, so no run is refused"
        )
        yield Check(f"{kind}:{index}", "ok", f"{name}, {text}")


def check_disk(store: Path) -> Iterator[Check]:
    """The disk that a store is on, or would be made on."""
    where = existing(store)
    try:
        free, files = shutil.disk_usage(where).free, free_files(where)
    except OSError as error:
        yield Check("disk", "wrong", f"{where} cannot be used ({error.strerror}): name another --store")
        return
    room = "make room, or name another --store"
    text = f"{size(free)} free at {where}"
    yield Check("disk", "ok", text) if free >= DISK else Check("disk", "wrong", f"{text}: {room}")
    if files is not None and files < FILES:
        yield Check("disk", "wrong", f"room for {files} more files at {where}: {room}")
    yield _writing(where)


def existing(path: Path) -> Path:
    """The folder itself, or the nearest one above it that exists."""
    path = path.absolute()
    try:
        found = path.is_dir()
    except OSError:  # no way through the folders above it
        found = False
    return path if found or path == path.parent else existing(path.parent)


def _writing(folder: Path) -> Check:
    """Whether a controller can write, synchronise and lock a file; tried with a file without a name."""
    try:
        with tempfile.TemporaryFile(dir=folder, prefix=TEMPORARY) as file:
            file.write(b"written")
            file.flush()
            os.fsync(file.fileno())
            try:
                lock_file(file.fileno())
            except OSError as error:
                text = f"{folder} has no locks ({error.strerror}), which keep two controllers apart"
                return Check("writing", "wrong", f"{text}: name a --store on a local disk")
    except OSError as error:
        text = f"{folder} cannot be written ({error.strerror})"
        return Check("writing", "wrong", f"{text}: fix its permissions, or name another --store")
    return Check("writing", "ok", "files can be written, synchronised and locked there")
