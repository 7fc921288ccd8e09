"""What all runs of a study share besides the content of its file: images, shapes, device."""

from dataclasses import dataclass
from pathlib import Path

from vggsearch.arch import Task
from vggsearch.devices import DeviceKind
from vggsearch.errors import StudyFileError
from vggsearch.recipe import Budget, Recipe
from vggsearch.runs import DataKey, RunKey


@dataclass(frozen=True, slots=True)
class Conditions:
    """The conditions under which a controller makes runs."""

    data_key: DataKey
    task: Task
    device: DeviceKind
    device_model: str
    """Name of the processor or GPU; part of a run's identity where the budget is in seconds."""
    train_images: int
    """Number of images in the training part."""
    pair_data: tuple[DataKey, ...] = ()
    """The images and the split of each pair of an ablation, where each has a split of its own."""

    def key(
        self,
        architecture: str,
        recipe: Recipe,
        budget: Budget,
        *,
        seed: int,
        final: bool,
        data: DataKey | None = None,
    ) -> RunKey:
        """The key of a run; `final` runs were selected beforehand, and they alone are tested.

        `data` is one of `pair_data`, for a run of that pair.
        """
        return RunKey(
            architecture=architecture,
            input_shape=self.task.input_shape,
            num_classes=self.task.num_classes,
            data=data or self.data_key,
            recipe=recipe,
            budget=budget,
            seed=seed,
            evaluate_on="test" if final else "validation",
            device=self.device,
            device_model=None if budget.deterministic else self.device_model,
        )

    def check(self, key: RunKey, study: Path) -> None:
        """Raise `StudyFileError` where a run of the study file `study` was made under other conditions."""
        final = key.evaluate_on == "test"
        data = key.data if self._of_a_pair(key.data) else None
        now = self.key(key.architecture, key.recipe, key.budget, seed=key.seed, final=final, data=data)
        if now.digest == key.digest:
            return
        for name in RunKey.model_fields:
            before, after = getattr(key, name), getattr(now, name)
            if before != after:
                raise StudyFileError(
                    f"{study}: all runs of a study are made under the same conditions, and {name} was "
                    f"{_short(before)} and is now {_short(after)}: continue where it began, or name "
                    "another --store"
                )

    def _of_a_pair(self, data: DataKey) -> bool:
        """Whether `data` may be those of a pair, perhaps of one that is no longer planned."""
        own = self.data_key
        return bool(self.pair_data) and (data.digest, data.val_fraction) == (own.digest, own.val_fraction)


def _short(value: object) -> str:
    if isinstance(value, DataKey):
        return f"images {value.digest[:12]}, split {value.split_digest[:12]}"
    text = str(value)
    return text if len(text) <= 60 else text[:57] + "..."
