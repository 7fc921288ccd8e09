"""`vggsearch doctor`: what could stop a study here, and what to do about it; `--repair` repairs a store."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from vggsearch.commands.arguments import STORE as STORE_FOLDER, DataFolder, Json, StoreFolder
from vggsearch.commands.doctor.check import Check, counted, printable
from vggsearch.commands.doctor.data import check_data
from vggsearch.commands.doctor.libraries import check_libraries
from vggsearch.commands.doctor.machine import check_disk, check_machine
from vggsearch.commands.doctor.store import check_store, described, lacking
from vggsearch.commands.output import print_json
from vggsearch.display import make_console
from vggsearch.errors import StoreError
from vggsearch.store import Problem, Repair, Store, Survey, repair as repair_store, survey
from vggsearch.study import controller_pid

SHOWN = 5
"""Lines about things of one kind; the rest is counted, and listed by --json."""

LIBRARIES = "libraries"
STORE = "store"
STYLES = {"ok": "green", "note": "yellow", "wrong": "bold red"}


def command(
    store: StoreFolder = STORE_FOLDER,
    data_dir: DataFolder = None,
    repair: Annotated[
        bool, typer.Option("--repair", help="Mend the store, after a copy of what is changed in it.")
    ] = False,
    speed: Annotated[
        bool, typer.Option("--speed", help="Measure how fast this processor trains, and nothing else.")
    ] = False,
    json: Json = False,
) -> None:
    """Look for what could stop a study here.

    The exit status is 1 where something is wrong.
    """
    if speed:
        # Imports torch, which the other checks may find to be broken.
        from vggsearch.commands.doctor.speed import print_speeds

        print_speeds(as_json=json)
        return
    sound = _repair(store, as_json=json) if repair else _look(store, data_dir, as_json=json)
    raise typer.Exit(0 if sound else 1)


def _look(store: Path, data_dir: Path | None, *, as_json: bool) -> bool:
    """Print every check; whether nothing is wrong."""
    groups = _groups(store, data_dir)
    checks = [check for group in groups.values() for check in group]
    wrong = sum(check.state == "wrong" for check in checks)
    if as_json:
        print_json({"ok": not wrong, "checks": [asdict(check) for check in checks]})
        return not wrong
    console = make_console()
    for title, group in groups.items():
        heading = f"{title} {store}" if title == STORE else title
        console.print(printable(heading), style="bold", soft_wrap=True)
        _print(console, _in_one(group) if title == LIBRARIES else _shortened(group))
        console.print()
    console.print(f"{wrong} of {len(checks)} checks found something wrong" if wrong else "nothing is wrong")
    return not wrong


def _groups(path: Path, data_dir: Path | None) -> dict[str, list[Check]]:
    """Every check, under its title."""
    found, root = _survey(path), path.absolute()
    if isinstance(found, Check):
        used, of_store = [], [found]
    else:
        used = [study.data for study in found.studies]
        of_store = list(check_store(root, found, controller_pid(Store(root).layout.lock)))
    return {
        LIBRARIES: list(check_libraries()),
        "machine": [*check_machine(), *check_disk(path)],
        "data": list(check_data(used, data_dir)),
        STORE: of_store,
    }


def _survey(path: Path) -> Survey | Check:
    """What is in the store; a check where there is none."""
    root = path.absolute()
    try:
        names = {entry.name for entry in root.iterdir()}
    except FileNotFoundError:
        return Check("store", "ok", "not made yet")
    except NotADirectoryError:
        return Check("store", "wrong", "a store is a folder, and this is none: name another --store")
    except OSError as error:
        return Check("store", "wrong", f"cannot be read ({error.strerror}): fix its permissions")
    if not names & {"ledger", "studies"}:
        return Check("store", "ok", "no runs in it yet")
    return survey(root, time.time())


def _repair(path: Path, *, as_json: bool) -> bool:
    """Repair the store and print what was done; whether nothing is left to repair."""
    found, root = _survey(path), path.absolute()
    if isinstance(found, Check):
        raise StoreError(f"store {path}: {found.text.partition(':')[0]}: there is nothing to repair")
    done = repair_store(root)
    next_steps = [lacking(study) for study in done.studies if study.absent]
    if as_json:
        print_json(
            {
                "ok": not done.left,
                "backup": None if done.backup is None else str(done.backup),
                "moved": [_json(problem) for problem in done.moved],
                "leftovers_cleared": done.leftovers,
                "checkpoints_cleared": done.checkpoints,
                "left": [_json(problem) for problem in done.left],
                "next": next_steps,
            }
        )
    else:
        console = make_console()
        for line in (*_lines(root, done), *(f"next: {step}" for step in next_steps)):
            console.print(printable(line), soft_wrap=not console.is_terminal)
    return not done.left


def _lines(root: Path, done: Repair) -> Iterator[str]:
    """What was done, and what is left, each in a line."""
    for problem in done.moved:
        yield f"moved {problem.path}: {problem.reason}"
    if done.backup is not None:
        count = len(done.moved)
        yield f"{counted(count, 'item')} {'is' if count == 1 else 'are'} now in {done.backup}"
    if done.leftovers:
        yield f"removed {counted(done.leftovers, 'leftover')} of interrupted writes"
    if done.checkpoints:
        yield f"removed the checkpoints of {counted(done.checkpoints, 'finished run')}"
    for problem in done.left:
        yield f"left: {described(problem, root)}"
    if not done.anything and not done.left:
        yield f"store {root}: nothing is wrong, and nothing was changed"


def _json(problem: Problem) -> dict[str, str]:
    return {"kind": problem.kind, "path": str(problem.path), "reason": problem.reason}


def _in_one(checks: list[Check]) -> Iterator[Check]:
    """Python, the sound libraries in one line, and every other."""
    python, *rest = checks
    yield python
    good = [f"{check.name} {check.text}" for check in rest if check.state == "ok"]
    if good:
        more = f" and {len(good) - SHOWN} more" if len(good) > SHOWN else ""
        yield Check(LIBRARIES, "ok", f"{', '.join(good[:SHOWN])}{more}, new enough")
    yield from (check for check in rest if check.state != "ok")


def _shortened(checks: list[Check]) -> Iterator[Check]:
    """At most `SHOWN` lines of one name and state."""
    for (name, state), same in groupby(checks, key=lambda check: (check.name, check.state)):
        group = list(same)
        yield from group[:SHOWN]
        if len(group) > SHOWN:
            yield Check(name, state, f"… and {len(group) - SHOWN} more, which --json lists")


def _print(console: Console, checks: Iterable[Check]) -> None:
    """A line each; on a terminal the text is wrapped beside the name."""
    rows = Table.grid(padding=(0, 2, 0, 0))
    for check in checks:
        cells = Text(f"  {check.state:<5}", STYLES[check.state]), Text(f"{check.name:<11}"), Text(check.text)
        rows.add_row(*cells)
        if not console.is_terminal:
            console.print(Text("  ").join(cells), soft_wrap=True)
    if console.is_terminal:
        console.print(rows)
