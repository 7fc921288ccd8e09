"""A training step as one launch: on a GPU a captured graph of all its kernels, elsewhere the step itself.

Small nets leave a GPU waiting for its host, which takes longer to launch a step's kernels one by one than
they take to run. A CUDA graph launches them all at once. It replays addresses: whatever a step reads and
writes lies where it lay at the capture, and what differs from step to step (the place in the epoch, the
learning rate, the masks of dropout) is read on the device.
"""

from collections.abc import Callable, Sequence
from typing import cast

import torch

from vggsearch.training.checkpoint import tensors_of
from vggsearch.training.optimizer import begin_state
from vggsearch.training.setup import Training

WARM_UP = 3
"""Steps before the capture: libraries choose kernels in them, and allocate what they keep (PyTorch's notes on
CUDA semantics, "CUDA Graphs")."""

Launch = Callable[[], None]
Capture = Callable[[Launch, Launch, Sequence[torch.Generator]], Launch]
"""Takes a step to warm up with, the step to capture, and the generators that it draws from; returns what
repeats it."""


def one_launch(run: Training, compute: Launch, capture: Capture | None = None) -> Launch:
    """What repeats `compute`, all that a step of `run` does on its device.

    Capturing makes steps; what they changed is put back, to the bit. By default a GPU alone captures.
    """
    if capture is None:
        if run.device.type != "cuda":
            return compute
        capture = cuda_graph

    def warm_up() -> None:
        run.batches.position.zero_()  # a run that goes on may be at the end of its epoch
        compute()

    begin_state(run.optimizer, run.key.recipe)
    held = [*tensors_of(run).values(), run.batches.position]
    before, masks = [tensor.clone() for tensor in held], run.dropout.get_state()
    launch = capture(warm_up, compute, [run.dropout])
    with torch.no_grad():
        for tensor, value in zip(held, before, strict=True):
            tensor.copy_(value)
    run.dropout.set_state(masks)
    return launch


def cuda_graph(warm_up: Launch, compute: Launch, generators: Sequence[torch.Generator]) -> Launch:
    """`compute` as a CUDA graph of the current device."""
    aside = cast(Callable[[], torch.cuda.Stream], torch.cuda.Stream)()  # its stubs have no types
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        for _ in range(WARM_UP):
            warm_up()
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    for generator in generators:
        graph.register_generator_state(generator)
    # On a stream of its own, as libraries keep a workspace a stream: graphs may be replayed side by side.
    with torch.cuda.graph(graph, stream=aside):
        compute()
    return graph.replay
