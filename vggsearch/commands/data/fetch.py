"""`vggsearch data fetch`: get a data set."""

from vggsearch.commands.arguments import DataFolder, DataName
from vggsearch.display import fetch_and_log


def command(name: DataName, data_dir: DataFolder = None) -> None:
    """Get a data set unless it is there, and verify it."""
    print(f"{name}: verified in {fetch_and_log(name, data_dir)}")
