"""Which device runs are made on."""

import re

from vggsearch.errors import DeviceError
from vggsearch.execution.contract import DeviceKind

_CUDA = re.compile(r"cuda(:[0-9]{1,3})?", re.ASCII)


def resolve_device(text: str) -> DeviceKind:
    """The kind of device that `auto`, `cpu`, `cuda` or `cuda:N` means here; raises `DeviceError`.

    `cuda:N` is one visible GPU by now: the command line hid the others.
    """
    if text == "cpu":
        return "cpu"
    if text != "auto" and _CUDA.fullmatch(text) is None:
        raise DeviceError(f"a device is auto, cpu, cuda or cuda:N, not {text[:40]!r}: use auto")
    import torch

    if torch.cuda.is_available():
        return "cuda"
    if text == "auto":
        return "cpu"
    raise DeviceError(
        f"device {text} is not there, as torch {torch.__version__} sees no such GPU: use --device cpu"
    )
