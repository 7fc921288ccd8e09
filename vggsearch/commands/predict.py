"""`vggsearch predict`: classify pictures with an exported net, or measure it on a folder of classes."""

import csv
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from vggsearch.commands.arguments import Json as AsJson
from vggsearch.commands.output import print_json
from vggsearch.data import given_images
from vggsearch.display import harmless, make_console, table
from vggsearch.errors import VggSearchError
from vggsearch.export import Bundle, Prediction, Scores, classify, load_bundle
from vggsearch.text import Json, percent

MOST_COLUMNS = 20
"""Of so many classes the confusion matrix is printed; `--json` has it of `MOST_IN_JSON`."""
MOST_IN_JSON = 1000


def command(
    bundle: Annotated[
        Path, typer.Argument(metavar="BUNDLE", show_default=False, help="Folder that vggsearch export wrote.")
    ],
    images: Annotated[
        list[Path],
        typer.Argument(
            metavar="IMAGE...|FOLDER",
            show_default=False,
            help="Pictures of any size, or a folder of them; sub-folders named like classes are labels.",
        ),
    ],
    json: AsJson = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print one line of CSV for each image.")] = False,
) -> None:
    """Classify pictures with an exported net.

    With a folder of labelled classes: accuracy, each class, and the confusion matrix.
    """
    if json and as_csv:
        raise VggSearchError("output is --json or --csv, not both: leave one out")
    loaded = load_bundle(bundle)
    if not loaded.preprocess.takes_pictures:
        raise VggSearchError(
            f"image files are grey or RGB, and the net in {bundle} sees {loaded.preprocess.image_shape[0]} "
            "channels: classify arrays in Python, with vggsearch.load"
        )
    given = given_images(images, loaded.labels)
    found = classify(loaded, given)
    if given.left_out:
        reasons = ", ".join(f"{count} {reason}" for reason, count in given.left_out.items())
        make_console(sys.stderr).print(f"files left out: {reasons}", soft_wrap=True)
    if json:
        print_json(_object(loaded, found))
    elif as_csv:
        _print_csv(loaded, found)
    elif found.scores is None:
        make_console().print(_answers(loaded, found))
    else:
        _print_scores(make_console(), loaded, found.scores)


def _rows(bundle: Bundle, found: Prediction) -> Iterator[tuple[str, str, float, str | None]]:
    """File, predicted class, its probability, and true class of each image."""
    labels = found.images.labels
    for i, path in enumerate(found.images.files):
        label = None if labels is None else bundle.labels[int(labels[i])]
        yield str(path), bundle.labels[int(found.classes[i])], float(found.probabilities[i]), label


def _answers(bundle: Bundle, found: Prediction) -> Table:
    rows = table("image", "class", "probability", right=("probability",))
    for path, name, probability, _ in _rows(bundle, found):
        rows.add_row(path, name, percent(probability))
    return rows


def _print_csv(bundle: Bundle, found: Prediction) -> None:
    labelled = found.images.labels is not None
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(("file", "class", "probability", *(["label"] if labelled else [])))
    for path, name, probability, label in _rows(bundle, found):
        texts = [harmless(one) for one in (path, name, *([label] if label is not None else []))]
        out.writerow((*texts[:2], f"{probability:.6f}", *texts[2:]))


def _print_scores(console: Console, bundle: Bundle, scores: Scores) -> None:
    low, high = scores.interval
    console.print(
        f"{percent(scores.accuracy)} right, {scores.correct:,} of {scores.images:,} images "
        f"(95 % interval {100 * low:.2f}–{100 * high:.2f} %)\n",
        soft_wrap=True,
    )
    numbers = ("images", "right", "accuracy", "95 % interval")
    rows = table("class", *numbers, "most often taken for", right=numbers)
    counts, right = scores.class_images.tolist(), scores.class_correct.tolist()
    for label, (interval, other) in enumerate(zip(scores.class_intervals, scores.most_confused, strict=True)):
        if interval is not None:
            rows.add_row(
                bundle.labels[label],
                f"{counts[label]:,}",
                f"{right[label]:,}",
                percent(right[label] / counts[label]),
                f"{100 * interval[0]:.2f}–{100 * interval[1]:.2f} %",
                "" if other is None else bundle.labels[other],
            )
    console.print(rows)
    if len(bundle.labels) <= MOST_COLUMNS:
        console.print("\nclass (row) taken for (column)")
        console.print(_confusion(bundle, scores))


def _confusion(bundle: Bundle, scores: Scores) -> Table:
    columns = [name if len(name) <= 8 else f"{name[:7]}…" for name in bundle.labels]
    rows = table("", *columns, right=columns)
    for name, line in zip(bundle.labels, scores.confusion.tolist(), strict=True):
        rows.add_row(name, *(f"{count:,}" if count else "·" for count in line))
    return rows


def _object(bundle: Bundle, found: Prediction) -> dict[str, Json]:
    names = ("file", "class", "probability", "label")
    rows = [dict(zip(names, row, strict=True)) for row in _rows(bundle, found)]
    if found.scores is None:
        rows = [{name: row[name] for name in names[:3]} for row in rows]
        return {"run": bundle.preprocess.run, "images": rows}
    scores = found.scores
    counts, right = scores.class_images.tolist(), scores.class_correct.tolist()
    return {
        "run": bundle.preprocess.run,
        "accuracy": scores.accuracy,
        "interval": list(scores.interval),
        "classes": [
            {
                "class": name,
                "images": counts[label],
                "correct": right[label],
                "interval": None if interval is None else list(interval),
            }
            for label, (name, interval) in enumerate(zip(bundle.labels, scores.class_intervals, strict=True))
        ],
        "confusion": scores.confusion.tolist() if len(bundle.labels) <= MOST_IN_JSON else None,
        "images": rows,
    }
