"""`vggsearch run`: a study from where it is to its end, and the few lines a person wants."""

from pathlib import Path

from vggsearch.commands.arguments import INTERRUPTED
from vggsearch.commands.cluster import named_cluster
from vggsearch.commands.conduct import conduct, named_again
from vggsearch.commands.output import make_console
from vggsearch.commands.report import print_summary, report_folder, write_and_print
from vggsearch.commands.standing import is_finished
from vggsearch.store import Store
from vggsearch.study import AblationStudy, Database, Study, load_study, parse_storage, read_results


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
    if storage is not None and isinstance(study, AblationStudy):
        raise study.mistake("an ablation has no part that Optuna keeps: leave --storage out")
    study = study.with_options(trials=trials, time_limit_s=time_limit_s)
    database = None if storage is None else parse_storage(storage)
    if database is not None:
        database.check()
    opened = Store.open(store)
    results = read_results(opened, study)
    if is_finished(results, opened) and not _lacks_copy(study, opened, database):
        with opened.lock():
            opened.begin(study)
        print(f"{study.name} is finished already")
        why = "finished"
    else:
        results, why = conduct(
            study, opened, results, device, workers, data_dir, cluster=cluster, database=database
        )
    again = named_again(study, store)
    if why != "finished":
        command = f"vggsearch run {named_again(study, store, database)}"
        make_console().print(f"{why}; to go on: {command}", soft_wrap=True)
    elif report:
        write_and_print(results, report_folder(results))
    else:
        print_summary(results, f"vggsearch report {again}")
    return INTERRUPTED if why == "interrupted" else 0


def _lacks_copy(study: Study, store: Store, database: Database | None) -> bool:
    """Whether Optuna's copy of a search is gone from the store, or to be brought up to date elsewhere."""
    if isinstance(study, AblationStudy):
        return False
    return database is not None or not store.layout.optuna.exists()
