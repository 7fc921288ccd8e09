"""A Ray cluster as the controller sees it: connect to it, count its places, say what was lost and why."""

import logging
import math
import signal
import socket
import threading
from collections.abc import Callable, Mapping
from typing import TypedDict, cast

import ray
from ray import exceptions

from vggsearch.errors import VggSearchError
from vggsearch.execution.worker import describe

LOCAL_STORE_BYTES = 200_000_000
"""Of the object store of a Ray that is started here: it holds the files of a data set."""

CONNECT_S = 10.0
"""How long the head of a cluster may take to answer."""

FEWER = "let each run take more CPUs, so that fewer share a node"


class _Node(TypedDict):
    """What is read of a node's entry in `ray.nodes()`."""

    Alive: bool
    Resources: Mapping[str, float]


def connect(address: str | None) -> bool:
    """Connect to the cluster at `address`, or start one of this machine for None. Ray says nothing meanwhile.

    Returns whether this call did so; False where this process was connected already. Raises VggSearchError.
    """
    if ray.is_initialized():
        return False
    if address is not None:
        _check_address(address)
    on_sigterm = signal.getsignal(signal.SIGTERM)
    try:
        ray.init(
            address or "local",
            include_dashboard=False if address is None else None,
            object_store_memory=LOCAL_STORE_BYTES if address is None else None,
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
    except (OSError, RuntimeError, ValueError) as error:
        raise _no_answer(address or "this machine", error) from error
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, on_sigterm)  # Ray's would end the study at once
    return True


def _check_address(address: str) -> None:
    host, colon, port = address.rpartition(":")
    is_port = port.isdecimal() and len(port) <= 5
    if address != "auto" and (not host or "/" in host or not colon or not is_port or not host.isprintable()):
        raise VggSearchError(
            f"the address of a Ray cluster is auto or HOST:PORT, not {address[:60]!r}: use auto"
        )
    if address != "auto":
        try:  # Ray itself would try for minutes
            socket.create_connection((host.strip("[]"), int(port)), CONNECT_S).close()
        except (OSError, OverflowError, UnicodeError) as error:
            raise _no_answer(address, error) from error


def _no_answer(where: str, error: Exception) -> VggSearchError:
    text = (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
    return VggSearchError(
        f"a Ray cluster must answer at {where}, and none does ({text}): begin one "
        "with `ray start --head`, mend the address, or leave it out for a Ray of this machine"
    )


def check_share(device: str, slots: int | None, cpus: float, gpus: float) -> None:
    """Raise VggSearchError where runs cannot take such a share of a node."""
    if slots is not None and not 1 <= slots <= 10_000:
        raise VggSearchError(f"slots are 1 to 10000, not {slots}: leave them out to use the whole cluster")
    if not 0 < cpus <= 1024:
        raise VggSearchError(f"a run takes more than 0 and at most 1024 CPUs, not {cpus:g}: use 1")
    if device == "cuda" and not 0 < gpus <= 1:
        raise VggSearchError(f"a run takes one GPU or a share of one, not {gpus:g}: use 1, or 0.25")
    if device == "cpu" and gpus != 0:
        raise VggSearchError(f"a run on a CPU takes no GPU, not {gpus:g}: use device cuda, or 0 GPUs")


def room(cpus: float, gpus: float) -> int:
    """For how many runs that take so much the nodes that are alive have room at once."""
    nodes = cast(Callable[[], list[_Node]], ray.nodes)()
    owned = [node["Resources"] for node in nodes if node["Alive"]]
    return sum(places(own.get("CPU", 0), own.get("GPU", 0), cpus, gpus) for own in owned)


def places(node_cpus: float, node_gpus: float, cpus: float, gpus: float) -> int:
    """How many runs one node has room for; a run's share of a GPU (0 to 1) lies on a single one."""
    by_cpu = _quotient(node_cpus, cpus)
    return by_cpu if gpus == 0 else min(by_cpu, math.floor(node_gpus) * _quotient(1, gpus))


def _quotient(whole: float, part: float) -> int:
    # Ray counts in ten thousandths; in floating point, 1 / 0.1 could be 9.
    return round(whole * 10_000) // max(1, round(part * 10_000))


def no_room(address: str | None, cpus: float, gpus: float) -> str:
    """Why there are no slots."""
    share = f"{cpus:g} CPUs" + (f" and {gpus:g} GPUs" if gpus else "")
    return (
        f"a run takes {share}, and no node of {address or 'this machine'} has them: give runs a smaller "
        "share, add nodes, or give the number of slots to wait for nodes"
    )


def lost(error: Exception, node: str | None) -> str:
    """Why a run ended without an answer, in one line that a person can act on."""
    where = f"on node {node}" if node else "before it had a place"
    if isinstance(error, exceptions.OutOfMemoryError):
        return f"Ray ended the run {where}, as memory ran out there: {FEWER}"
    if isinstance(error, exceptions.NodeDiedError | exceptions.LocalRayletDiedError):
        return f"the node was lost while the run was made {where}: see `ray status`, or that node's own logs"
    if isinstance(error, exceptions.WorkerCrashedError):
        return (
            f"the Ray process of the run {where} died, with its node or alone, as when memory runs out: "
            f"see `ray status`, or {FEWER}"
        )
    if isinstance(error, exceptions.TaskCancelledError):
        return f"someone else ended the run {where}: see `ray list tasks`, or leave the cluster's tasks alone"
    cause = error.cause if isinstance(error, exceptions.RayTaskError) else error
    return (
        f"Ray could not make the run {where} ({describe(cause)}): "
        "install the same vggsearch, Python and Ray on every node"
    )
