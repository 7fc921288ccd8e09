"""The images on which the pairs of an ablation are evaluated; validation always chooses the learning rates.

| `evaluate_on` | images | use of the answer |
|---|---|---|
| test | test images, read once, at the end of a run | to report it |
| validation | the images that also chose the learning rates | to make a choice: the test set stays closed |
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

EvaluateOn = Literal["test", "validation"]


@dataclass(frozen=True, slots=True)
class EvaluationPart:
    """A part of the data, with its names in tables, records and sentences."""

    name: EvaluateOn
    prefix: Literal["test", "val"]
    """Prefix of its columns in tables and of its fields in `RunRecord`."""

    @property
    def column(self) -> str:
        """Column with the accuracy of a run, a fraction."""
        return f"{self.prefix}_accuracy"

    @property
    def bits(self) -> str:
        """Field of `RunRecord` with the correctness of each image."""
        return f"{self.prefix}_correct"

    @property
    def accuracy(self) -> str:
        """Name of the accuracy: `test accuracy`, for example."""
        return f"{self.name} accuracy"

    @property
    def images(self) -> str:
        """Name of the images: `test images`, for example."""
        return f"{self.name} images"

    @property
    def measured(self) -> tuple["EvaluationPart", ...]:
        """All parts on which the pairs are measured: this one and validation."""
        return tuple(dict.fromkeys((self, EVALUATION_PARTS["validation"])))

    @property
    def notice(self) -> tuple[str, ...]:
        """Lines for the terminal about the choice; empty for the default."""
        return () if self.name == "test" else (f"judged on {self.images}: the test set is not opened",)


EVALUATION_PARTS: Mapping[EvaluateOn, EvaluationPart] = {
    "test": EvaluationPart("test", "test"),
    "validation": EvaluationPart("validation", "val"),
}
