"""`TrainedNet`: a run, its weights, and its images; what a bundle is made from."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath

import numpy as np
import torch
from torch import Tensor

from vggsearch.data import (
    MIN_STD,
    Images,
    SearchData,
    class_names,
    evaluation_batches,
    is_own,
    load_search_data,
    load_test_images,
)
from vggsearch.errors import BundleError, DataError
from vggsearch.export.classifier import Classifier
from vggsearch.export.preprocess import Preprocess
from vggsearch.runs import RunRecord, unpack_bits
from vggsearch.text import plain
from vggsearch.training import read_weights

MOST_OTHERWISE = 0.02
"""Largest share of images that float32 may judge otherwise than the run, which may have used bfloat16."""


@dataclass(frozen=True, slots=True, eq=False)
class TrainedNet:
    """A run whose weights were kept, and the images on which it was evaluated."""

    record: RunRecord
    weights_file: Path
    tensors: Mapping[str, Tensor]
    preprocess: Preprocess
    """Without `onnx`."""
    data: SearchData
    images: Images
    """Test images of a run that was selected for them before it started, validation images of any other."""

    @property
    def data_title(self) -> str:
        """The data set's name; of a user's own images the name of their folder or file, without its path."""
        name = self.record.key.data.name
        own = PurePath(name.partition(":")[2]).name.removesuffix(".safetensors")
        return plain((own or "images") if is_own(name) else name, 80)

    @property
    def tested(self) -> bool:
        """Whether `images` are test images."""
        return self.record.key.evaluate_on == "test"


def load_trained(record: RunRecord, weights_file: Path, data_dir: Path | None = None) -> TrainedNet:
    """Load the weights of a run and its images; downloads nothing.

    Raises `WeightsError`, `DataError` where the images are absent or others than the run's, and `BundleError`
    where the weights are of another run.
    """
    key = record.key
    weights = read_weights(weights_file)
    if weights.run != key.digest:
        raise BundleError(
            f"{weights_file} must hold the weights of run {key.digest[:12]}, and holds those of "
            f"{weights.run[:12]}: repeat the run"
        )
    data = load_search_data(
        key.data.name, data_dir=data_dir, val_fraction=key.data.val_fraction, split_seed=key.data.split_seed
    )
    for what, then, now in (
        ("images", key.data.digest, data.key.digest),
        ("split", key.data.split_digest, data.key.split_digest),
    ):
        if then != now:
            raise DataError(
                f"run {key.digest[:12]} was trained with {what} {then[:12]} of {key.data.name}, and here is "
                f"{now[:12]}: bring back the data of then, or name their folder with --data-dir"
            )
    channels, height, width = data.train.images.shape[1:]
    preprocess = Preprocess.model_validate(
        {
            "architecture": key.architecture,
            "image_shape": (channels, height, width),
            "input_shape": key.input_shape,
            "mean": data.mean,
            "std": tuple(max(one, MIN_STD) for one in data.std),
            "labels": class_names(key.data.name),
            "weights": weights.digest,
            "run": key.digest,
        }
    )
    tested = key.evaluate_on == "test"
    images = load_test_images(key.data.name, data_dir=data_dir) if tested else data.val
    return TrainedNet(record, weights_file, weights.tensors, preprocess, data, images)


@torch.inference_mode()
def training_logits(trained: TrainedNet, classifier: Classifier, images: Images) -> Tensor:
    """The logits [n, k] of images as training evaluates them, in float32."""
    height, width = trained.preprocess.input_shape[1:]
    batches = evaluation_batches(
        images,
        batch_size=128,
        mean=trained.data.mean,
        std=trained.data.std,
        side=(height, width),
        channels_last=True,
    )
    return torch.cat([classifier.net(x) for x, _ in batches])


def judged_otherwise(trained: TrainedNet, predicted: Tensor) -> int | None:
    """Of how many images the run itself told another right or wrong; None where single answers were not kept.

    Raises `BundleError` where there are so many that these are not the run's weights.
    """
    record, labels = trained.record, trained.images.labels
    bits = record.test_correct if trained.tested else record.val_correct
    if bits is None:
        return None
    try:
        then = unpack_bits(bits, len(labels))
    except ValueError as error:
        raise BundleError(f"run {record.key.digest[:12]}: {error}: repeat the run") from error
    otherwise = int(np.count_nonzero(then != (predicted == labels).numpy()))
    if otherwise > 1 + MOST_OTHERWISE * len(labels):
        raise BundleError(
            f"the weights of run {record.key.digest[:12]} must give its answers, and judge {otherwise} of "
            f"{len(labels)} images otherwise: repeat the run"
        )
    return otherwise
