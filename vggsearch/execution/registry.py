"""`EXECUTORS`: all executors by name. A new executor is its own module and one entry here."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from vggsearch.errors import VggSearchError
from vggsearch.execution.contract import DeviceKind, Executor, KeepWeights


class ExecutorFactory(Protocol):
    """Makes an executor. The module of the executor is imported only then."""

    def __call__(
        self,
        workers: int | None,
        device: DeviceKind,
        data_dir: Path | None,
        *,
        checkpoints: Path,
        keep_weights: KeepWeights,
        address: str | None,
    ) -> Executor:
        """Make an executor.

        Args:
            workers: How many runs may be active at once; None for as many as there is room for.
            device: Kind of device that runs are made on.
            data_dir: Folder in which data sets are searched first.
            checkpoints: Folder for the checkpoints of interrupted runs.
            keep_weights: Of which runs the weights are handed over, in that folder.
            address: Address of a running cluster; None for this machine.

        Raises VggSearchError for an impossible value, and if the executor cannot be started.
        """


def _local(
    workers: int | None,
    device: DeviceKind,
    data_dir: Path | None,
    *,
    checkpoints: Path,
    keep_weights: KeepWeights,
    address: str | None,
) -> Executor:
    from vggsearch.execution.capacity import default_workers
    from vggsearch.execution.local import LocalExecutor

    if address is not None:
        raise VggSearchError("--address is of a Ray cluster, and --executor is local: add --executor ray")
    count = default_workers(device) if workers is None else workers
    return LocalExecutor(count, device, data_dir, checkpoints=checkpoints, keep_weights=keep_weights)


def _ray(
    workers: int | None,
    device: DeviceKind,
    data_dir: Path | None,
    *,
    checkpoints: Path,
    keep_weights: KeepWeights,
    address: str | None,
) -> Executor:
    from vggsearch.execution.ray import RayExecutor

    return RayExecutor(address, device, workers, data_dir, checkpoints=checkpoints, keep_weights=keep_weights)


EXECUTORS: Mapping[str, ExecutorFactory] = MappingProxyType({"local": _local, "ray": _ray})
"""Makes an executor of each name."""
