"""`vggsearch run`: a study from where it is to its end, and the few lines a person wants."""

from pathlib import Path

from vggsearch.commands import INTERRUPTED
from vggsearch.commands.cluster import named_cluster
from vggsearch.commands.conduct import conduct, named_again
from vggsearch.commands.output import make_console
from vggsearch.commands.report import print_summary, report_folder, write_and_print
from vggsearch.commands.standing import is_finished
from vggsearch.study import AblationStudy, Store, load_study


def run_command(
    path: Path,
    *,
    store: Path,
    data_dir: Path | None,
    workers: int | None,
    device: str,
    trials: int | None,
    time_limit_s: float | None,
    report: bool,
    executor: str = "local",
    address: str | None = None,
    storage: str | None = None,
) -> int:
    """Run or resume the study in `path`; returns 130 where a person stopped it, else 0."""
    study = load_study(path)
    cluster = named_cluster(executor, address)
    if trials is not None and isinstance(study, AblationStudy):
        raise study.mistake("an ablation has seeds and no trials: leave --trials out, and change `seeds`")
    study = study.with_options(trials=trials, time_limit_s=time_limit_s)
    opened = Store.open(store)
    results = opened.results(study)
    if is_finished(results, opened):
        with opened.lock():
            opened.begin(study)
        print(f"{study.name} is finished already")
        why = "finished"
    else:
        results, why = conduct(study, opened, results, device, workers, data_dir, cluster=cluster)
    again = named_again(study, store)
    if why != "finished":
        make_console().print(f"{why}; to go on: vggsearch run {again}", soft_wrap=True)
    elif report:
        write_and_print(results, report_folder(results))
    else:
        print_summary(results, f"vggsearch report {again}")
    return INTERRUPTED if why == "interrupted" else 0
