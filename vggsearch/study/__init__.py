"""A study's file, its store and its results. Imports neither torch nor Optuna."""

from vggsearch.study.file import Study, load_study
from vggsearch.study.results import StudyResults
from vggsearch.study.store import Store

__all__ = ["Store", "Study", "StudyResults", "load_study"]
