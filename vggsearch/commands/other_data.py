"""The text of a shipped study for other images: data, batch size and reference point fit them."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

import yaml

from vggsearch.arch import Task
from vggsearch.costs import cost
from vggsearch.study import SearchStudy, Study

BATCHES = 4
"""Fewest batches of an epoch, where images are few."""


@dataclass(frozen=True, slots=True)
class Images:
    """What a study must know of its images."""

    name: str
    """Name of a data set, `folder:PATH`, or `arrays:PATH`."""
    task: Task
    """Before the study resizes them."""
    train_size: int
    """Number of training images."""
    largest_class: float
    """Share of the largest class among them: the accuracy of a net that has learned nothing else."""


def with_images(study: Study, images: Images) -> str:
    """The text of a study's file for `images`, without the comments above its first key.

    Where images are few, batches become smaller. The reference point of a search becomes what a net must
    surpass that always answers with the largest class, and the cost of the dearest net of its space.
    """
    changed: dict[str, object] = {"data": _data(study, images)}
    batch = _batch(study.recipe.batch_size, images.train_size)
    if batch != study.recipe.batch_size:
        named = re.search(r"^recipe: *([\w-]+)", study.source, re.MULTILINE)
        settings = {"base": named[1]} if named else study.recipe.model_dump(exclude_defaults=True)
        changed["recipe"] = settings | {"batch_size": batch}
    if isinstance(study, SearchStudy) and study.reference is not None:
        changed["reference"] = _reference(study, images)
    text = re.sub(r"\A(?:#.*\n|\n)*", "", study.source)
    for key, value in changed.items():
        text = _replaced(text, key, value)
    return text


def _data(study: Study, images: Images) -> dict[str, object]:
    resize = study.data.resize
    if resize is None or images.name.startswith("folder:"):
        return {"name": images.name}
    return {"name": images.name, "resize": resize}


def _batch(batch: int, train_size: int) -> int:
    """`batch`, or the largest power of two of which `BATCHES` are in an epoch."""
    most = max(2, train_size // BATCHES)
    return batch if batch <= most else 1 << (most.bit_length() - 1)


def _reference(study: SearchStudy, images: Images) -> Mapping[str, float]:
    """The reference point, to two digits."""
    members = [cost(member, study.task(images.task)) for member in study.space(images.task)]
    point: dict[str, float] = {}
    for objective in study.objectives:
        if objective == study.criterion:
            point[objective] = min(0.99, math.ceil(100 * images.largest_class) / 100)
        else:
            point[objective] = _rounded_up(max(int(getattr(one, objective)) for one in members))
    return point


def _rounded_up(count: int) -> float:
    unit = 10 ** max(0, len(str(count)) - 2)
    return float(-(-count // unit) * unit)


def _replaced(text: str, key: str, value: object) -> str:
    """`text` with another value of a key of the first level, which may stand on several lines."""
    line = yaml.safe_dump({key: value}, default_flow_style=None, width=math.inf, sort_keys=False)
    return re.sub(rf"^{key}:.*\n(?:[ \t]+.*\n)*", lambda _: line, text, flags=re.MULTILINE)
