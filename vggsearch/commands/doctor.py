"""`vggsearch doctor`: what could stop a study on this machine, in words a person can act on."""

import importlib
import os
import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

import psutil

from vggsearch.commands.devices import usable_cores
from vggsearch.commands.output import make_console, print_json, size
from vggsearch.data import locate, verify
from vggsearch.errors import VggSearchError
from vggsearch.study import Store

LIBRARIES = (
    "torch",
    "torchvision",
    "optuna",
    "pandas",
    "seaborn",
    "scipy",
    "statsmodels",
    "pydantic",
    "rich",
)

MEMORY_PER_WORKER = 1_000_000_000
"""Bytes that a worker with torch, Fashion-MNIST and a small net takes, rounded up."""

DISK = 500_000_000
"""Bytes below which a store's disk is called full: 10 000 runs take about as much."""

DATASET = "fashion-mnist"
"""The data set of the studies that come with vggsearch."""

State = Literal["ok", "note", "wrong"]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at."""

    name: str
    state: State
    """`note` is worth knowing and stops nothing."""
    text: str


def doctor_command(*, store: Path, data_dir: Path | None, repair: bool, as_json: bool) -> int:
    """Print every check; 1 where something is wrong."""
    checks = [*_python(), *_machine(store), *_devices(), *_data(data_dir), *_store(store)]
    wrong = [check for check in checks if check.state == "wrong"]
    if as_json:
        print_json({"ok": not wrong, "checks": [asdict(check) for check in checks]})
        return 1 if wrong else 0
    console = make_console()
    styles = {"ok": "green", "note": "yellow", "wrong": "bold red"}
    for check in checks:
        console.print(f"{check.state:<6}", style=styles[check.state], end="")
        console.print(f"{check.name:<12} {check.text}", soft_wrap=True)
    console.print(
        f"\n{len(wrong)} of {len(checks)} checks found something wrong" if wrong else "\nnothing is wrong"
    )
    return 1 if wrong else 0


def _python() -> Iterator[Check]:
    state: State = "ok" if sys.version_info >= (3, 11) else "wrong"
    yield Check("python", state, f"{platform.python_version()} in {sys.prefix}; 3.11 or newer is needed")
    for name in LIBRARIES:
        try:
            importlib.import_module(name)
            yield Check(name, "ok", metadata.version(name))
        except (ImportError, RuntimeError) as error:  # torchvision beside a foreign torch raises RuntimeError
            why = str(error).splitlines()[0][:200]
            yield Check(
                name, "wrong", f"cannot be imported ({why}): install vggsearch again, with all it depends on"
            )


def _machine(store: Path) -> Iterator[Check]:
    cores, load = usable_cores(), os.getloadavg()[0]
    busy = load > 0.5 * cores
    yield Check(
        "cores",
        "note" if busy else "ok",
        f"{cores} usable, so {cores} runs at once; load {load:.1f}"
        + (": other work slows a study down, and budgets in seconds count CPU seconds" if busy else ""),
    )
    free, need = psutil.virtual_memory().available, MEMORY_PER_WORKER * cores
    yield Check(
        "memory",
        "ok" if free >= need else "wrong",
        f"{size(free)} free; {cores} workers take about {size(need)}"
        + (
            ""
            if free >= need
            else f": use --workers {max(1, free // MEMORY_PER_WORKER)}, or close other programs"
        ),
    )
    where = _existing(store)
    space = shutil.disk_usage(where).free
    yield Check(
        "disk",
        "ok" if space >= DISK else "wrong",
        f"{size(space)} free at {where}" + ("" if space >= DISK else ": make room, or name another --store"),
    )


def _devices() -> Iterator[Check]:
    try:
        import torch
    except ImportError:
        return
    if not torch.cuda.is_available():
        driver = shutil.which("nvidia-smi") is not None
        text = (
            "a driver is installed, but torch sees no GPU: its CUDA build may not fit the driver"
            if driver
            else "none"
        )
        yield Check("gpu", "note" if driver else "ok", f"{text}; runs are made on the CPU")
        return
    for index in range(torch.cuda.device_count()):
        free, total = torch.cuda.mem_get_info(index)
        name = torch.cuda.get_device_name(index)
        yield Check(f"cuda:{index}", "ok", f"{name}, {size(free)} of {size(total)} free")


def _data(data_dir: Path | None) -> Iterator[Check]:
    rows = verify(DATASET, data_dir)
    bad = [row for row in rows if row.status == "damaged"]
    if bad:
        yield from (Check("data", "wrong", row.detail) for row in bad)
    elif any(row.status == "absent" for row in rows):
        yield Check("data", "note", f"{DATASET} is not here yet: `vggsearch data fetch {DATASET}` gets it")
    else:
        yield Check("data", "ok", f"{DATASET} verified in {locate(DATASET, data_dir)}")


def _existing(path: Path) -> Path:
    path = path.absolute()
    return path if path.exists() else _existing(path.parent)


def _store(path: Path) -> Iterator[Check]:
    if not path.exists():
        writable = os.access(_existing(path), os.W_OK)
        yield Check(
            "store",
            "ok" if writable else "wrong",
            f"{path}: not made yet" if writable else f"{path}: cannot be made there: name another --store",
        )
        return
    try:
        store = Store.open(path, create=False)
        damaged = store.ledger.damaged()
        damaged += [
            found for folder in (store.root / "studies").glob("*") for found in store.damaged(folder.name)
        ]
        count = len(store.ledger)
    except VggSearchError as error:
        yield Check("store", "wrong", str(error))
        return
    writable = os.access(path, os.W_OK)
    yield Check(
        "store",
        "ok" if writable else "wrong",
        f"{path}: {count} runs" + ("" if writable else "; cannot be written: mend its permissions"),
    )
    for found in damaged:
        yield Check("record", "wrong", f"{found}: delete it, and its run is made again")
