"""A store, as `vggsearch.store.upkeep.walk` found it, in a person's words."""

import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path

from vggsearch.commands.checks.check import Check, plain
from vggsearch.text import size
from vggsearch.study.status import controller_pid
from vggsearch.store import Finding, Kind, Store, StudyFound, Survey

DEFAULT = Path(".vggsearch")
"""The store that commands use where they are told of none."""

_AGAIN: Mapping[Kind, str] = {
    "record": "its run is made again",
    "trial": "it is asked again, and answered by its run",
    "notes": "what it held is asked or selected again",
    "study": "the study writes it again when it goes on, with its file as it was",
    "database": "the next search makes it again from the trials",
    "checkpoint": "its run goes on from the one before, or from its beginning",
}
"""What comes after `vggsearch doctor --repair` moved it aside."""

_BY_HAND: Mapping[Kind, str] = {
    "plan": "it shows that the plan was fixed before the runs, and nothing else does: bring it back from a "
    "backup of yours; without one, move it away by hand, and every report will say after how many runs the "
    "plan was registered anew",
    "token": "a shared database knows this store by it: bring it back from a backup of yours, or delete it, "
    "and the store's studies in that database, which are made again",
    "link": "what is behind it may be used, and is neither checked nor mended: put the thing itself there",
    "foreign": "nothing reads it, and it is left alone",
}


def check_store(store: Store, found: Survey, controller: int | None) -> Iterator[Check]:
    """What is in it, who works in it, what is wrong, then what is worth knowing."""
    named = ", ".join(study.name for study in found.studies[:5]) + (", …" if len(found.studies) > 5 else "")
    word = "study" if len(found.studies) == 1 else "studies"
    yield Check("store", "ok", counted(found.runs, "run") + (f", {word} {named}" if named else ""))
    works = "none works here" if controller is None else f"process {controller} works here"
    yield Check("controller", "ok", f"{works}; one at a time may")
    yield from (_check(finding, store) for finding in found.findings if finding.wrong)
    yield from _database(found, controller)
    yield from _checkpoints(found, controller)
    yield from map(missing, (study for study in found.studies if study.absent and controller is None))
    count = len(found.leftovers)
    if count and controller is None:
        text = f"{counted(count, 'leftover')} of interrupted writes"
        yield Check(
            "leftovers", "note", f"{text}: cleared away when a study goes on, or by {repair_command(store)}"
        )
    if found.future:
        what = "file or moment in a record is" if found.future == 1 else "files or moments in records are"
        text = f"{found.future} {what} later than now"
        yield Check("clock", "note", f"{text}: set this machine's clock, or times in reports are wrong")
    yield from (_check(finding, store) for finding in found.findings if not finding.wrong)


def _check(finding: Finding, store: Store) -> Check:
    return Check(finding.kind, "wrong" if finding.wrong else "note", described(finding, store))


def described(finding: Finding, store: Store) -> str:
    """A finding, and what to do about it."""
    what = plain(f"{finding.path}: {finding.reason}")
    if finding.kind == "unreadable":
        mended = shlex.join(["chmod", "-R", "u+rwX", str(store.root / finding.path)])
        return f"{what}: `{plain(mended)}` mends that where it is yours"
    if finding.kind in _BY_HAND:
        return f"{what}: {_BY_HAND[finding.kind]}"
    if finding.path.parts in (("lock",), ("ledger",)):  # without them nobody can take the store's lock
        return f"{what}: move it away by hand"
    after = _AGAIN.get(finding.kind)
    return f"{what}: {repair_command(store)} moves it aside" + (f", and {after}" if after else "")


def missing(study: StudyFound) -> Check:
    """The runs that a study lacks."""
    count = len(study.absent)
    text = f"{study.name} lacks {counted(count, 'run')} of its trials, absent or damaged"
    return Check(
        "runs", "note", f"{text}: run the study again, and {'it is' if count == 1 else 'they are'} made again"
    )


def repair_command(store: Store) -> str:
    """What mends `store`."""
    named = [] if store.root == DEFAULT.absolute() else ["--store", str(store.root)]
    return f"`{plain(shlex.join(['vggsearch', 'doctor', '--repair', *named]))}`"


def controller_of(store: Store) -> int | None:
    """The process that holds the store's lock on this machine; None where there is none."""
    lock = store.root / "lock"
    try:
        if lock.is_symlink() or not lock.is_file() or lock.stat().st_size > 20:
            return None
    except OSError:
        return None
    return controller_pid(lock)


def _database(found: Survey, controller: int | None) -> Iterator[Check]:
    database = found.database
    if database.state == "unknown":
        yield Check("database", "note", f"optuna.db could not be checked ({plain(database.reason)})")
    elif database.state == "absent" and any(study.searched for study in found.studies):
        text = "optuna.db is absent: the next search makes it again"
        yield Check("database", "note", f"{text}, unless --storage keeps Optuna's part elsewhere")
    elif database.running and controller is None:
        text = f"optuna.db calls {counted(database.running, 'trial')} running, and none is"
        yield Check("database", "note", f"{text}: run the study again, and it goes on with them")
    elif database.state == "sound":
        yield Check("database", "ok", "optuna.db is sound")


def _checkpoints(found: Survey, controller: int | None) -> Iterator[Check]:
    held = found.checkpoints
    count = len(held.interrupted)
    if count:
        going = "interrupted" if controller is None else "unfinished"
        text = f"{counted(count, f'{going} run')} can go on from {size(held.interrupted_bytes)}"
        yield Check("checkpoints", "ok", text)
    count = len(held.finished)
    if count and controller is None:
        text = f"{counted(count, 'finished run')} left {size(held.finished_bytes)}"
        yield Check("checkpoints", "note", f"{text}: cleared away when a study goes on")


def counted(count: int, word: str) -> str:
    """`1 run`, `2 runs`."""
    return f"{count} {word}" if count == 1 else f"{count} {word}s"
