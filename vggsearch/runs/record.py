"""One training: its `RunKey` and what came of it, a `RunRecord`; one suggestion of a study: `TrialRecord`."""

import base64
from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Literal, Self, get_args

import numpy as np
import numpy.typing as npt
from pydantic import FailFast, Field, model_validator

from vggsearch.arch import Task
from vggsearch.devices import DeviceKind
from vggsearch.recipe import TRAINING_REVISION, Budget, Recipe
from vggsearch.runs.predictions import IntArray, Predictions
from vggsearch.schema import ADDED, Frozen, canonical_digest

SCHEMA_VERSION = 1

Digest = str
"""SHA-256 in 64 lower-case hexadecimal digits."""

Count = Annotated[int, Field(ge=0, lt=2**63)]
Duration = Annotated[float, Field(ge=0)]
Accuracy = Annotated[float, Field(ge=0, le=1)]
Text = Annotated[str, Field(max_length=4096)]
Moment = Annotated[float, Field(ge=-62_135_596_800, lt=253_402_300_800)]
"""Seconds since the epoch, UTC, in the years 1 to 9999: others no calendar prints."""

Clock = Callable[[], float]
"""Seconds since the epoch."""

_HEX64 = r"^[0-9a-f]{64}$"
_BITS = r"^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"
"""Whole base64: what cannot be unpacked is no record."""


Stage = Literal["short", "search", "baseline", "finalists", "calibration", "rates", "pairs", "table"]
"""Of a study: the first four of a search, the last of a table, the others of an ablation; each in the order
of its work."""

STAGES: tuple[Stage, ...] = get_args(Stage)
"""In the order in which they are worked on."""


class Outcome(StrEnum):
    """How a run ended."""

    COMPLETED = "completed"
    PRUNED = "pruned"
    DIVERGED = "diverged"
    OUT_OF_MEMORY = "out_of_memory"
    INFEASIBLE = "infeasible"
    TIMED_OUT = "timed_out"
    PREEMPTED = "preempted"
    CRASHED = "crashed"


FINAL = frozenset({Outcome.COMPLETED, Outcome.DIVERGED})
"""Outcomes that follow from the run's key alone and stand for ever. A run that ended otherwise may be made
again, and its record is then replaced: it crashed, was stopped, ran out of time or memory on one machine at
one moment."""


class DataKey(Frozen):
    """Which images a run sees: a data set by content, and how its training part is split."""

    name: Text
    """How to find it (`fashion-mnist`, `folder:PATH`); not part of a run's identity, the digest is."""
    digest: Digest = Field(pattern=_HEX64)
    """Of the training images and labels."""
    val_fraction: float = Field(gt=0, lt=1)
    split_seed: Count
    split_digest: Digest = Field(pattern=_HEX64)
    """Of the indices in the validation part."""


class RunKey(Frozen):
    """Everything that determines a run's result. Equal keys are the same run, in any study."""

    architecture: str = Field(max_length=2000)
    """Canonical text."""
    input_shape: tuple[int, int, int]
    """(channels, height, width) that the net is fed, after resizing."""
    num_classes: Count
    data: DataKey
    recipe: Recipe
    budget: Budget
    seed: Count
    evaluate_on: Literal["validation", "test"] = "validation"
    """`test` for runs that were already selected: only these open the test images."""
    device: DeviceKind
    device_model: Text | None = None
    """Processor's or GPU's name where the budget is in seconds, else None."""
    training_revision: int = TRAINING_REVISION
    initial_weights: Annotated[Digest | None, ADDED] = Field(default=None, pattern=_HEX64)
    """SHA-256 of the weights file that training begins with; None where the weights are drawn by the seed."""

    def model_copy(self, *, update: Mapping[str, object] | None = None, deep: bool = False) -> Self:
        """See pydantic's; the copy has a digest of its own."""
        copy = super().model_copy(update=update, deep=deep)
        copy.__dict__.pop("digest", None)
        return copy

    @cached_property
    def task(self) -> Task:
        """Shape of the images and number of classes; raises `ArchitectureError` where no net fits them."""
        return Task(self.input_shape, self.num_classes)

    @cached_property
    def digest(self) -> Digest:
        """The run's name: `canonical_digest` of all fields but the data set's name."""
        return canonical_digest(self.model_dump(mode="json", exclude={"data": {"name"}}))


class CurvePoint(Frozen):
    """The state of a run at one moment of its budget."""

    step: Count
    images: Count
    """Training images seen, repeats counted."""
    fraction: float = Field(ge=0)
    """Spent fraction of the budget, 0 to 1."""
    train_s: Duration
    """Training seconds so far, by the budget's clock."""
    train_loss: float | None
    """Mean training loss since the point before, augmentation and label smoothing included."""
    val_accuracy: Accuracy
    val_loss: float
    val_images: Count
    """How many validation images it was measured on: a fixed stratified part, all of them at the end."""


class Provenance(Frozen):
    """Where, when and with what a run was made."""

    vggsearch: Text
    commit: Text | None
    """Of the source tree, `+` appended where it had uncommitted changes; None outside a checkout."""
    python: Text
    torch: Text
    platform: Text
    processor: Text
    gpu: Text | None
    precision: Annotated[Literal["float32", "bfloat16"] | None, ADDED] = None
    """What convolutions and linear layers multiplied in; None in records from before this was kept."""
    layers: Annotated[Literal["torch", "narrow"] | None, ADDED] = None
    """Which code computed batch norm and max-pool; None in records from before this was kept."""
    threads: Count
    cpu_count: Count
    started_at: Moment
    finished_at: Moment
    bit_reproducible: bool
    """Whether the same key gives the same bits: one CPU thread and a deterministic budget."""


class RunRecord(Frozen):
    """What came of a run. Accuracies are fractions, losses mean cross-entropy in nats without smoothing."""

    schema_version: int = SCHEMA_VERSION
    key: RunKey
    outcome: Outcome
    reason: str = Field(default="", max_length=2000)
    """Why it did not complete, in words a person can act on; empty where it did."""

    val_accuracy: Accuracy | None = None
    val_loss: float | None = None
    val_correct: str | None = Field(default=None, max_length=4_000_000, pattern=_BITS)
    """Per-image correctness on validation, in the split's order: `pack_bits`."""
    val_balanced_accuracy: Annotated[Accuracy | None, ADDED] = None
    """Mean of the classes' own accuracies; None where classes are even in that part, and in records from
    before this was kept."""
    val_majority: Annotated[Accuracy | None, ADDED] = None
    """Share of the largest class: the accuracy of always naming it. None as above."""
    test_accuracy: Accuracy | None = None
    test_loss: float | None = None
    test_correct: str | None = Field(default=None, max_length=4_000_000, pattern=_BITS)
    """Per-image correctness on the test set, in its own order: `pack_bits`."""
    test_predictions: Annotated[Predictions | None, ADDED] = None
    """Predicted class of each test image, for `test_classes`. None in records from before this was kept."""
    test_balanced_accuracy: Annotated[Accuracy | None, ADDED] = None
    """As `val_balanced_accuracy`; also known where classes are uneven in the validation part alone."""
    test_majority: Annotated[Accuracy | None, ADDED] = None
    """As `val_majority`."""
    curve: Annotated[tuple[CurvePoint, ...], FailFast()] = Field(default=(), max_length=10_000)

    steps: Count = 0
    images: Count = 0
    train_s: Duration = 0.0
    """Training seconds by the budget's clock."""
    train_wall_s: Duration = 0.0
    """The same stretch by the monotonic clock."""
    train_cpu_s: Duration = 0.0
    """The same stretch in CPU seconds of the worker."""
    eval_s: Duration = 0.0
    """Wall seconds spent evaluating."""
    setup_s: Duration = 0.0
    """Wall seconds before the first step: data, model, capture."""
    latency_ms: Duration | None = None
    """Median time of one forward pass of one image, on the device of the run."""
    peak_memory_bytes: Count | None = None
    """Of the device on a GPU; resident memory of the worker on a CPU. None where none is kept."""
    contended: bool = False
    """Whether other work visibly held up the machine (wall over CPU time above 1.15 on a CPU)."""
    provenance: Provenance | None = None
    """None only where the worker died before it could say."""
    weights: Annotated[Digest | None, ADDED] = Field(default=None, pattern=_HEX64)
    """SHA-256 of the file that holds the weights at the end; None where they were not kept."""

    @model_validator(mode="after")
    def _accuracies_of_images(self) -> Self:
        """An accuracy is 0, or no less than one of the images that are kept beside it."""
        for part in ("val", "test"):
            accuracy, bits = getattr(self, f"{part}_accuracy"), getattr(self, f"{part}_correct")
            if accuracy and bits is not None and accuracy * 6 * len(bits) < 0.5:
                raise ValueError(f"{part}_accuracy: less than one of its images")
        return self

    @model_validator(mode="after")
    def _predictions_fit(self) -> Self:
        """Predictions agree with the correctness and the accuracy that are kept beside them."""
        predictions = self.test_predictions
        if predictions is None:
            return self
        if self.key.evaluate_on != "test" or self.test_correct is None or self.test_accuracy is None:
            raise ValueError("test_predictions: of a run that was not tested")
        held = len(base64.b64decode(self.test_correct))
        if held != -(-predictions.images // 8):
            raise ValueError(f"test_predictions: of {predictions.images} images, not the {8 * held} answered")
        correct = unpack_bits(self.test_correct, predictions.images)
        try:
            predictions.unpack(correct, self.key.num_classes)
            predictions.check_mistakes(correct)
        except ValueError as error:
            raise ValueError(f"test_predictions: {error}") from error
        if abs(correct.mean() - self.test_accuracy) > 1e-9:
            raise ValueError("test_predictions: another accuracy than test_accuracy")
        return self

    def test_classes(self) -> tuple[IntArray, IntArray] | None:
        """True and predicted class of each test image, both of shape [images]; None where not kept."""
        predictions = self.test_predictions
        if predictions is None or self.test_correct is None:
            return None
        correct = unpack_bits(self.test_correct, predictions.images)
        return predictions.unpack(correct, self.key.num_classes)


class TrialRecord(Frozen):
    """One suggestion of a study, and the run that answered it."""

    schema_version: int = SCHEMA_VERSION
    study: str = Field(max_length=100, pattern=r"^[a-z0-9][a-z0-9._-]*$")
    stage: Stage
    number: Count
    """From 0 within the stage, in the order asked."""
    architecture: str = Field(max_length=2000)
    params: dict[str, bool | int | float | str] = Field(default={}, max_length=1000)
    """A search: the space's parameters as Optuna knows them. An ablation: arm, lr, pair or repeat."""
    run: Digest | None = Field(default=None, pattern=_HEX64)
    """Digest of the answering run's key; None where the candidate was infeasible and no run was made."""
    outcome: Outcome
    reason: str = Field(default="", max_length=2000)
    cached: bool = False
    """Whether the run was already in the ledger when it was asked for."""
    asked_at: Moment
    told_at: Moment

    @property
    def to_be_repeated(self) -> bool:
        """Whether it crashed in a stage whose runs are all wanted: then it is made again on resumption.

        A search has other candidates, so a crash is its answer there.
        """
        return self.outcome is Outcome.CRASHED and self.stage not in ("short", "search", "baseline")


def pack_bits(correct: npt.NDArray[np.bool_]) -> str:
    """Booleans as base64 of their packed bits, eight to a byte, most significant first."""
    return base64.b64encode(np.packbits(correct).tobytes()).decode("ascii")


def unpack_bits(text: str, count: int) -> npt.NDArray[np.bool_]:
    """The first `count` booleans of `pack_bits`; raises ValueError where there are fewer."""
    packed = np.frombuffer(base64.b64decode(text, validate=True), dtype=np.uint8)
    bits = np.unpackbits(packed)
    if len(bits) < count:
        raise ValueError(f"{len(bits)} bits do not hold {count} images")
    return bits[:count].astype(bool)
