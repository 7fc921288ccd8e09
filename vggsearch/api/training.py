"""One net, trained; and a net that was exported."""

from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from vggsearch.api.datasets import data_name
from vggsearch.arch import Architecture, parse
from vggsearch.devices import resolve_device
from vggsearch.display import make_console, train_with_display
from vggsearch.errors import VggSearchError
from vggsearch.export import Bundle, load_bundle
from vggsearch.recipe import RECIPES, Budget, Recipe
from vggsearch.runs import RunRecord, accuracy_text
from vggsearch.store import Store
from vggsearch.study import SingleRun
from vggsearch.text import duration

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, slots=True, repr=False)
class TrainedNet:
    """A net that `train` trained, with its weights."""

    record: RunRecord
    """All that is known of the run: its key, accuracies, curve, times, and where it was made."""
    weights: Path | None
    """Its weights (safetensors); None where the run did not complete, or its weights were not kept."""

    @property
    def module(self) -> "nn.Module":
        """The net with its trained weights as a plain torch module, on the CPU, in evaluation mode.

        It maps images [N, C, H, W] that were scaled as in training to logits [N, num_classes]. For images as
        they are, export the net. Raises `VggSearchError` where there are no weights.
        """
        if self.weights is None:
            raise VggSearchError(
                f"run {self.record.key.digest[:12]} did not complete, or was made without keeping "
                "weights: train the net with another seed, which is another run"
            )
        from vggsearch.model import outline
        from vggsearch.training import read_weights

        found = read_weights(self.weights)
        net = outline(found.architecture, found.task)
        net.load_state_dict(found.tensors, assign=True)
        return net.eval()

    def __repr__(self) -> str:
        key, run = self.record.key, self.record
        reached = accuracy_text(run, name="on validation")
        return f"{key.architecture}: {reached} after {duration(run.train_s)}, run {key.digest[:12]}"

    def _repr_html_(self) -> str:
        return f"<p>{escape(repr(self))}</p>"


def train(
    architecture: str | Architecture | None = None,
    *,
    data: object = "fashion-mnist",
    recipe: str | Recipe = "fast",
    budget: str | Budget = "30s",
    seed: int = 0,
    resize: int | None = None,
    begin_with: str | Path | None = None,
    device: str = "auto",
    store: str | Path = ".vggsearch",
    data_dir: str | Path | None = None,
) -> TrainedNet:
    """Train one net, with a progress display. A run that the store has already is not made again.

    ```python
    net = vs.train("1x16-1x32-1x64+bn+gap", recipe="dash", budget="10s")
    net.record.val_accuracy
    net.module(images)
    ```

    Args:
        architecture: As in `cost`; may be left out with `begin_with`.
        data: Name of a data set, `folder:PATH` for a folder of images, a pair (images, labels) or a `Dataset`
            as in `dataset`, or what `dataset` returns.
        recipe: A recipe's name, or a `Recipe`.
        budget: `10s`, `2epochs`, `500steps`, `1e12macs`, or a `Budget`.
        seed: Of the weights, the order of the images, and augmentation.
        resize: Side in pixels to which images are resized.
        begin_with: A bundle's folder or a weights file; the net begins with these weights.
        device: `auto`, `cpu`, `cuda`, `xpu` or `mps`; `cuda:N` or `xpu:N` for one of several.
        store: Folder that keeps every finished run.
        data_dir: Folder in which data sets are looked for first.

    Raises:
        VggSearchError: The net does not fit the images, or the data, the device or the store cannot be used.
    """
    if isinstance(recipe, str) and recipe not in RECIPES:
        raise VggSearchError(f"a recipe is one of {', '.join(RECIPES)}, not {recipe[:40]!r}: use one of them")
    weights = None if begin_with is None else Path(begin_with)
    wanted = SingleRun(
        parse(architecture) if isinstance(architecture, str) else architecture,
        RECIPES[recipe] if isinstance(recipe, str) else recipe,
        Budget.parse(budget) if isinstance(budget, str) else budget,
        resolve_device(device),
        data_name(data),
        None if data_dir is None else Path(data_dir),
        resize,
        seed,
        weights / "model.safetensors" if weights is not None and weights.is_dir() else weights,
    )
    opened = Store.open(Path(store), create=True)
    record, _ = train_with_display(wanted, opened, make_console())
    return TrainedNet(record, opened.weights_file(record))


def load(path: str | Path) -> Bundle:
    """Load an exported net from its folder, to classify images.

    ```python
    bundle = vs.load("bundles/quickstart")
    logits = bundle.module(images)  # bytes [N, C, H, W]
    bundle.labels[logits.argmax(1)[0]]
    ```

    Nothing in the folder is executed. Raises `BundleError` where it is no bundle, is damaged, or is of a
    newer version.
    """
    return load_bundle(Path(path))
