"""`vggsearch status`: how far a study is, from its store alone; also while another process runs it."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import psutil

from vggsearch.commands.devices import usable_cores
from vggsearch.commands.output import duration, make_console, print_json, table
from vggsearch.display import describe
from vggsearch.progress import best_run
from vggsearch.runs import RunRecord
from vggsearch.study import Store, Study, load_study
from vggsearch.study.events import STAGES, Stage
from vggsearch.study.notes import Notes
from vggsearch.study.results import StudyResults


@dataclass(frozen=True, slots=True)
class StageStatus:
    """Distinct runs of one stage."""

    quota: int
    done: int
    running: int
    """Handed out by a living controller and not answered."""

    @property
    def left(self) -> int:
        """Not done, those running included."""
        return max(0, self.quota - self.done)


def status_command(path: Path, *, store: Path, as_json: bool) -> None:
    """Print how far the study in `path` is."""
    study = load_study(path)
    opened = Store.open(store, create=False)
    results = opened.results(study)
    controller = controller_pid(opened.root / "lock")
    stages = stage_statuses(results, opened, running=controller is not None)
    outcomes = Counter(trial.outcome.value for trial in results.trials)
    best = best_of(results)
    left_s = time_left_s(results, stages)
    if as_json:
        print_json(
            {
                "study": study.name,
                "controller": controller,
                "stages": {
                    name: {"quota": one.quota, "done": one.done, "running": one.running, "left": one.left}
                    for name, one in stages.items()
                },
                "outcomes": dict(outcomes),
                "best": None if best is None else _best_object(best),
                "time_left_s": left_s,
                "notes": list(results.notes),
            }
        )
        return
    console = make_console()
    going = (
        f"running in process {controller}" if any(one.running for one in stages.values()) else "not running"
    )
    finished = not any(one.left for one in stages.values())
    console.print(f"{study.name}: {'finished' if finished else going}\n", soft_wrap=True)
    rows = table("stage", "done", "running", "left", "of", right=("done", "running", "left", "of"))
    for name, one in stages.items():
        rows.add_row(name, str(one.done), str(one.running), str(one.left), str(one.quota))
    console.print(rows)
    counts = ", ".join(f"{count} {outcome}" for outcome, count in outcomes.most_common())
    lines = [f"outcomes: {counts or 'none yet'}"]
    lines += [f"best so far: {describe(best)}"] if best else []
    lines += [f"time left: about {duration(left_s)}"] if left_s else []
    console.print("\n" + "\n".join((*lines, *results.notes)), soft_wrap=True)


def best_of(results: StudyResults) -> RunRecord | None:
    """The completed run with the best validation accuracy, finalists apart: they were chosen for theirs."""
    runs = (
        results.runs.get(trial.run) for trial in results.trials if trial.run and trial.stage != "finalists"
    )
    return best_run(run for run in runs if run is not None)


def quotas(study: Study, count: int, selected: int = 0) -> dict[Stage, int]:
    """Distinct runs that each stage wants of `count` architectures, `selected` of them finalists so far."""
    trials = min(study.trials or count, count)
    quota: dict[Stage, int] = {"search": trials}
    if study.baseline:
        quota["baseline"] = trials
    if study.finalists is not None:
        quota["finalists"] = max(selected, min(study.finalists.count, count)) * study.finalists.seeds
    return quota


def stage_statuses(results: StudyResults, store: Store, *, running: bool) -> dict[Stage, StageStatus]:
    """The stages that the study has, in order."""
    study = results.study
    notes = Notes(store.root / "studies" / study.name)
    selection = notes.selection()
    quota = quotas(study, _space_count(results), len(selection.architectures) if selection else 0)
    answered = {(trial.stage, trial.number) for trial in results.trials}
    going = Counter(one.stage for one in notes.asked() if (one.stage, one.number) not in answered)
    done = {stage: len({t.run for t in results.trials if t.stage == stage and t.run}) for stage in STAGES}
    return {
        stage: StageStatus(quota[stage], done[stage], going[stage] if running else 0)
        for stage in STAGES
        if stage in quota
    }


def is_finished(results: StudyResults, store: Store) -> bool:
    """Whether nothing is left to run, as far as the store alone can tell; False where it cannot."""
    if not results.trials or results.notes:
        return False
    stages = stage_statuses(results, store, running=False)
    selection = Notes(store.root / "studies" / results.study.name).selection()
    searched = sum(one.done for stage, one in stages.items() if stage != "finalists")
    chosen = results.study.finalists
    final = chosen is None or (
        selection is not None and (selection.runs, selection.count) == (searched, chosen.count)
    )
    return final and not any(one.left for one in stages.values())


def time_left_s(results: StudyResults, stages: dict[Stage, StageStatus]) -> float | None:
    """Estimate of the seconds that are left, from the runs made so far; None where none was."""
    took = [trial.told_at - trial.asked_at for trial in results.trials if trial.run and not trial.cached]
    left = sum(one.left for one in stages.values())
    slots = sum(one.running for one in stages.values()) or usable_cores()
    return left * sum(took) / len(took) / slots if took else None


def controller_pid(lock: Path) -> int | None:
    """The living process that holds a store's lock file; None where there is none, or it cannot be told."""
    try:
        text = lock.read_text()[:20].strip()
        process = psutil.Process(int(text))
        holds = any(Path(file.path) == lock for file in process.open_files())
    except (OSError, ValueError, psutil.Error):
        return None
    return process.pid if holds else None


def _space_count(results: StudyResults) -> int:
    run = next(iter(results.runs.values()), None)
    if run is not None:
        return results.study.space(run.key.input_shape, run.key.num_classes).count
    from vggsearch.data import describe as describe_data  # imports torch: only where no run says the shape

    info = describe_data(results.study.data.name)
    return results.study.space(info.input_shape, info.num_classes).count


def _best_object(run: RunRecord) -> dict[str, str | float | None]:
    return {"architecture": run.key.architecture, "val_accuracy": run.val_accuracy, "run": run.key.digest}
