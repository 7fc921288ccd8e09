"""Parsers of what a store and a report hold: records, trials, notes, plans, and messages of workers.

What a file holds beside its checksum is fuzzed alone, and the checksum made to fit it: one that does not fit
hides all that comes after it. `checksummed_files` fuzzes the checksum.
"""

import gzip
import json
from pathlib import Path

import numpy as np
from contract import Ready
from pydantic import TypeAdapter, ValidationError
from text_parsers import REPORTS, STUDIES

from vggsearch.commands.lookup import FoundRun
from vggsearch.commands.runs.show import _curve, _lines, _object
from vggsearch.designs.plan import Plan, Registration, deviations
from vggsearch.execution.worker import _MESSAGES, Cancel, Point, Record, Train, WorkerSetup
from vggsearch.recipe import Budget
from vggsearch.runs.checksums import add_checksum, read_bounded, verify_checksum
from vggsearch.runs.frames import curves_frame, runs_frame
from vggsearch.runs.record import CurvePoint, RunRecord
from vggsearch.runs.validation import MAX_RECORD_BYTES, valid_trial, validated
from vggsearch.store import Store
from vggsearch.store.plans import PlanBook
from vggsearch.store.state import ControllerState, PendingCandidate, PendingCandidates, RateChoice, Selection
from vggsearch.study import KeptImages, StudyResults, load_study

FIELDS = tuple(f'"{name}"'.encode() for name in (*RunRecord.model_fields, *CurvePoint.model_fields))


def _lines_of(report: str, name: str) -> list[bytes]:
    return (REPORTS / report / "data" / f"{name}.jsonl").read_bytes().splitlines()


def _runs() -> list[bytes]:
    """Records of either kind of study, small: two points of a curve, and the answers to eight images."""
    lines = [
        line for report in ("quickstart", "null", "kernel-size") for line in _lines_of(report, "runs")[::40]
    ]
    return [json.dumps(_small(json.loads(line))).encode() for line in lines]


def _small(run: dict[str, object]) -> dict[str, object]:
    curve = run["curve"]
    assert isinstance(curve, list)
    bits = {part: run[part] and "/w==" for part in ("val_correct", "test_correct")}
    return run | bits | {"curve": curve[-2:]} | (_PREDICTED if run["test_correct"] else {})


_PREDICTED = {
    "test_accuracy": 7 / 8,
    "test_correct": "fw==",
    "test_predictions": {
        "images": 8,
        "labels": "ASNFZw==",
        "mistaken": "EA==",
        "surest": [{"image": 0, "probability": 0.5}],
    },
}
"""Of a net of ten classes: image i is of class i, and the first one is taken for class 1."""


def runs(_: Path) -> Ready:
    """Records of runs, as a ledger reads them and as `vggsearch runs show` shows them."""

    def show(data: bytes) -> None:
        record = validated(data)
        assert validated(record.model_dump_json().encode()) == record
        record.test_classes()
        found = FoundRun(record, (), "")
        list(_lines(found, folder / "store", None)), _object(found), _curve(record)
        runs_frame([record]), curves_frame([record])

    return Ready(show, _runs())


def checksummed_files(folder: Path) -> Ready:
    path = folder / "run.json"

    def read(data: bytes) -> None:
        path.write_bytes(data)
        validated(verify_checksum(read_bounded(path, MAX_RECORD_BYTES)))

    return Ready(read, [add_checksum(run) for run in _runs()] + [add_checksum(b"{}"), add_checksum(b"")])


def trials(_: Path) -> Ready:
    reports = ("quickstart", "null", "kernel-size", "block-count")
    seeds = [line for report in reports for line in _lines_of(report, "trials")[::30]]
    return Ready(valid_trial, seeds)


def notes(folder: Path) -> Ready:
    """Each of the notes; what cannot be read is made again, so that nothing is raised."""
    kept = ControllerState(folder)

    def read(data: bytes) -> None:
        for name in ("asked", "finalists", "rates"):
            (folder / f"{name}.json").write_bytes(add_checksum(data))
        kept.pending(), kept.selection(), kept.rates()

    asked = PendingCandidate(
        stage="search", number=3, architecture="1x8+gap", seed=0, run="0" * 64, cached=True, asked_at=1.5e9
    )
    examples = (
        PendingCandidates(asked=(asked, asked)),
        Selection(architectures=("1x8+gap", "1x16+gap"), runs=4, count=2),
        RateChoice(rates={"control": 0.1, "drop-in": 0.05}),
    )
    return Ready(read, [example.model_dump_json().encode() for example in examples])


def identities(folder: Path) -> Ready:
    """What a study must remain, in the store that it began in."""
    study = load_study(STUDIES / "quickstart.yaml")
    store = Store.open(folder, create=True)
    path = folder / "studies" / study.name / "study.json"
    path.parent.mkdir()

    def begin(data: bytes) -> None:
        path.write_bytes(add_checksum(data))
        store.begin(study)

    ablation = load_study(STUDIES / "null.yaml")
    return Ready(begin, [json.dumps(each.identity()).encode() for each in (study, ablation)])


def plans(folder: Path) -> Ready:
    """Plans of ablations, registered under their own digests, so that all of what they say counts."""
    book = PlanBook(folder)
    adapter = TypeAdapter(tuple[Registration, ...])
    first = [
        json.loads((REPORTS / report / "data" / "study.json").read_bytes())["plans"][0]["plan"]
        for report in ("null", "kernel-size", "block-count")
    ]
    known = Plan.model_validate_json(json.dumps(first[0]))
    before = Registration(plan=known, digest=known.digest, at=0.0, runs=0)

    def read(data: bytes) -> None:
        try:
            plan = Plan.model_validate_json(data)
            found = (before, Registration(plan=plan, digest=plan.digest, at=1.0, runs=3))
            (folder / "plan.json").write_bytes(add_checksum(adapter.dump_json(found)))
        except ValidationError:
            (folder / "plan.json").write_bytes(add_checksum(b"[{" + b'"plan":' + data + b"}]"))
        for registration in book.read():
            for arm in registration.plan.arms:
                registration.plan.steps(arm), registration.plan.run_s(arm)
            [contrast.contrast().claim for contrast in registration.plan.contrasts]
        deviations(book.read())

    return Ready(read, [json.dumps(_short(plan)).encode() for plan in first])


def _short(plan: dict[str, object]) -> dict[str, object]:
    """The same plan with two arms and the contrasts between them."""
    arms, contrasts = plan["arms"], plan["contrasts"]
    assert isinstance(arms, list)
    assert isinstance(contrasts, list)
    names = [arm["name"] for arm in arms]
    for one in contrasts:
        if set(one["weights"]) <= set(names[:2]):
            return plan | {"arms": arms[:2], "contrasts": [one], "primary": one["name"]}
    return plan


def messages(_: Path) -> Ready:
    """Between the controller, its workers and Ray's tasks."""
    from vggsearch.execution.ray.task import TASK_MESSAGES, Started, TaskSetup

    def read(data: bytes) -> None:
        faults = []
        for reader in (
            _MESSAGES.validate_json,
            TASK_MESSAGES.validate_json,
            *_SETUPS,
            TaskSetup.model_validate_json,
        ):
            try:
                reader(data)
            except ValidationError as error:
                faults.append(error)
        for fault in faults:
            str(fault)

    record = validated(_runs()[0])
    setup = WorkerSetup(trainer="a:b", device="cpu", index=0, data_dir=None, core=None)
    task = TaskSetup(
        trainer="a:b",
        preload=(),
        device="cpu",
        data_dir=None,
        checkpoints=None,
        keep_weights="none",
        marker=None,
        cancel_grace_s=1.0,
        deadline_grace_s=1.0,
    )
    examples = (
        Train(key=record.key.model_copy(update={"budget": Budget(steps=3)}), deadline_s=3.0),
        Cancel(digest=record.key.digest, outcome=record.outcome, reason="late"),
        Point(digest=record.key.digest, point=record.curve[0]),
        Record(record=record),
        Started(node="0123456789ab"),
        setup,
        task,
    )
    return Ready(read, [example.model_dump_json().encode() for example in examples])


_SETUPS = (WorkerSetup.model_validate_json, Cancel.model_validate_json)


def _report(folder: Path, report: str, count: int) -> tuple[bytes, list[bytes], list[bytes]]:
    """A small report's data folder in `folder`: its contents, trials and runs."""
    data = REPORTS / report / "data"
    wanted = _lines_of(report, "trials")[:count]
    digests = {json.loads(line)["run"] for line in wanted}
    found = [line for line in _lines_of(report, "runs") if validated(line).key.digest in digests]
    small = [json.dumps(_small(json.loads(line))).encode() for line in found]
    contents = json.loads((data / "study.json").read_bytes())
    contents |= {"trial_records": len(wanted), "run_records": len(small)}
    (folder / "study.yaml").write_bytes((data / "study.yaml").read_bytes())
    (folder / "trials.jsonl").write_bytes(b"\n".join(wanted))
    (folder / "runs.jsonl").write_bytes(b"\n".join(small))
    (folder / "study.json").write_text(json.dumps(contents))
    return json.dumps(contents).encode(), wanted, small


def report_contents(folder: Path) -> Ready:
    """`study.json` of a report's data, and all that is read after it."""
    seed, _, _ = _report(folder, "null", 3)

    def read(data: bytes) -> None:
        (folder / "study.json").write_bytes(data)
        StudyResults.read(folder).frame()

    return Ready(read, [seed, json.dumps(json.loads(seed) | {"plans": [], "trials": 3}).encode()])


def report_lines(folder: Path) -> Ready:
    """The trials and runs of a report: JSON `{"trials": […], "runs": […]}`, as lines of their two files."""
    contents, wanted, small = _report(folder, "quickstart", 3)

    def read(data: bytes) -> None:
        trials, runs = wanted, small
        try:
            both = json.loads(data)
            trials = [json.dumps(line).encode() for line in both["trials"]]
            runs = [json.dumps(line).encode() for line in both["runs"]]
        except (ValueError, TypeError, KeyError, RecursionError):
            runs = data.splitlines()
        (folder / "trials.jsonl").write_bytes(b"\n".join(trials))
        (folder / "runs.jsonl").write_bytes(b"\n".join(runs))
        counts = {"trial_records": len(trials), "run_records": len(runs)}
        (folder / "study.json").write_text(json.dumps(json.loads(contents) | counts))
        StudyResults.read(folder).frame()

    both = {"trials": list(map(json.loads, wanted)), "runs": list(map(json.loads, small))}
    return Ready(read, [json.dumps(both).encode()])


def report_archives(folder: Path) -> Ready:
    """A report's runs as `.jsonl.gz`."""
    contents, wanted, small = _report(folder, "null", 3)
    packed = json.loads(contents) | {"compressed": True}
    (folder / "study.json").write_text(json.dumps(packed))
    (folder / "trials.jsonl.gz").write_bytes(gzip.compress(b"\n".join(wanted)))

    def read(data: bytes) -> None:
        (folder / "runs.jsonl.gz").write_bytes(data)
        StudyResults.read(folder)

    return Ready(
        read, [gzip.compress(b"\n".join(small)), gzip.compress(b"\n".join(small), 0), gzip.compress(b"")]
    )


def report_images(folder: Path) -> Ready:
    """`images.json` of a report's data, whose runs have their true classes there."""
    contents, _, small = _report(folder, "null", 60)
    lines = [json.loads(line) for line in small]
    predictions = [line.get("test_predictions", {}) for line in lines]
    assert any(predictions)
    for one in predictions:
        one["labels"] = None
    told = [line | {"test_predictions": one or None} for line, one in zip(lines, predictions, strict=True)]
    (folder / "runs.jsonl").write_bytes(b"\n".join(json.dumps(line).encode() for line in told))
    (folder / "study.json").write_text(json.dumps(json.loads(contents) | {"images": True}))

    def read(data: bytes) -> None:
        (folder / "images.json").write_bytes(data)
        results = StudyResults.read(folder)
        assert results.images is not None
        for image in range(8):
            results.images.pixels(image)

    pixels = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 1, 3, 4)
    whole = KeptImages.of(tuple("abcdefghij"), (0, 5), pixels)
    seed = whole.model_copy(update={"labels": _PREDICTED["test_predictions"]["labels"]})
    return Ready(read, [seed.model_dump_json().encode(), KeptImages(absent="why").model_dump_json().encode()])
