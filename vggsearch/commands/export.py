"""`vggsearch export`: write a trained net as a folder that needs nothing of this package."""

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from vggsearch.commands.arguments import STORE, DataFolder, Json as AsJson, StoreFolder
from vggsearch.commands.lookup import RUN_KEY, find_run, weights_command
from vggsearch.commands.output import print_json
from vggsearch.display import fetch_if_absent, make_console
from vggsearch.errors import BundleError, WeightsError
from vggsearch.export import (
    INSTALL,
    OnnxInput,
    Written,
    load_trained,
    missing_libraries,
    refuse_existing,
    write_bundle,
)
from vggsearch.runs import Outcome, RunRecord
from vggsearch.store import Store
from vggsearch.study import as_last_asked, choose_run, load_study, read_results
from vggsearch.text import Json, percent

BUNDLES = Path("bundles")
"""Default folder of bundles."""


def command(
    what: Annotated[
        str,
        typer.Argument(
            metavar="STUDY|KEY",
            show_default=False,
            help="Study file, whose best finalist or arm is exported, or the first 6 or more digits of a "
            "run's key.",
        ),
    ],
    to: Annotated[
        Path | None,
        typer.Option(metavar="DIR", show_default=False, help="New folder; default bundles/NAME."),
    ] = None,
    net: Annotated[
        str | None,
        typer.Option(
            metavar="NET",
            show_default=False,
            help="Another finalist, named by its architecture, or another arm.",
        ),
    ] = None,
    onnx: Annotated[
        Literal["bytes", "normalized", "none"] | None,
        typer.Option(
            show_default=False,
            help="What model.onnx takes: bytes of images (default), or normalized numbers. With none, it is "
            "not written.",
        ),
    ] = None,
    samples: Annotated[
        int,
        typer.Option(
            min=0, max=100, help="Images put into sample/ with their logits; at most one of each class."
        ),
    ] = 10,
    store: StoreFolder = STORE,
    data_dir: DataFolder = None,
    json: AsJson = False,
) -> None:
    """Write a trained net as a folder.

    Weights, code in plain torch, ONNX, a page for a browser, and a model card.
    """
    record, name, reasons = _find(what, net, store)
    folder = to or BUNDLES / name
    refuse_existing(folder)
    weights = Store.open(store).weights_file(record)
    if record.outcome is not Outcome.COMPLETED:
        raise WeightsError(
            f"run {record.key.digest[:12]} is {record.outcome.value}, and only a completed run has a net: "
            "name another"
        )
    if weights is None:
        raise WeightsError(
            f"run {record.key.digest[:12]} has no weights: to make them: {weights_command(record, store)}"
        )
    takes = _onnx_input(onnx)
    notes = make_console(sys.stderr if json else None)
    for reason in () if json else reasons:
        notes.print(reason, soft_wrap=True)
    if takes is None and onnx != "none":
        print(f"model.onnx is left out, as its libraries are not installed: {INSTALL}", file=sys.stderr)
    fetch_if_absent(record.key.data.name, data_dir)
    trained = load_trained(record, weights, data_dir)
    written = write_bundle(folder, trained, onnx=takes, samples=samples, origin=reasons)
    if json:
        print_json(_object(record, written, reasons))
    else:
        notes.print("\n".join(_lines(written, trained.tested)), soft_wrap=True)


def _find(what: str, net: str | None, store: Path) -> tuple[RunRecord, str, tuple[str, ...]]:
    """The run, a name for its folder, and why this run."""
    if RUN_KEY.fullmatch(what) and not Path(what).exists():
        if net is not None:
            raise BundleError("--net names a net of a study, and a run has only one: leave --net out")
        record = find_run(what, store=store, source=None).record
        return record, record.key.digest[:12], ()
    opened = Store.open(store)
    study = as_last_asked(load_study(Path(what)), opened)
    chosen = choose_run(read_results(opened, study), net)
    return chosen.record, study.name, chosen.reasons


def _onnx_input(asked: Literal["bytes", "normalized", "none"] | None) -> OnnxInput | None:
    """What `model.onnx` will take; None where it is not wanted, or not asked for and cannot be written."""
    lacking = missing_libraries()
    if asked == "none" or (asked is None and lacking):
        return None
    if lacking:
        raise BundleError(f"model.onnx needs {' and '.join(lacking)}, which are not installed: {INSTALL}")
    return asked or "bytes"


def _lines(written: Written, tested: bool) -> list[str]:
    scores, names = written.scores, [check.name for check in written.checks]
    most = max(check.largest_difference for check in written.checks)
    part = "test" if tested else "validation"
    folder = written.folder
    return [
        f"checked on {scores.images:,} {part} images, {percent(scores.accuracy)} of them right: "
        f"{', '.join(names)} give the logits of training to {most:.1g}",
        f"written: {folder}",
        f"next: open {folder / 'try.html'} in a browser, or: vggsearch predict {folder} PICTURES"
        if (folder / "try.html").exists()
        else f'next, in Python: vggsearch.load("{folder}").module(images), with bytes [N, C, H, W]',
    ]


def _object(record: RunRecord, written: Written, reasons: tuple[str, ...]) -> dict[str, Json]:
    return {
        "folder": str(written.folder),
        "run": record.key.digest,
        "architecture": record.key.architecture,
        "reasons": list(reasons),
        "files": sorted(
            str(path.relative_to(written.folder)) for path in written.folder.rglob("*") if path.is_file()
        ),
        "accuracy": written.scores.accuracy,
        "images": written.scores.images,
        "checks": {
            check.name: {"largest_difference": check.largest_difference, "other_classes": check.other_classes}
            for check in written.checks
        },
    }
