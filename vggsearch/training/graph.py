"""A training step as one launch: on a GPU a CUDA graph of all its kernels, elsewhere the step itself.

With small nets a GPU waits for its host, which takes longer to launch the kernels of a step one by one than
they take to run. A CUDA graph launches them all at once. It replays addresses: every tensor of a step stays
where it was at the capture, and what changes from step to step (the position in the epoch, the learning rate,
the masks of dropout) is read on the device.
"""

from collections.abc import Callable, Sequence
from typing import cast

import torch

from vggsearch.devices import traits
from vggsearch.training.checkpoint import tensors_of
from vggsearch.training.optimizer import begin_state
from vggsearch.training.setup import Training

WARM_UP = 3
"""Steps before the capture, in which libraries choose kernels and allocate permanent memory (PyTorch's notes
on CUDA semantics, "CUDA Graphs")."""

Launch = Callable[[], None]
Capture = Callable[[Launch, Launch, Sequence[torch.Generator]], Launch]
"""Function of a step for the warm-up, the step to capture and the generators that it uses; returns a function
that repeats the step."""


def captured_step(run: Training, compute: Launch, capture: Capture | None = None) -> Launch:
    """A function that repeats `compute`, the part of a step of `run` that its device does.

    Capturing makes steps; the state that they change is restored to the bit. By default steps are captured
    only where the device has graphs.
    """
    if capture is None:
        if not traits(run.device.type).graphs:
            return compute
        capture = cuda_graph

    def warm_up() -> None:
        run.batches.position.zero_()  # a resumed run may be at the end of its epoch
        compute()

    begin_state(run.optimizer, run.key.recipe)
    state = [*tensors_of(run).values(), run.batches.position]
    before, masks = [tensor.clone() for tensor in state], run.dropout.get_state()
    launch = capture(warm_up, compute, [run.dropout])
    with torch.no_grad():
        for tensor, value in zip(state, before, strict=True):
            tensor.copy_(value)
    run.dropout.set_state(masks)
    return launch


def cuda_graph(warm_up: Launch, compute: Launch, generators: Sequence[torch.Generator]) -> Launch:
    """`compute` as a CUDA graph of the current device."""
    stream = cast(Callable[[], torch.cuda.Stream], torch.cuda.Stream)()  # its stubs have no types
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(WARM_UP):
            warm_up()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    for generator in generators:
        graph.register_generator_state(generator)
    # On its own stream: libraries have a workspace for each stream, so that graphs can run in parallel.
    with torch.cuda.graph(graph, stream=stream):
        compute()
    return graph.replay
