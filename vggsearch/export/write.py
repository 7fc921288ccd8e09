"""Write a bundle: whole or not at all, and only if all programs in it compute the same net."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import torch
from torch import Tensor, nn

from vggsearch.arch import Architecture
from vggsearch.costs import cost
from vggsearch.data import Images
from vggsearch.errors import BundleError
from vggsearch.export.agreement import Agreement
from vggsearch.export.bundle import MODEL, WEIGHTS, load_bundle
from vggsearch.export.card import Card, Check, model_card
from vggsearch.export.classifier import Classifier, logits_of
from vggsearch.export.onnx_model import OnnxNet, write_onnx
from vggsearch.export.page import try_page
from vggsearch.export.preprocess import PREPROCESS, OnnxInput, Preprocess
from vggsearch.export.samples import choose_samples, write_samples
from vggsearch.export.scores import Scores
from vggsearch.export.source import standalone_source
from vggsearch.export.trained import TrainedNet, judged_otherwise, training_logits
from vggsearch.runs import TEMPORARY
from vggsearch.text import percent

ONNX, CARD, PAGE = "model.onnx", "README.md", "try.html"

MOST_MACS = 2e12
"""MACs that each check may take: a minute or so of a core. Of larger nets fewer images are checked."""


@dataclass(frozen=True, slots=True)
class Written:
    """A bundle that was written and checked."""

    folder: Path
    checks: tuple[Agreement, ...]
    scores: Scores
    """Of the exported net, in float32, on the images that were checked."""
    otherwise: int | None
    """How many of these images the run itself judged otherwise; None where its answers are unknown."""


def write_bundle(
    folder: Path,
    trained: TrainedNet,
    *,
    onnx: OnnxInput | None,
    samples: int = 10,
    origin: tuple[str, ...] = (),
) -> Written:
    """Write a trained net as a bundle; `folder` must not exist.

    `onnx` says what `model.onnx` takes, and needs the extra `onnx`; None leaves it out. `samples` images
    that the net was not trained on are put in, and a page to try it where it takes pictures. `origin` are
    sentences for the model card on where the run comes from. Raises `BundleError` where `folder` exists, or
    where a file of the bundle computes something else than training, and OSError.
    """
    refuse_existing(folder)
    preprocess = trained.preprocess.model_copy(update={"onnx": onnx})
    images = _checked_images(trained)
    with _new_folder(folder) as place:
        programs = _write_programs(place, trained, preprocess)
        expected = training_logits(trained, Classifier(preprocess, trained.tensors), images)
        check = _check(programs, trained, images, expected)
        chosen = choose_samples(images, expected, preprocess.labels, samples)
        write_samples(place, chosen)
        card = Card(trained.record, preprocess, trained.data_title, check, origin, torch.__version__)
        (place / CARD).write_text(model_card(card), encoding="utf-8")
        if preprocess.takes_pictures:
            page = try_page(
                preprocess,
                (place / WEIGHTS).read_bytes(),
                chosen,
                title=f"{trained.data_title}: {len(preprocess.labels)} classes",
                summary=_summary(check.scores, trained.tested),
            )
            (place / PAGE).write_text(page, encoding="utf-8")
    return Written(folder, check.programs, check.scores, check.otherwise)


def _write_programs(folder: Path, trained: TrainedNet, preprocess: Preprocess) -> dict[str, nn.Module]:
    """Write the weights and all that computes with them; return each, as it is read from its file."""
    (folder / PREPROCESS).write_text(preprocess.model_dump_json(indent=1) + "\n", encoding="utf-8")
    (folder / WEIGHTS).write_bytes(trained.weights_file.read_bytes())
    (folder / MODEL).write_text(standalone_source(preprocess), encoding="utf-8")
    classifier = load_bundle(folder).module
    programs: dict[str, nn.Module] = {WEIGHTS: classifier, MODEL: _standalone(folder)}
    if preprocess.onnx is not None:
        write_onnx(folder / ONNX, classifier, trained.images.images[:1], preprocess.onnx)
        programs[ONNX] = OnnxNet(folder / ONNX, classifier, preprocess.onnx)
    return programs


def _check(programs: dict[str, nn.Module], trained: TrainedNet, images: Images, expected: Tensor) -> Check:
    """Compare each program with the logits of training, and those with the run's own answers."""
    agreements = tuple(
        Agreement.check(name, logits_of(program, images.images), expected)
        for name, program in programs.items()
    )
    predicted = expected.argmax(1)
    everything = len(images.labels) == len(trained.images.labels)
    return Check(
        programs=agreements,
        scores=Scores(images.labels.numpy(), predicted.numpy(), len(trained.preprocess.labels)),
        otherwise=judged_otherwise(trained, predicted) if everything else None,
        all_images=len(trained.images.labels),
        tested=trained.tested,
    )


def refuse_existing(folder: Path) -> None:
    """Raise `BundleError` where there is something at `folder`."""
    if folder.exists() or folder.is_symlink():
        raise BundleError(
            f"a bundle is written to a new folder, and {folder} exists: name another with --to, or remove it"
        )


def _checked_images(trained: TrainedNet) -> Images:
    """The images on which everything is checked: all, or evenly spaced ones where the net is large."""
    images, net = trained.images, Architecture.parse(trained.preprocess.architecture)
    count = len(images.labels)
    most = max(1, int(MOST_MACS / cost(net, trained.preprocess.task).macs))
    if count <= most:
        return images
    indices = torch.arange(most) * count // most
    return Images(images.images[indices], images.labels[indices])


def _standalone(folder: Path) -> nn.Module:
    """The net of the bundle's own `model.py`, which this process has just written."""
    path = folder / MODEL
    names: dict[str, object] = {"__name__": "model", "__file__": str(path)}
    exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), names)
    load = names["load"]
    assert callable(load)
    net = load()
    assert isinstance(net, nn.Module)
    return net


def _summary(scores: Scores, tested: bool) -> str:
    part = "test" if tested else "validation"
    return f"{percent(scores.accuracy)} of {scores.images:,} {part} images are classified correctly."


@contextlib.contextmanager
def _new_folder(folder: Path) -> Iterator[Path]:
    """A temporary folder that becomes `folder` at the end; it is removed where anything fails."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    for left in folder.parent.glob(f"{TEMPORARY}*-{folder.name}"):  # by a process that was killed
        process = left.name.removeprefix(TEMPORARY).partition("-")[0]
        if process.isdecimal() and not psutil.pid_exists(int(process)):
            shutil.rmtree(left)
    place = folder.parent / f"{TEMPORARY}{os.getpid()}-{folder.name}"
    place.mkdir()
    try:
        yield place
        refuse_existing(folder)
        place.rename(folder)
    finally:
        shutil.rmtree(place, ignore_errors=True)
