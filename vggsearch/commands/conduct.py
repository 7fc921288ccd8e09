"""Work on a study with a display, for `vggsearch run` and `vggsearch plan`."""

import shlex
import sys
from pathlib import Path

from vggsearch.commands import ablation
from vggsearch.commands.cluster import Cluster
from vggsearch.commands.data import fetch_if_absent
from vggsearch.commands.devices import resolve_device
from vggsearch.commands.display import LiveDisplay, PlainLog
from vggsearch.commands.output import make_console
from vggsearch.commands.standing import best_of
from vggsearch.store import Store
from vggsearch.study import AblationStudy, Database, Planned, Progress, Study, StudyResults


def conduct(
    study: Study,
    store: Store,
    before: StudyResults,
    device: str,
    workers: int | None,
    data_dir: Path | None,
    *,
    train: bool = True,
    cluster: Cluster | None = None,
    database: Database | None = None,
) -> tuple[StudyResults, str]:
    """Do what is left of the study, with a display; returns what is known then, and why it ended.

    Args:
        before: What is known now.
        workers: Runs at once; None for as many as there are cores, GPUs, or places in the cluster.
        train: False stops an ablation where its plan is fixed. Its display is on standard error.
        cluster: Where runs are made, if not here.
        database: Where Optuna's copy of a search is kept, if not in the store.
    """
    fetch_if_absent(study.data.name, data_dir)
    console = make_console(None if train else sys.stderr)
    progress = _progress(study, store, before)
    display = LiveDisplay if console.is_terminal else PlainLog
    with display(console, progress) as observer:
        # Loading torch and Optuna takes seconds, in which a person already sees something.
        from vggsearch.commands.work import work

        kind = resolve_device(device)
        results = work(
            study,
            store,
            kind,
            workers,
            data_dir,
            observer,
            train=train,
            cluster=cluster,
            database=database,
        )
    return results, progress.why


def _progress(study: Study, store: Store, before: StudyResults) -> Progress:
    if not isinstance(study, AblationStudy):
        return Progress(expected_run_s=study.budget.seconds, best=best_of(before), study=study.name)

    def read_plan() -> Planned | None:
        plans = store.plans(study.name).read()
        return ablation.planned(plans[-1].plan) if plans else None

    return Progress(
        expected_run_s=study.budget.seconds,
        study=study.name,
        read_plan=read_plan,
        trials=list(before.trials),
    )


def named_again(study: Study, store: Path, database: Database | None = None) -> str:
    """The study, its store and its database as the next command has to name them; a password is not shown."""
    options = [] if store == Path(".vggsearch") else ["--store", str(store)]
    options += [] if database is None else ["--storage", str(database)]
    return shlex.join([str(study.path), *options])
