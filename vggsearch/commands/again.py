"""How a command names a study again, in the line that says how to continue."""

import shlex
from pathlib import Path

from vggsearch.commands.arguments import STORE
from vggsearch.study import Study


def command_arguments(study: Study, store: Path, storage: str | None = None) -> str:
    """The arguments with which a command names the study, its store and its database."""
    options = [] if store == STORE else ["--store", str(store)]
    options += [] if storage is None else ["--storage", storage]
    return shlex.join([str(study.path), *options])
