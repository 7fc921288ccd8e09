"""`README.md`: the model card, with what is known of the net in the front matter that model hubs read."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import yaml

from vggsearch.arch import Architecture
from vggsearch.costs import FLOAT_BYTES, cost
from vggsearch.export.agreement import Agreement
from vggsearch.export.page import EMBED_BYTES
from vggsearch.export.preprocess import Preprocess
from vggsearch.export.scores import Scores, wilson
from vggsearch.export.templating import render
from vggsearch.runs import RunRecord
from vggsearch.text import markdown, percent, plain, shape_text, short_count, size

MOST_CLASSES = 40
"""Rows of the table of classes; the worst are shown."""
SMALL = 1000
"""Fewer images than these make an accuracy uncertain by more than two percentage points."""


@dataclass(frozen=True, slots=True)
class Check:
    """What was measured when the bundle was made."""

    programs: tuple[Agreement, ...]
    scores: Scores
    """Of the exported net in float32."""
    otherwise: int | None
    """Of how many images the run itself told another right or wrong; None where it is unknown."""
    all_images: int
    """Images of the part, of which some were checked."""
    tested: bool
    """Whether they are test images."""


@dataclass(frozen=True, slots=True)
class Card:
    """What a model card tells."""

    record: RunRecord
    preprocess: Preprocess
    data: str
    """Title of the data set."""
    check: Check
    origin: tuple[str, ...]
    """Sentences on where the run comes from."""
    torch: str
    """Version with which the bundle was made."""


def model_card(card: Card) -> str:
    """The text of `README.md`. Texts from the run and the data are escaped."""
    preprocess, record = card.preprocess, card.record
    net, task = Architecture.parse(preprocess.architecture), preprocess.task
    price = cost(net, task)
    channels, height, width = preprocess.image_shape
    classes = list(_classes(card.check.scores, preprocess.labels))
    made = record.provenance
    weights_bytes = FLOAT_BYTES * price.params
    return render(
        "card.md.j2",
        front_matter=_front_matter(card),
        title=f"{_text(card.data)}: {len(preprocess.labels)} classes",
        architecture=preprocess.architecture,
        image_shape=shape_text(preprocess.image_shape),
        bytes_shape=", ".join(map(str, preprocess.image_shape)),
        net_shape=", ".join(map(str, preprocess.input_shape)),
        channels=channels,
        height=height,
        width=width,
        takes_pictures=preprocess.takes_pictures,
        mode="L" if channels == 1 else "RGB",
        labels=preprocess.labels,
        mean=[f"{one:.6g}" for one in preprocess.mean],
        std=[f"{one:.6g}" for one in preprocess.std],
        resized=shape_text(preprocess.input_shape[1:]) if preprocess.side else "",
        shrinks=preprocess.shrinks,
        onnx=preprocess.onnx,
        page_note=_page_note(weights_bytes),
        run=preprocess.run,
        made_by=_text(made.vggsearch) if made else "",
        origin=[_text(sentence) for sentence in card.origin],
        results=list(_results(card)),
        about_results=_about_results(card),
        part="test" if card.check.tested else "validation",
        classes=[row for _, row in classes[:MOST_CLASSES]],
        left_out_classes=max(0, len(classes) - MOST_CLASSES),
        macs=short_count(price.macs),
        params=f"{price.params:,}",
        size=size(weights_bytes),
        latency=_latency(record),
        training=list(_training(card)),
        checked=f"{card.check.scores.images:,}",
        checks=[
            (f"`{one.name}`", f"{one.largest_difference:.1g}", str(one.other_classes))
            for one in card.check.programs
        ],
        limits=list(_limits(card)),
    )


def _text(text: object) -> str:
    """A text from a run or a data set, on one line and without markup."""
    return markdown(plain(text))


def _front_matter(card: Card) -> str:
    check = card.check
    metric = {"type": "accuracy", "value": round(check.scores.accuracy, 6), "name": "accuracy"}
    result = {
        "task": {"type": "image-classification"},
        "dataset": {"name": card.data, "type": card.data, "split": "test" if check.tested else "validation"},
        "metrics": [metric],
    }
    fields: dict[str, object] = {
        "license": "unknown",
        "library_name": "pytorch",
        "pipeline_tag": "image-classification",
        "tags": ["image-classification", "vgg", "vggsearch", *(["onnx"] if card.preprocess.onnx else [])],
        "metrics": ["accuracy"],
        "model-index": [{"name": card.preprocess.architecture, "results": [result]}],
    }
    return yaml.safe_dump(fields, sort_keys=False, allow_unicode=True, width=1000)


def _page_note(weights_bytes: int) -> str:
    if weights_bytes <= EMBED_BYTES:
        return "; it works without a server and without a network"
    return "; open it from a local server (`python -m http.server`), as it loads `model.safetensors`"


def _results(card: Card) -> Iterator[tuple[str, str, str, str]]:
    record, check = card.record, card.check
    scores, part = check.scores, "test" if check.tested else "validation"
    here = f"{part}, this net in float32"
    yield here, percent(scores.accuracy), _interval(*scores.interval), f"{scores.images:,}"
    if check.tested and record.test_accuracy is not None:
        yield _measured("test, in the run", record.test_accuracy, check.all_images)
    if record.val_accuracy is not None:
        images = record.curve[-1].val_images if record.curve else 0
        yield _measured("validation, in the run", record.val_accuracy, images)


def _measured(name: str, accuracy: float, images: int) -> tuple[str, str, str, str]:
    known = _interval(*wilson(round(accuracy * images), images)) if images else "–"
    return name, percent(accuracy), known, f"{images:,}" if images else "–"


def _interval(low: float, high: float) -> str:
    return f"{100 * low:.2f}–{100 * high:.2f} %"


def _about_results(card: Card) -> str:
    check, made = card.check, card.record.provenance
    sentences = [
        "The run was selected before it began. The test images were opened at its end, and again "
        "for this export."
        if check.tested
        else "The test images were not used: this run was not selected for a final test. Where the net was "
        "chosen for its validation accuracy, that accuracy tends to be too high."
    ]
    if check.otherwise:
        how = f" in {made.precision}" if made and made.precision else ""
        sentences.append(
            f"The run itself computed{how}. For {check.otherwise} of the images, either only its answer or "
            "only this net's is right."
        )
    if check.scores.images < check.all_images:
        some = f"{check.scores.images:,} of {check.all_images:,} images"
        sentences.append(f"At export {some}, evenly spaced, were evaluated.")
    return " ".join(sentences)


def _classes(scores: Scores, labels: tuple[str, ...]) -> list[tuple[float, tuple[str, ...]]]:
    """Rows of the table of classes, the worst first."""
    rows: list[tuple[float, tuple[str, ...]]] = []
    counts, right = scores.class_images.tolist(), scores.class_correct.tolist()
    known = zip(scores.class_intervals, scores.most_confused, strict=True)
    for label, (interval, other) in enumerate(known):
        name, count = _text(labels[label]), counts[label]
        if interval is None:
            rows.append((2.0, (name, "–", "–", "0", "")))
            continue
        share = right[label] / count
        taken = "" if other is None else _text(labels[other])
        rows.append((share, (name, percent(share), _interval(*interval), f"{count:,}", taken)))
    return sorted(rows, key=lambda row: row[0])


def _latency(record: RunRecord) -> str:
    made = record.provenance
    if record.latency_ms is None or made is None:
        return "Its latency was not measured."
    where = made.gpu or f"{made.threads} of {made.cpu_count} cores of {made.processor}"
    return f"One image took {record.latency_ms:.3g} ms on {_text(where)} (median of up to 30 passes)."


def _training(card: Card) -> Iterator[tuple[str, str]]:
    record = card.record
    key, data, made = record.key, record.key.data, record.provenance
    yield "data", f"{_text(card.data)}, training images {data.digest[:12]}"
    yield (
        "split",
        f"{100 * data.val_fraction:g} % for validation, seed {data.split_seed}, {data.split_digest[:12]}",
    )
    yield "recipe", _text(", ".join(f"{name} {value}" for name, value in key.recipe.model_dump().items()))
    yield "budget", f"{key.budget}; {record.steps:,} steps, {record.images:,} images, {record.train_s:.4g} s"
    yield "seed", str(key.seed)
    yield "run", f"`{key.digest}`"
    if made is not None:
        yield "computed in", f"{made.precision or 'a precision that was not recorded'}"
        yield "on", _text(f"{made.gpu or made.processor}, {made.platform}")
        day = time.strftime("%Y-%m-%d", time.gmtime(made.finished_at))
        commit = f", commit {made.commit[:12]}" if made.commit else ""
        yield (
            "by",
            _text(f"vggsearch {made.vggsearch}{commit}, torch {made.torch}, Python {made.python}, {day}"),
        )
    yield "exported with", f"torch {_text(card.torch)}"


def _limits(card: Card) -> Iterator[str]:
    scores = card.check.scores
    if scores.images < SMALL:
        yield f"{scores.images} images are few: see the intervals."
    if card.preprocess.image_shape[0] == 1:
        yield "It sees grey images; colour is dropped first."
