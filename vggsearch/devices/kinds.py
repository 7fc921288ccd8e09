"""The kinds of devices, and what differs between them in a way that changes what is computed or how.

What torch itself hides is not listed: fused SGD and AdamW, generators of random numbers on the device,
`torch.Event` and antialiased resizing exist for every kind in torch 2.10, the oldest that is supported.
Sources of the rest:

- MPS multiplies bfloat16 since macOS 14, but Apple's M1 and M2 emulate it, so that it is no faster than
  float32 (huggingface/transformers#40458).
- MPS computed wrong gradients of batch norm for channels-last images, without an error, in torch 2.10 and
  some versions after it (pytorch/pytorch#175189).
- `index_select` on XPU, and on MPS in some versions, copies its source first (intel/torch-xpu-ops,
  `Indexing.cpp`; PyTorch, `Indexing.mm`). Where rows of the source overlap, as in `vggsearch.data.batches`,
  the copy has every row once: gigabytes for a small data set. Indexing with `[]` reads by strides.
- `index_select` on MPS wrote to the wrong place where `out=` did not begin at the start of its storage, in
  torch 2.7. No caller here passes such a tensor.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

DeviceKind = Literal["cpu", "cuda", "xpu", "mps"]
"""As torch names them: `cuda` is Nvidia, and AMD where torch was built for ROCm; `xpu` Intel; `mps` Apple."""


@dataclass(frozen=True, slots=True)
class Traits:
    """What differs between kinds of devices."""

    bfloat16: bool
    """Whether `precision: auto` multiplies bfloat16. By kind, so that a run's key determines it."""
    channels_last: bool
    """Whether images and convolution weights are kept channels last."""
    selects_overlapping_rows: bool
    """Whether `index_select` reads overlapping rows where they are, without a copy of all of them."""
    graphs: bool
    """Whether a training step is captured in a graph (`vggsearch.training.graph`)."""
    visible: tuple[str, ...] = ()
    """Environment variables that list the devices which a process may see; the first is set where none is."""


TRAITS: Mapping[str, Traits] = MappingProxyType(
    {
        "cpu": Traits(bfloat16=False, channels_last=True, selects_overlapping_rows=True, graphs=False),
        "cuda": Traits(
            bfloat16=True,
            channels_last=True,
            selects_overlapping_rows=True,
            graphs=True,
            visible=("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES"),
        ),
        "xpu": Traits(
            bfloat16=True,
            channels_last=True,
            selects_overlapping_rows=False,
            graphs=False,
            visible=("ZE_AFFINITY_MASK",),
        ),
        "mps": Traits(bfloat16=False, channels_last=False, selects_overlapping_rows=False, graphs=False),
    }
)
"""By the names in `DeviceKind`."""


def traits(kind: str) -> Traits:
    """The traits of a kind of device, which is the `type` of a `torch.device`."""
    return TRAITS[kind]
