"""A Ray cluster, as seen by the controller: connect, compute its capacity, explain why a run was lost."""

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
from vggsearch.execution.worker import describe_error

LOCAL_STORE_BYTES = 200_000_000
"""Size of the object store of a Ray started on this machine. It holds the files of a data set."""

CONNECT_S = 10.0
"""How long the head of a cluster may take to answer."""

_FEWER_RUNS = "let each run take more CPUs, so that fewer share a node"


class _Node(TypedDict):
    """The part of an entry of `ray.nodes()` that is used here."""

    Alive: bool
    Resources: Mapping[str, float]


def connect(address: str | None) -> bool:
    """Connect to the cluster at `address`, or start a Ray of this machine for None. Ray prints nothing.

    Returns True if this call connected, False if the process was connected before. Raises VggSearchError.
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
        raise _connection_error(address or "this machine", error) from error
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, on_sigterm)  # Ray's handler would end the study at once
    return True


def _check_address(address: str) -> None:
    host, colon, port = address.rpartition(":")
    is_port = port.isdecimal() and len(port) <= 5
    if address != "auto" and (not host or "/" in host or not colon or not is_port or not host.isprintable()):
        raise VggSearchError(
            f"the address of a Ray cluster must be auto or HOST:PORT, not {address[:60]!r}: use auto"
        )
    if address != "auto":
        try:  # Ray itself would try for minutes
            socket.create_connection((host.strip("[]"), int(port)), CONNECT_S).close()
        except (OSError, OverflowError, UnicodeError) as error:
            raise _connection_error(address, error) from error


def _connection_error(where: str, error: Exception) -> VggSearchError:
    text = (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
    return VggSearchError(
        f"a Ray cluster must answer at {where}, and none does ({text}): start one "
        "with `ray start --head`, correct the address, or leave it out for a Ray of this machine"
    )


def check_share(device: str, slots: int | None, cpus: float, gpus: float) -> None:
    """Raise VggSearchError unless a run can take so many CPUs and GPUs of a node."""
    if slots is not None and not 1 <= slots <= 10_000:
        raise VggSearchError(
            f"slots must be 1 to 10000, not {slots}: leave them out to use the whole cluster"
        )
    if not 0 < cpus <= 1024:
        raise VggSearchError(f"a run must take more than 0 and at most 1024 CPUs, not {cpus:g}: use 1")
    if device != "cpu" and not 0 < gpus <= 1:
        raise VggSearchError(f"a run must take one GPU or a share of one, not {gpus:g}: use 1, or 0.25")
    if device == "cpu" and gpus != 0:
        raise VggSearchError(f"a run on a CPU must take 0 GPUs, not {gpus:g}: use device cuda, or 0 GPUs")


def cluster_capacity(cpus: float, gpus: float) -> int:
    """How many runs that take so many CPUs and GPUs the live nodes can make at once."""
    nodes = cast(Callable[[], list[_Node]], ray.nodes)()
    resources = [node["Resources"] for node in nodes if node["Alive"]]
    return sum(node_capacity(node.get("CPU", 0), node.get("GPU", 0), cpus, gpus) for node in resources)


def node_capacity(node_cpus: float, node_gpus: float, cpus: float, gpus: float) -> int:
    """How many runs one node can make at once. A run's share of a GPU (0 to 1) is of a single GPU."""
    by_cpu = _quotient(node_cpus, cpus)
    return by_cpu if gpus == 0 else min(by_cpu, math.floor(node_gpus) * _quotient(1, gpus))


def _quotient(whole: float, part: float) -> int:
    # Ray counts in ten-thousandths. In floating point, 1 // 0.1 is 9.
    return round(whole * 10_000) // max(1, round(part * 10_000))


def no_capacity(address: str | None, cpus: float, gpus: float) -> VggSearchError:
    """Return the error of a cluster that cannot make a single run."""
    share = f"{cpus:g} CPUs" + (f" and {gpus:g} GPUs" if gpus else "")
    return VggSearchError(
        f"a run takes {share}, and no node of {address or 'this machine'} has them: give runs a smaller "
        "share, add nodes, or give the number of slots to wait for nodes"
    )


def loss_reason(error: Exception, node: str | None) -> str:
    """Say in one line why a run ended without a record, and what to do about it."""
    where = f"on node {node}" if node else "before it started on a node"
    if isinstance(error, exceptions.OutOfMemoryError):
        return f"Ray ended the run {where}, because memory ran out: {_FEWER_RUNS}"
    if isinstance(error, exceptions.NodeDiedError | exceptions.LocalRayletDiedError):
        return f"the node was lost while the run was made {where}: see `ray status`, or that node's logs"
    if isinstance(error, exceptions.WorkerCrashedError):
        return (
            f"the Ray process of the run {where} died, alone or with its node, as when memory runs out: "
            f"see `ray status`, or {_FEWER_RUNS}"
        )
    if isinstance(error, exceptions.TaskCancelledError):
        return f"someone else ended the run {where}: see `ray list tasks`, and do not cancel tasks of a study"
    cause = error.cause if isinstance(error, exceptions.RayTaskError) else error
    return (
        f"Ray could not make the run {where} ({describe_error(cause)}): "
        "install the same vggsearch, Python and Ray on every node"
    )
