"""On which images the pairs of an ablation are judged; learning rates are always chosen on validation.

| `evaluate_on` | judged on | what the answer is for |
|---|---|---|
| test | test images, read once a run, at its end | to be told |
| validation | the images that chose the learning rates too | to choose by: the test set stays closed |
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

EvaluateOn = Literal["test", "validation"]


@dataclass(frozen=True, slots=True)
class EvaluationPart:
    """A part of the data, and what it is called wherever an ablation's answer is made or told."""

    name: EvaluateOn
    prefix: Literal["test", "val"]
    """Of its columns in tables, and of its fields in `RunRecord`."""

    @property
    def column(self) -> str:
        """Of a run's accuracy, a fraction."""
        return f"{self.prefix}_accuracy"

    @property
    def bits(self) -> str:
        """The field of `RunRecord` with the correctness of single images."""
        return f"{self.prefix}_correct"

    @property
    def accuracy(self) -> str:
        """`test accuracy`."""
        return f"{self.name} accuracy"

    @property
    def images(self) -> str:
        """`test images`."""
        return f"{self.name} images"

    @property
    def measured(self) -> tuple["EvaluationPart", ...]:
        """Every part on which the pairs are measured: this one, and validation in any case."""
        return tuple(dict.fromkeys((self, EVALUATION_PARTS["validation"])))

    @property
    def notice(self) -> tuple[str, ...]:
        """What a terminal tells of the choice, in lines: nothing of the default."""
        return () if self.name == "test" else (f"judged on {self.images}: the test set is not opened",)


EVALUATION_PARTS: Mapping[EvaluateOn, EvaluationPart] = {
    "test": EvaluationPart("test", "test"),
    "validation": EvaluationPart("validation", "val"),
}
