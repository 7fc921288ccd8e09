"""What a study has answered so far: its trials and the runs behind them, as a table and as a data folder."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

from vggsearch.arch import Task, parse
from vggsearch.costs import cost
from vggsearch.designs import Registration
from vggsearch.runs import (
    STAGES,
    Criterion,
    Damaged,
    Digest,
    RunRecord,
    TrialRecord,
    accuracy_text,
    best_run,
    many_records,
    valid_trial,
    validated,
)
from vggsearch.store import Store, trial_order
from vggsearch.study.data_folder import (
    MAX_DATA_BYTES,
    Contents,
    packed_bytes,
    read_contents,
    read_images,
    read_lines,
    unusable,
    write_folder,
)
from vggsearch.study.file import SearchStudy, Study, parse_study
from vggsearch.study.kept_images import KeptImages, common_labels, with_labels, without_labels
from vggsearch.text import short_count

if TYPE_CHECKING:
    import pandas as pd


CURVES_KEPT = 100
"""Of so many most accurate runs the learning curves are kept where not all can be."""


@dataclass(frozen=True)
class StudyResults:
    """A study, its trials, and the runs that answered them."""

    study: Study
    trials: tuple[TrialRecord, ...]
    """By stage, then number."""
    runs: Mapping[Digest, RunRecord]
    """In the order in which `trials` first name them."""
    notes: tuple[str, ...] = ()
    """What is missing from these results and why, each in a line that a report must show."""
    plans: tuple[Registration, ...] = ()
    """Of an ablation: the plans that were fixed, in order; the last is in force."""
    data: tuple[str, ...] = ()
    """What was understood of a folder of images, as a report's data have it."""
    images: KeptImages | None = None
    """Names of classes, and pictures of the test images that a report shows."""

    @property
    def answered(self) -> list[TrialRecord]:
        """The trials without those that crashed and are to be made again."""
        return [trial for trial in self.trials if not trial.to_be_repeated]

    @property
    def stopped_early(self) -> bool:
        """Whether a search asks for no more runs because of the study's `stop`."""
        study = self.study
        if not isinstance(study, SearchStudy) or study.stop is None:
            return False
        ended = sorted((one for one in self.trials if one.stage == "search"), key=lambda one: one.told_at)
        runs = {trial.run: self.runs.get(trial.run) for trial in ended if trial.run}
        return study.stop.reached([getattr(run, study.criterion, None) or 0.0 for run in runs.values()])

    def crash_notes(self) -> list[str]:
        """A line for each stage that has runs to be made again."""
        notes = []
        for stage in STAGES:
            of_stage = [trial for trial in self.trials if trial.stage == stage]
            crashed = [trial for trial in of_stage if trial.to_be_repeated]
            if crashed:
                notes.append(
                    f"stage {stage}: {len(crashed)} of {len(of_stage)} runs crashed ({crashed[0].reason}): "
                    "remove the cause and run the study again, which repeats only these"
                )
        return notes

    def frame(self) -> "pd.DataFrame":
        """One row a trial: study, stage, number, cached, asked_at, told_at and
        `vggsearch.runs.frames.RUN_COLUMNS`.

        Where a trial has no run, the columns that come of training are missing. Its costs are computed for
        the input of the other trials' runs, and missing where there is no run at all.
        """
        from vggsearch.runs import trials_frame

        return trials_frame(self.trials, self.runs)

    def best(self) -> RunRecord | None:
        """The best completed run of the search and its baseline, by `vggsearch.runs.best_run`; finalists were
        chosen for what they reached there."""
        digests = (trial.run for trial in self.trials if trial.run and trial.stage in ("search", "baseline"))
        return best_run((self.runs.get(digest) for digest in digests), self.criterion)

    @property
    def criterion(self) -> Criterion:
        """The column by which nets are ranked."""
        return self.study.criterion if isinstance(self.study, SearchStudy) else "val_accuracy"

    def trimmed(self, max_bytes: int = MAX_DATA_BYTES) -> "StudyResults":
        """The same results, small enough for a report's data folder; what had to go is among the `notes`.

        First the per-image correctness of runs that were neither tested nor are an ablation's pairs, then the
        learning curves of all but the most accurate runs. Trials, outcomes and costs always stay.
        """
        results: StudyResults = self
        for trim in (_without_correctness, _without_curves):
            if packed_bytes(results._lines()) <= max_bytes:
                break
            results = trim(results)
        return results

    def data_lines(self) -> tuple[str, ...]:
        """What was understood of a folder of images, in two lines; none for a named data set."""
        run = next(iter(self.runs.values()), None)
        if self.data or run is None:
            return self.data
        from vggsearch.data import understood

        return understood(run.key.data)

    def write(self, folder: Path) -> None:
        """Write a report's data folder (`vggsearch.study.data_folder`). Raises `StoreError`."""
        study = self.study
        contents = Contents(
            path=study.path.name if study.path.is_absolute() else study.path.as_posix(),
            trials=study.trials if isinstance(study, SearchStudy) else None,
            time_limit_s=study.time_limit_s,
            trial_records=len(self.trials),
            run_records=len(self.runs),
            notes=self.notes,
            plans=self.plans,
            data=self.data_lines(),
        )
        trials = [trial.model_dump_json() for trial in self.trials]
        labels = common_labels(self.runs.values())
        runs = [without_labels(run, labels).model_dump_json() for run in self.runs.values()]
        images = None
        if labels is not None:
            images = (self.images or KeptImages()).model_copy(update={"labels": labels})
        write_folder(folder, contents, study.source, trials, runs, images)

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read what `write` wrote. Raises `StoreError` or `StudyFileError` where it cannot be used."""
        contents, source = read_contents(folder)
        study = parse_study(source, Path(contents.path))
        study = study.with_options(trials=contents.trials, time_limit_s=contents.time_limit_s)
        packed = contents.compressed
        with many_records():
            trials = read_lines(
                folder, "trials", compressed=packed, count=contents.trial_records, parse=valid_trial
            )
            runs = read_lines(folder, "runs", compressed=packed, count=contents.run_records, parse=validated)
            images = read_images(folder) if contents.images else None
            if images is not None:
                runs = [_whole(run, images, folder) for run in runs]
        by_digest = {run.key.digest: run for run in runs}
        return cls(study, tuple(trials), by_digest, contents.notes, contents.plans, contents.data, images)

    def _lines(self) -> Iterator[str]:
        labels = common_labels(self.runs.values())
        for trial in self.trials:
            yield trial.model_dump_json()
        for run in self.runs.values():
            yield without_labels(run, labels).model_dump_json()


def read_results(store: Store, study: Study) -> StudyResults:
    """What a store knows of a study now. What is damaged or missing stands in the results' notes."""
    found = list(store.scan_trials(study.name))
    trials = sorted((trial for trial in found if isinstance(trial, TrialRecord)), key=trial_order)
    notes = [
        f"trial file {item.path.name} is left out: {item.reason}"
        for item in found
        if isinstance(item, Damaged)
    ]
    runs: dict[Digest, RunRecord] = {}
    with many_records():
        for trial in trials:
            if trial.run is None or trial.run in runs:
                continue
            run = store.ledger.get(trial.run)
            if run is not None:
                runs[trial.run] = run
                continue
            what = f"{trial.stage} trial {trial.number}"
            notes.append(f"{what}: its run {trial.run[:12]} is absent or damaged")
    results = StudyResults(study, tuple(trials), runs, plans=store.plans(study.name).read())
    return replace(results, notes=(*notes, *results.crash_notes()))


def _whole(run: RunRecord, images: KeptImages, folder: Path) -> RunRecord:
    """The run with the true classes that a report's data keep once."""
    try:
        return with_labels(run, images.labels)
    except ValueError as error:
        raise unusable(folder / "images.json", f"not of run {run.key.digest[:12]}: {error}") from error


def _without_correctness(results: StudyResults) -> StudyResults:
    pairs = {trial.run for trial in results.trials if trial.stage == "pairs"}
    untested = {digest for digest, run in results.runs.items() if run.key.evaluate_on == "validation"}
    small = {
        digest: run.model_copy(update={"val_correct": None}) if digest in untested - pairs else run
        for digest, run in results.runs.items()
    }
    but = ", but for the pairs," if untested & pairs else ""
    note = f"validation correctness of single images{but} is left out of these data, to keep them small"
    return replace(results, runs=small, notes=(*results.notes, note))


def _without_curves(results: StudyResults) -> StudyResults:
    ranked = sorted(results.runs.values(), key=lambda run: run.val_accuracy or 0.0, reverse=True)
    kept = {run.key.digest for run in ranked[:CURVES_KEPT]}
    small = {
        digest: run if digest in kept else run.model_copy(update={"curve": ()})
        for digest, run in results.runs.items()
    }
    note = f"learning curves of all but the {CURVES_KEPT} most accurate runs are left out, to keep data small"
    return replace(results, runs=small, notes=(*results.notes, note))


def describe(run: RunRecord) -> str:
    """A run's result in one line: accuracy, architecture, cost."""
    key = run.key
    price = cost(parse(key.architecture), key.task)
    macs, params = short_count(price.macs), short_count(price.params)
    return f"{accuracy_text(run, name='val')}: {key.architecture}, {macs} MACs, {params} parameters"


def study_task(results: StudyResults) -> Task:
    """What the study's nets are for: by any run, else by the description of its data set."""
    run = next(iter(results.runs.values()), None)
    if run is not None:
        return run.key.task
    from vggsearch.data import describe as describe_data

    return results.study.task(describe_data(results.study.data.name).task)
