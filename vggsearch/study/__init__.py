"""Studies: the file that asks, the store that keeps, the results that answer. Neither torch nor Optuna
here."""

from vggsearch.study.file import Study, load_study
from vggsearch.study.results import StudyResults
from vggsearch.study.store import Store

__all__ = ["Store", "Study", "StudyResults", "load_study"]
