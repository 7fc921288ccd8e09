"""Fetch a data set, with a line about it."""

import logging
import sys
from pathlib import Path

from vggsearch.data import fetch, locate


def fetch_if_absent(name: str, data_dir: Path | None) -> None:
    """Fetch a data set that is not on this machine, with a line about it on standard error."""
    if locate(name, data_dir) is None:
        print(f"{name} is not here yet: fetching it", file=sys.stderr)
        fetch_and_log(name, data_dir)


def fetch_and_log(name: str, data_dir: Path | None) -> Path:
    """Make sure that a data set is there and undamaged; replaced files are logged on standard error."""
    logging.basicConfig(format="%(message)s")  # the package logs which files it replaces
    return fetch(name, data_dir)
