"""`vggsearch init`: write a study file to edit, and the schema by which an editor helps with it."""

import json
import re
import shlex
from pathlib import Path
from typing import Annotated

import typer

from vggsearch.arch import Task
from vggsearch.commands.arguments import DataFolder, ShippedName
from vggsearch.commands.other_data import Images, with_images
from vggsearch.data import DATASETS, DataSummary, describe, is_own, summarize
from vggsearch.display import make_console, print_understood, reading_display
from vggsearch.errors import VggSearchError
from vggsearch.runs import write_atomically
from vggsearch.study import SHIPPED, AblationStudy, Study, parse_study, shipped_source, study_schema
from vggsearch.text import quoted, suggestion

SCHEMA = "vggsearch.schema.json"
"""Name of the schema, in the folder of the study file: an editor then finds it without a network."""

MOST = 64
"""Longest side of images, in pixels, that are trained on as they are."""
SIDES = (16, 32, MOST)
"""Sides to which other images are resized. Four blocks, as studies have, halve 16 pixels to one."""


def command(
    name: ShippedName = "quickstart",
    data: Annotated[
        str | None,
        typer.Option(
            metavar="DATA", show_default=False, help="Your images, folder:PATH, or the name of a data set."
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", show_default=False, help="File to write; default NAME.yaml, or NAME-DATA.yaml."
        ),
    ] = None,
    data_dir: DataFolder = None,
) -> None:
    """Write a study file to edit.

    It begins as one of the studies that come with vggsearch. With --data it is fitted to other images.
    """
    if name not in SHIPPED:
        raise VggSearchError(
            f"a study begins as one that comes with vggsearch, not {quoted(name)}: "
            f"{suggestion(name, list(SHIPPED))}"
        )
    file = out or Path(f"{name if data is None else _named_after(name, data)}.yaml")
    _refuse_existing(file)
    study = parse_study(shipped_source(name), file)
    source = study.source
    if data is not None:
        source = with_images(study, _look(data, study.data.resize, data_dir))
    study = parse_study(_headed(source, name, file), file)
    _write(study)
    verb = "plan" if isinstance(study, AblationStudy) else "run"
    console = make_console()
    console.print(f"{file}: {' '.join(study.question.split())}", soft_wrap=True)
    console.print(f"{file.parent / SCHEMA}: an editor completes and checks the file with it", soft_wrap=True)
    console.print(f"next: vggsearch {verb} {shlex.quote(str(file))}", soft_wrap=True)


def _named_after(name: str, data: str) -> str:
    """A name of its own for a study of other images: its runs may be in the store of the shipped study."""
    place = re.sub(r"@[0-9]+$", "", re.sub(r"^(folder|arrays):|\.safetensors$", "", data))
    word = re.sub(r"[^a-z0-9]+", "-", Path(place).resolve().name.lower()).strip("-")
    return f"{name}-{word[:40] or 'own'}"


def _refuse_existing(file: Path) -> None:
    if file.exists() or file.is_symlink():
        raise VggSearchError(
            f"{file}: exists, and no file is overwritten: name another one, as in --out my-study.yaml"
        )


def _headed(source: str, name: str, file: Path) -> str:
    """The text with the line that names the schema; its comments name the file in their commands."""
    named = shlex.quote(str(file))
    text = re.sub(rf"^(#.* vggsearch \w+) {name}\b", lambda found: f"{found[1]} {named}", source, flags=re.M)
    return f"# yaml-language-server: $schema={SCHEMA}\n{text}"


def _write(study: Study) -> None:
    with study.path.open("x", encoding="utf-8") as file:
        file.write(study.source)
    schema = json.dumps(study_schema(), indent=1, ensure_ascii=False)
    write_atomically(study.path.parent / SCHEMA, f"{schema}\n".encode())


def _look(data: str, resize: int | None, data_dir: Path | None) -> Images:
    """What a study must know of its images; says on standard error what was understood of own images.

    `resize` is the side that the study needs, if any.
    """
    if data not in DATASETS and Path(data).is_dir():
        data = f"folder:{data}"
    if not is_own(data):
        info = describe(data, data_dir)
        task = Task(info.input_shape, info.num_classes)
        return Images(data, task, info.train_size, 1 / info.num_classes)
    found = _fitting(data, resize, data_dir)
    print_understood(found)
    classes = found.counts["train"]
    task = Task(found.input_shape, len(classes))
    return Images(found.name, task, found.size("train"), max(classes) / sum(classes))


def _fitting(data: str, resize: int | None, data_dir: Path | None) -> DataSummary:
    """What was understood of own images; of a folder at the size that its path names, or one that suits."""

    def look(name: str) -> DataSummary:
        with reading_display() as progress:
            return summarize(name, data_dir, progress=progress)

    if data.startswith("arrays:") or re.search(r"@[0-9]+$", data):
        return look(data)
    found = look(f"{data}@{resize or MOST}")
    smallest, largest = found.extremes
    if resize is not None:
        return found
    if smallest == largest and min(SIDES) <= min(largest) and max(largest) <= MOST:
        return look(data)
    side = next((side for side in SIDES if side >= max(largest)), MOST)
    return found if side == MOST else look(f"{data}@{side}")
