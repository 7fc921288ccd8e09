"""One training outside any study, kept in a store like those of studies."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vggsearch.arch import Architecture, Task
from vggsearch.costs import cost
from vggsearch.devices import DeviceKind
from vggsearch.errors import VggSearchError, WeightsError
from vggsearch.recipe import Budget, Recipe
from vggsearch.runs import FINAL, CurvePoint, RunKey, RunRecord
from vggsearch.store import Store, handed_over
from vggsearch.study.resources import check_batch

if TYPE_CHECKING:
    from vggsearch.data import SearchData
    from vggsearch.training import Weights


@dataclass(frozen=True, slots=True)
class SingleRun:
    """What to train, on what, and from which weights."""

    architecture: Architecture | None
    """None for that of the weights in `begin_with`."""
    recipe: Recipe
    budget: Budget
    device: DeviceKind
    data: str
    """Name of a data set, `folder:PATH`, or `arrays:PATH`."""
    data_dir: Path | None = None
    """Folder in which data sets are looked for first."""
    resize: int | None = None
    """Side in pixels to which images are resized."""
    seed: int = 0
    begin_with: Path | None = None
    """A weights file; the net begins with its weights instead of random ones."""
    keep_weights: bool = True

    def prepare(self, store: Store) -> "PreparedRun":
        """Load the data and check that the net can be trained on them. Trains nothing.

        The caller holds the lock of `store`. Raises `VggSearchError` where anything does not fit.
        """
        import torch

        from vggsearch.data import load_search_data
        from vggsearch.training import device_model, read_weights

        begun = None if self.begin_with is None else read_weights(self.begin_with)
        net = self._net(begun)
        images = load_search_data(self.data, data_dir=self.data_dir)
        check_batch(self.data, len(images.train.labels), self.recipe)
        channels, height, width = images.train.images.shape[1:]
        task = Task((channels, self.resize or height, self.resize or width), images.num_classes)
        cost(net, task)  # raises where the architecture does not fit
        if self.begin_with is not None and begun is not None:
            begun.check_fit(task)
            store.take_weights(self.begin_with, begun.digest)
        device_name = device_model(torch.device(self.device))
        key = RunKey(
            architecture=str(net),
            input_shape=task.input_shape,
            num_classes=task.num_classes,
            data=images.key,
            recipe=self.recipe,
            budget=self.budget,
            seed=self.seed,
            device=self.device,
            device_model=None if self.budget.deterministic else device_name,
            initial_weights=None if begun is None else begun.digest,
        )
        return PreparedRun(key, images, begun, self.keep_weights, store)

    def _net(self, begun: "Weights | None") -> Architecture:
        net = self.architecture
        if begun is None:
            if net is None:
                raise VggSearchError(
                    "a network is named by its architecture, or --from its weights: write 1x16+gap"
                )
            return net
        if net is not None and net != begun.architecture:
            raise WeightsError(
                f"a network goes on with its own architecture, which is {begun.architecture}, not {net}: "
                "leave the architecture out"
            )
        return begun.architecture


@dataclass(frozen=True, slots=True)
class PreparedRun:
    """A training that can begin."""

    key: RunKey
    images: "SearchData"
    begun: "Weights | None"
    keep_weights: bool
    store: Store

    def known(self) -> RunRecord | None:
        """The run as the store has it already; None where it is to be made."""
        record = self.store.ledger.get(self.key.digest)
        return record if record is not None and record.outcome in FINAL else None

    def make(self, report: Callable[[CurvePoint], bool], notice: Callable[[str], None]) -> RunRecord:
        """Train, and keep the run in the store; returns it as it is kept.

        `report` is called with every point of the learning curve, and ends the run where it returns False.
        `notice` is given a line where the weights cannot be kept.
        """
        import torch

        from vggsearch.training import memory_policy, train

        device = torch.device(self.key.device)
        images = self.images.to(device)
        weights = handed_over(self.store.checkpoints, self.key.digest) if self.keep_weights else None
        initial = None if self.begun is None else self.begun.tensors
        with memory_policy(self.key, images, device):
            record = train(self.key, images, device, weights=weights, initial=initial, report=report)
        return self.store.put_run(record, notice)
