"""`vggsearch status`: how far a study is, from its store alone; also while another process runs it."""

import time
from collections import Counter
from pathlib import Path

from vggsearch.commands import ablation
from vggsearch.commands.display import describe
from vggsearch.commands.output import Json, duration, make_console, print_json, table
from vggsearch.commands.standing import best_of, controller_pid, stage_statuses, time_left_s
from vggsearch.designs import Registration, deviations
from vggsearch.runs import RunRecord
from vggsearch.store import Store
from vggsearch.study import AblationStudy, StudyResults, load_study, read_results


def status_command(path: Path, *, store: Path, as_json: bool) -> None:
    """Print how far the study in `path` is."""
    study = load_study(path)
    opened = Store.open(store, create=False)
    results = read_results(opened, study)
    controller = controller_pid(opened.layout.lock)
    stages = stage_statuses(results, opened, running=controller is not None)
    outcomes = Counter(trial.outcome.value for trial in results.trials)
    left_s = time_left_s(results, opened, stages)
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
                **_found(results),
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
    lines = [f"outcomes: {counts or 'none yet'}", *_found_lines(results)]
    lines += [f"time left: about {duration(left_s)}"] if left_s else []
    console.print("\n" + "\n".join((*lines, *results.notes)), soft_wrap=True)


def plan_lines(plans: tuple[Registration, ...]) -> list[str]:
    """The hash of the plan in force, when it was fixed, and what was changed since runs were made."""
    if not plans:
        return ["plan: none yet, the arms are measured first"]
    at = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(plans[-1].at))
    return [
        f"plan {plans[-1].digest[:12]}, registered {at}, after {plans[-1].runs} runs",
        *(f"deviation: {line}" for line in deviations(plans)),
    ]


def plan_object(plans: tuple[Registration, ...]) -> Json:
    """The same for programs."""
    if not plans:
        return None
    return {
        "digest": plans[-1].digest,
        "registered_at": plans[-1].at,
        "runs_before": plans[-1].runs,
        "deviations": list(deviations(plans)),
    }


def _found(results: StudyResults) -> dict[str, Json]:
    """A search has a best run; of an ablation nothing is told before its end but how many pairs there are."""
    if isinstance(results.study, AblationStudy):
        return {
            **results.study.part.recorded,
            "plan": plan_object(results.plans),
            "pairs_complete": ablation.pairs_complete(results),
        }
    best = best_of(results)
    return {"best": None if best is None else _best_object(best)}


def _found_lines(results: StudyResults) -> list[str]:
    if isinstance(results.study, AblationStudy):
        complete = f"pairs complete: {ablation.pairs_complete(results)} of {results.study.seeds}"
        return [complete, *results.study.part.notice, *plan_lines(results.plans)]
    best = best_of(results)
    return [f"best so far: {describe(best)}"] if best else []


def _best_object(run: RunRecord) -> dict[str, str | float | None]:
    return {"architecture": run.key.architecture, "val_accuracy": run.val_accuracy, "run": run.key.digest}
