"""The environment of a run: versions, hardware, and the commit of the source."""

import functools
import os
import platform
import subprocess
from pathlib import Path

import torch

import vggsearch
from vggsearch.devices import backend_of
from vggsearch.runs import Provenance
from vggsearch.system import processor_model
from vggsearch.training.choices import Choice


def provenance(
    device: torch.device,
    choice: Choice,
    *,
    determined: bool,
    started_at: float,
    finished_at: float,
) -> Provenance:
    """Provenance of a run on `device` between two times (seconds since the epoch).

    `determined` says that the run's key alone determines the steps: its budget is deterministic, and neither
    precision nor layers were chosen by a measurement.
    """
    return Provenance(
        vggsearch=vggsearch.__version__,
        commit=source_commit(),
        python=platform.python_version(),
        torch=torch.__version__,
        platform=f"{platform.system()} {platform.machine()}",
        processor=processor_model(),
        gpu=None if device.type == "cpu" else device_model(device),
        precision=choice.precision,
        layers=choice.layers,
        threads=torch.get_num_threads(),
        cpu_count=os.cpu_count() or 1,
        started_at=started_at,
        finished_at=finished_at,
        bit_reproducible=determined and device.type == "cpu" and torch.get_num_threads() == 1,
    )


def device_model(device: torch.device | str) -> str:
    """Name of the processor or GPU, on which a budget in seconds depends."""
    return backend_of(torch.device(device)).name


@functools.cache
def source_commit() -> str | None:
    """Commit of the checkout of this package, with `+` for uncommitted changes; None outside a checkout."""
    package = Path(vggsearch.__file__).parent
    head = _git(package, "rev-parse", "HEAD")
    if head is None or _git(package, "ls-files", "__init__.py") != "__init__.py":
        return None
    return head + ("+" if _git(package, "status", "--porcelain", "--untracked-files=no", ".") else "")


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
