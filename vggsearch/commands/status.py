"""`vggsearch status`: how far a study is, from its store alone, even while another process runs it."""

from collections import Counter

from vggsearch.commands.arguments import STORE, Json, StoreFolder, StudyFile
from vggsearch.commands.output import print_json
from vggsearch.display import make_console, table
from vggsearch.execution import usable_cores
from vggsearch.store import Store
from vggsearch.study import (
    as_last_asked,
    controller_pid,
    kind_of,
    load_study,
    read_results,
    stage_statuses,
    time_left_s,
)
from vggsearch.text import duration


def command(file: StudyFile, store: StoreFolder = STORE, json: Json = False) -> None:
    """Show how far a study is.

    Reads the store only, so it works while the study runs.
    """
    opened = Store.open(store)
    study = as_last_asked(load_study(file), opened)
    results = read_results(opened, study)
    controller = controller_pid(opened.root / "lock")
    stages = stage_statuses(results, opened, running=controller is not None)
    outcomes = Counter(trial.outcome.value for trial in results.trials)
    left_s = time_left_s(results, opened, stages, usable_cores())
    kind = kind_of(study)
    if json:
        print_json(
            {
                "study": study.name,
                "controller": controller,
                "stages": {
                    name: {"quota": one.quota, "done": one.done, "running": one.running, "left": one.left}
                    for name, one in stages.items()
                },
                "outcomes": dict(outcomes),
                **kind.summary(study, results),
                "time_left_s": left_s,
                "notes": list(results.notes),
            }
        )
        return
    console = make_console()
    running = any(one.running for one in stages.values())
    finished = not any(one.left for one in stages.values())
    state = "finished" if finished else f"running in process {controller}" if running else "not running"
    console.print(f"{study.name}: {state}\n", soft_wrap=True)
    rows = table("stage", "done", "running", "left", "of", right=("done", "running", "left", "of"))
    for name, one in stages.items():
        rows.add_row(name, str(one.done), str(one.running), str(one.left), str(one.quota))
    console.print(rows)
    counts = ", ".join(f"{count} {outcome}" for outcome, count in outcomes.most_common())
    lines = [f"outcomes: {counts or 'none yet'}", *kind.summary_lines(study, results)]
    lines += [f"time left: about {duration(left_s)}"] if left_s else []
    console.print("\n" + "\n".join((*lines, *results.notes)), soft_wrap=True)
