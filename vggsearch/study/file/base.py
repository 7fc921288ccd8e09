"""What every study file has: data, recipe, budget, seed. Validated once, here."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, ClassVar, Self

from pydantic import Field, PrivateAttr, ValidationError, field_validator

from vggsearch.arch import MAX_SIDE, Task
from vggsearch.errors import StudyFileError
from vggsearch.execution import KeepWeights
from vggsearch.recipe import RECIPES, Budget, Recipe
from vggsearch.schema import ADDED, Frozen
from vggsearch.store import Options
from vggsearch.study.file.messages import broken, one_line
from vggsearch.text import shown, suggestion


class DataChoice(Frozen):
    """Which images, and how they are split."""

    name: str = Field(min_length=1, max_length=4096)
    """Name of a data set, as in `fashion-mnist` (`vggsearch data list`), `folder:PATH`, or `arrays:PATH`."""
    resize: int | None = Field(default=None, ge=2, le=MAX_SIDE)
    """Side in pixels to which every image is resized."""
    val_fraction: float = Field(default=0.1, gt=0, le=0.9)
    """Share of the training images that is kept for validation."""
    split_seed: int = Field(default=0, ge=0, lt=2**63)
    """Seed by which the validation images are chosen."""

    @field_validator("name")
    @classmethod
    def _printable(cls, name: str) -> str:
        # The name is shown in messages, on terminals and in reports.
        if not name.isprintable():
            raise broken("", f"must be printable text, not {shown(name)}: rename the folder")
        return name


class Study(Frozen):
    """One question and how it is answered: a search or an ablation. Made by `load_study`."""

    MAY_CHANGE: ClassVar[tuple[str, ...]] = ("question", "time_limit_s", "keep_weights")
    """Keys that may have changed when a study is resumed."""

    question: str = Field(default="", max_length=10_000)
    """What the study is to answer, for its report."""
    data: DataChoice
    """Which images, and how they are split."""
    recipe: Recipe
    """How every network is trained: a recipe's name, its settings, or its name as `base` and what differs."""
    budget: Budget
    """How much every network is trained."""
    seed: int = Field(default=0, ge=0, lt=2**31)
    """Seed of everything that is drawn at random."""
    time_limit_s: float | None = Field(default=None, gt=0, le=1e9)
    """Seconds after which no new run begins."""
    keep_weights: Annotated[KeepWeights, ADDED] = "finalists"
    """Of which runs the weights are kept in the store."""

    _path: Path = PrivateAttr(default=Path("study.yaml"))
    _source: str = PrivateAttr(default="")
    _in_file: "Study | None" = PrivateAttr(default=None)
    """The study as its file has it, where options replaced something."""

    @property
    @abstractmethod
    def opens_test_images(self) -> bool:
        """Whether any run of the study is tested."""

    @property
    def pair_splits(self) -> range:
        """Split seeds of the pairs of an ablation, where each has its own; else empty."""
        return range(0)

    @property
    def name(self) -> str:
        """The file's name without its suffix, which is the study's name in stores and reports."""
        return self._path.stem

    @property
    def path(self) -> Path:
        """Where the file was read from."""
        return self._path

    @property
    def source(self) -> str:
        """The file's text."""
        return self._source

    def task(self, native: Task) -> Task:
        """The task of the nets, after resizing; `native` is the task of the data set as it is."""
        side = self.data.resize
        return native if side is None else replace(native, input_shape=(native.input_shape[0], side, side))

    def identity(self) -> dict[str, object]:
        """The values that must not change once a store holds trials of the study, as plain JSON."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True, exclude=set(self.MAY_CHANGE))

    def with_options(self, **given: float | str | None) -> Self:
        """The same study with values that are not None replaced; raises `StudyFileError` like a file."""
        options = {key: value for key, value in given.items() if value is not None}
        if not options:
            return self
        study = self.validated(self.model_dump(by_alias=True) | options, self.path, self.source)
        study._in_file = self._in_file or self
        return study

    def options(self) -> Options | None:
        """What a search is asked for, and what its file says; None for an ablation, which has no option."""
        return None

    @classmethod
    def validated(cls, value: object, path: Path, source: str) -> Self:
        """The study that a file's values describe; raises `StudyFileError`."""
        try:
            study = cls.model_validate(value, strict=True)
        except ValidationError as error:
            raise StudyFileError(f"{shown_path(path)}: {one_line(error, cls)}") from error
        study._path, study._source = path, source
        return study

    def mistake(self, text: str) -> StudyFileError:
        """The error of this file that says `text`."""
        return StudyFileError(f"{shown_path(self.path)}: {text}")

    @field_validator("recipe", mode="before")
    @classmethod
    def _by_name(cls, value: object) -> object:
        if isinstance(value, Recipe):
            return value
        base = value.get("base") if isinstance(value, dict) else value
        if isinstance(value, dict) and "base" not in value:
            return value
        if not isinstance(base, str) or base not in RECIPES:
            key = "base" if isinstance(value, dict) else ""
            remedy = suggestion(str(base), list(RECIPES))
            raise broken(key, f"must be a recipe's name or its settings, not {shown(base)}: {remedy}")
        given: Mapping[str, object] = value if isinstance(value, dict) else {}
        return RECIPES[base].model_dump() | {key: given[key] for key in given if key != "base"}


def shown_path(path: Path) -> str:
    """A path as messages show it."""
    return str(path) if str(path).isprintable() else ascii(str(path))
