"""The study file: a question, a space, a recipe, a budget, seeds; read from YAML and validated once, here.

Every way in which a file can be wrong raises `StudyFileError`, one line of the form
`studies/x.yaml: key.path: rule, not VALUE: remedy`.
"""

import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, PrivateAttr, ValidationError, field_validator, model_validator

from vggsearch.arch import parse
from vggsearch.arch.layers import MAX_SIDE
from vggsearch.errors import ArchitectureError, SpaceError, StudyFileError
from vggsearch.recipe import RECIPES, Budget, Frozen, Recipe
from vggsearch.runs.sealed import Damage, read_bounded
from vggsearch.space import ListedSpace, Space
from vggsearch.study.choices import SpaceChoice
from vggsearch.study.messages import broken, one_line, suggestion
from vggsearch.study.yaml_text import MAX_BYTES, Value, YamlTextError, read, shown

Objective = Literal["val_accuracy", "macs", "params", "latency_ms"]
Sampler = Literal["grid", "random", "tpe", "nsga2", "gp"]

MAX_GP_TRIALS = 300
"""Asking a Gaussian process takes 2.5 s at 1000 trials, and grows (Optuna 5.0, measured)."""

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}", re.ASCII)
_MAY_CHANGE = ("question", "trials", "time_limit_s", "finalists", "baseline")


class DataChoice(Frozen):
    """Which images, and how they are split."""

    name: str = Field(min_length=1, max_length=4096)
    """`fashion-mnist`, …, or `folder:PATH`; `vggsearch.data` knows which there are."""
    resize: int | None = Field(default=None, ge=2, le=MAX_SIDE)
    """Side in pixels to which every image is resized."""
    val_fraction: float = Field(default=0.1, gt=0, le=0.9)
    split_seed: int = Field(default=0, ge=0, lt=2**63)


class Finalists(Frozen):
    """How many of the best are trained again, with fresh seeds, before the test set is read."""

    count: int = Field(default=5, ge=1, le=100)
    seeds: int = Field(default=5, ge=1, le=1000)


class Study(Frozen):
    """One question, and how it is to be answered. Made by `load_study`."""

    kind: Literal["search"] = "search"
    question: str = Field(default="", max_length=10_000)
    data: DataChoice
    choices: SpaceChoice | None = Field(default=None, alias="space")
    """The key `space` of the file; exactly one of it and `architectures` is given."""
    architectures: Annotated[tuple[str, ...], Field(min_length=1, max_length=10_000)] | None = None
    """Canonical texts."""
    recipe: Recipe
    budget: Budget
    sampler: Sampler
    trials: int | None = Field(default=None, ge=1, le=100_000)
    """None only for `grid`: then the whole space."""
    baseline: bool = False
    """Whether as many architectures again are drawn at random: by default, unless `grid` or `random`."""
    finalists: Finalists | None = Finalists()
    objectives: Annotated[tuple[Objective, ...], Field(min_length=1, max_length=4)] = ("val_accuracy",)
    reference: dict[str, Annotated[float, Field(ge=0, le=1e24)]] | None = None
    """Point from which the hypervolume is measured, by objective."""
    seed: int = Field(default=0, ge=0, lt=2**31)
    time_limit_s: float | None = Field(default=None, gt=0, le=1e9)

    _path: Path = PrivateAttr(default=Path("study.yaml"))
    _source: str = PrivateAttr(default="")

    @property
    def name(self) -> str:
        """The file's name without its suffix: names the study in stores and reports."""
        return self._path.stem

    @property
    def path(self) -> Path:
        """Where the file was read from."""
        return self._path

    @property
    def source(self) -> str:
        """The file's text."""
        return self._source

    def input_shape(self, native: tuple[int, int, int]) -> tuple[int, int, int]:
        """(channels, height, width) that the net is fed, where the data set's images are `native`."""
        side = self.data.resize
        return native if side is None else (native[0], side, side)

    def space(self, input_shape: tuple[int, int, int], num_classes: int) -> Space:
        """The architectures to choose from, for images of `input_shape` before or after resizing.

        Raises `StudyFileError` where there are none, or where they cannot be built.
        """
        shape = self.input_shape(input_shape)
        try:
            if self.choices is not None:
                return self.choices.search_space(shape, num_classes)
            return ListedSpace(tuple(map(parse, self.architectures or ())), shape, num_classes)
        except (SpaceError, ArchitectureError) as error:
            key = "space" if self.architectures is None else "architectures"
            raise StudyFileError(f"{_shown_path(self.path)}: {key}: {error}") from error

    def identity(self) -> dict[str, object]:
        """What must not change once a store holds trials of the study, as plain JSON values."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True, exclude=set(_MAY_CHANGE))

    def with_options(self, *, trials: int | None = None, time_limit_s: float | None = None) -> "Study":
        """The same study with what is not None replaced; raises `StudyFileError` as a file would."""
        given = {"trials": trials, "time_limit_s": time_limit_s}
        options = {key: value for key, value in given.items() if value is not None}
        return _validated(self.model_dump(by_alias=True) | options, self.path, self.source)

    @model_validator(mode="before")
    @classmethod
    def _defaults(cls, data: object) -> object:
        if isinstance(data, dict) and "baseline" not in data:
            return data | {"baseline": data.get("sampler") not in ("grid", "random")}
        return data

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
        given = value if isinstance(value, dict) else {}
        return RECIPES[base].model_dump() | {key: given[key] for key in given if key != "base"}

    @field_validator("architectures")
    @classmethod
    def _canonical(cls, texts: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if texts is None:
            return None
        seen: list[str] = []
        for text in texts:
            try:
                canonical = str(parse(text))
            except ArchitectureError as error:
                raise broken("", str(error)) from error
            if canonical in seen:
                rule = f"an architecture stands once, and {shown(text)} is listed before: remove one"
                raise broken("", rule)
            seen.append(canonical)
        return tuple(seen)

    @model_validator(mode="after")
    def _rules(self) -> Self:
        for check in (_check_space, _check_trials, _check_objectives, _check_reference):
            check(self)
        return self


def load_study(path: Path) -> Study:
    """Read a study file; raises `StudyFileError`, one line, whatever is wrong with it."""
    return parse_study(_text(path), path)


def parse_study(source: str, path: Path) -> Study:
    """The study in a file's text; `path` names it. Raises `StudyFileError`."""
    if _NAME.fullmatch(path.stem) is None:
        raise StudyFileError(
            f"{_shown_path(path)}: a study is named after its file, in at most 100 lower-case letters, "
            f"digits, . _ and -, not {shown(path.stem)}: rename the file, as in my-study.yaml"
        )
    try:
        value = read(source)
    except YamlTextError as error:
        raise StudyFileError(f"{_shown_path(path)}: {error}") from error
    return _validated(value, path, source)


def _validated(value: Value, path: Path, source: str) -> Study:
    try:
        study = Study.model_validate(value, strict=True)
    except ValidationError as error:
        raise StudyFileError(f"{_shown_path(path)}: {one_line(error, Study)}") from error
    study._path, study._source = path, source
    return study


def _text(path: Path) -> str:
    where = _shown_path(path)
    try:
        return read_bounded(path, MAX_BYTES, follow=True).decode("utf-8-sig")
    except FileNotFoundError as error:
        raise StudyFileError(
            f"{where}: no such file: give a study's path, as in studies/quickstart.yaml"
        ) from error
    except Damage as damage:
        raise StudyFileError(
            f"{where}: a study is a file of at most {MAX_BYTES} bytes, and here is {damage}: give another "
            "path"
        ) from damage
    except UnicodeDecodeError as error:
        byte = error.object[error.start]
        raise StudyFileError(
            f"{where}: text is UTF-8, not byte {byte:#04x}: save the file as UTF-8"
        ) from error


def _shown_path(path: Path) -> str:
    return str(path) if str(path).isprintable() else ascii(str(path))


def _check_space(study: Study) -> None:
    if (study.choices is None) == (study.architectures is None):
        given = "neither" if study.choices is None else "both"
        raise broken("", f"a study has space or architectures, not {given}: keep one of the two keys")


def _check_trials(study: Study) -> None:
    if study.trials is None and study.sampler != "grid":
        raise broken(
            "trials", f"required with sampler {study.sampler}, and absent: write trials: 54, for example"
        )
    if study.sampler == "gp" and (study.trials or 0) > MAX_GP_TRIALS:
        raise broken(
            "trials",
            f"must be at most {MAX_GP_TRIALS} with sampler gp, which asks ever slower, not {study.trials}: "
            "lower it, or use sampler: tpe",
        )


def _check_objectives(study: Study) -> None:
    objectives = shown(study.objectives)
    if study.objectives[0] != "val_accuracy":
        raise broken("objectives", f"must begin with val_accuracy, not {objectives}: put it first")
    if len(set(study.objectives)) < len(study.objectives):
        raise broken("objectives", f"must name each once, not {objectives}: remove what stands twice")


def _check_reference(study: Study) -> None:
    wanted = ", ".join(study.objectives)
    if study.reference is None:
        if len(study.objectives) > 1:
            raise broken(
                "reference",
                f"required with several objectives, and absent: give a value for each of {wanted}",
            )
        return
    if set(study.reference) != set(study.objectives):
        raise broken(
            "reference",
            f"must have the objectives as its keys, {shown(study.objectives)}, not "
            f"{shown(tuple(study.reference))}: add or remove keys until they agree",
        )
    for objective, value in study.reference.items():
        if objective == "val_accuracy" and value >= 1:
            raise broken(
                "reference", f"val_accuracy must be a fraction below 1, not {value:g}: write 0.8, for example"
            )
        if objective != "val_accuracy" and value <= 0:
            raise broken(
                "reference", f"{objective} must be above 0, not {value:g}: write a cost no net should have"
            )
