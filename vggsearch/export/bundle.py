"""Read a bundle, which may come from anyone: nothing of it is executed, and its sizes are bounded."""

from dataclasses import dataclass
from pathlib import Path

from vggsearch.errors import BundleError, WeightsError
from vggsearch.export.classifier import Classifier
from vggsearch.export.preprocess import Preprocess, damaged, read_preprocess
from vggsearch.training import read_weights

WEIGHTS, MODEL = "model.safetensors", "model.py"


@dataclass(frozen=True, slots=True, eq=False)
class Bundle:
    """A trained net, ready to classify.

    ```python
    bundle = load_bundle(Path("bundles/quickstart"))
    logits = bundle.module(images)  # uint8 [N, C, H, W] of bundle.preprocess.image_shape
    ```
    """

    path: Path
    preprocess: Preprocess
    module: Classifier
    """In evaluation mode, on the CPU. `module.net` is the net without its preprocessing."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the classes, in the order of the logits."""
        return self.preprocess.labels


def load_bundle(path: Path) -> Bundle:
    """Load the bundle in the folder `path`.

    Only `preprocess.json` and `model.safetensors` are read; `model.py` is for people and other programs.
    Raises `BundleError` in one line where the folder is no bundle, or one that is damaged or of a newer
    version.
    """
    preprocess = read_preprocess(path)
    try:
        weights = read_weights(path / WEIGHTS)
    except WeightsError as error:
        raise BundleError(str(error)) from error
    if weights.digest != preprocess.weights:
        raise damaged(path, f"{WEIGHTS} is not the file that it was exported with")
    if (str(weights.architecture), weights.task) != (preprocess.architecture, preprocess.task):
        raise damaged(path, f"{WEIGHTS} holds the weights of {weights.architecture}")
    return Bundle(path, preprocess, Classifier(preprocess, weights.tensors))
