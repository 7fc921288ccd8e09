"""A store: its survey in a person's words, and what to do about each problem."""

import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path

from vggsearch.commands.arguments import STORE
from vggsearch.commands.doctor.check import Check, counted
from vggsearch.store import Problem, ProblemKind, StudySurvey, Survey
from vggsearch.text import size

_AGAIN: Mapping[ProblemKind, str] = {
    "record": "its run is made again",
    "trial": "it is asked again, and answered by its run",
    "state": "its content is asked for or selected again",
    "study": "the study writes it again when it goes on, with its file as it was",
    "database": "the next search makes it again from the trials",
    "weights": "no record is lost: `vggsearch runs show` says of a run how its weights are made again",
    "checkpoint": "its run goes on from the one before, or from its beginning",
}
"""What happens after `vggsearch doctor --repair` moved it."""

_BY_HAND: Mapping[ProblemKind, str] = {
    "plan": "only this file shows that the plan was fixed before the runs: bring it back from a backup of "
    "yours; without one, move it away by hand, and every report will say after how many runs the plan was "
    "registered anew",
    "token": "it identifies this store in a shared database: bring it back from a backup of yours, or delete "
    "it and the store's studies in that database, which are made again",
    "link": "its target may be used, and is neither checked nor repaired: put the target itself there",
    "foreign": "nothing reads it, and it is left alone",
}


def check_store(root: Path, found: Survey, controller: int | None) -> Iterator[Check]:
    """Its content, the process that works in it, what is wrong, then what is worth knowing."""
    named = ", ".join(study.name for study in found.studies[:5]) + (", …" if len(found.studies) > 5 else "")
    word = "study" if len(found.studies) == 1 else "studies"
    yield Check("store", "ok", counted(found.runs, "run") + (f", {word} {named}" if named else ""))
    works = "none works here" if controller is None else f"process {controller} works here"
    yield Check("controller", "ok", f"{works}; one at a time may")
    checks = [
        Check(one.kind, "wrong" if one.wrong else "note", described(one, root)) for one in found.problems
    ]
    yield from (check for check in checks if check.state == "wrong")
    yield from _database(found, controller)
    yield from _checkpoints(found, controller)
    yield from _weights(found)
    lacks = [lacking(study) for study in found.studies if study.absent and controller is None]
    yield from (Check("runs", "note", text) for text in lacks)
    yield from (Check("runs", "wrong", crashed(study)) for study in found.studies if study.crashed)
    count = len(found.leftovers)
    if count and controller is None:
        text = f"{counted(count, 'leftover')} of interrupted writes"
        yield Check(
            "leftovers", "note", f"{text}: removed when a study goes on, or by {repair_command(root)}"
        )
    if found.future:
        what = "file or moment in a record is" if found.future == 1 else "files or moments in records are"
        text = f"{found.future} {what} later than now"
        yield Check("clock", "note", f"{text}: set this machine's clock, or times in reports are wrong")
    yield from (check for check in checks if check.state == "note")


def described(problem: Problem, root: Path) -> str:
    """A problem of the store at `root`, and what to do about it."""
    what = f"{problem.path}: {problem.reason}"
    if problem.kind == "unreadable":
        return f"{what}: `{shlex.join(['chmod', '-R', 'u+rwX', str(root / problem.path)])}` gives them"
    if problem.kind in _BY_HAND:
        return f"{what}: {_BY_HAND[problem.kind]}"
    if problem.path.parts in (("lock",), ("ledger",)):  # without them nobody can take the store's lock
        return f"{what}: move it away by hand"
    after = _AGAIN.get(problem.kind)
    return f"{what}: {repair_command(root)} moves it to a backup" + (f", and {after}" if after else "")


def crashed(study: StudySurvey) -> str:
    """The runs of a study that crashed although it wants all of them, and how they are made again."""
    return (
        f"{study.name}: {counted(study.crashed, 'run')} crashed that the study cannot do without: remove the "
        "cause, which vggsearch status names, and run the study again"
    )


def lacking(study: StudySurvey) -> str:
    """The runs that a study lacks, and how they are made again."""
    count = len(study.absent)
    return (
        f"{study.name} lacks {counted(count, 'run')} of its trials, absent or damaged: run the study again, "
        f"and {'it is' if count == 1 else 'they are'} made again"
    )


def repair_command(root: Path) -> str:
    """The command that repairs the store at `root`."""
    named = [] if root == STORE.absolute() else ["--store", str(root)]
    return f"`{shlex.join(['vggsearch', 'doctor', '--repair', *named])}`"


def _database(found: Survey, controller: int | None) -> Iterator[Check]:
    database = found.database
    if database.state == "unknown":
        yield Check("database", "note", f"optuna.db could not be checked ({database.reason})")
    elif database.state == "absent" and any(study.searched for study in found.studies):
        text = "optuna.db is absent: the next search makes it again"
        yield Check("database", "note", f"{text}, unless --storage keeps Optuna's copy elsewhere")
    elif database.running and controller is None:
        text = f"optuna.db marks {counted(database.running, 'trial')} as running, and none is"
        yield Check("database", "note", f"{text}: run the study again, and it goes on with them")
    elif database.state == "sound":
        yield Check("database", "ok", "optuna.db is sound")


def _checkpoints(found: Survey, controller: int | None) -> Iterator[Check]:
    held = found.checkpoints
    count = len(held.interrupted)
    if count:
        adjective = "interrupted" if controller is None else "unfinished"
        text = f"{counted(count, f'{adjective} run')} can go on from {size(held.interrupted_bytes)}"
        yield Check("checkpoints", "ok", text)
    count = len(held.finished)
    if count and controller is None:
        text = f"{counted(count, 'finished run')} left {size(held.finished_bytes)}"
        yield Check("checkpoints", "note", f"{text}: removed when a study goes on")


def _weights(found: Survey) -> Iterator[Check]:
    held = found.weights
    if held.files:
        yield Check("weights", "ok", f"{counted(held.files, 'net')}, {size(held.bytes)}")
    if held.lost:
        text = f"those of {counted(held.lost, 'net')} are absent or damaged, which costs no record"
        yield Check("weights", "note", f"{text}: `vggsearch runs show` says of a run how they are made again")
