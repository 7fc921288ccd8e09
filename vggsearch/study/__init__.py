"""A study's file, its store and its results. Imports neither torch nor Optuna."""

from vggsearch.store.store import Store
from vggsearch.study.file.ablation import AblationStudy
from vggsearch.study.file.base import Study
from vggsearch.study.file.load import load_study
from vggsearch.study.file.search import SearchStudy
from vggsearch.study.results import StudyResults

__all__ = ["AblationStudy", "SearchStudy", "Store", "Study", "StudyResults", "load_study"]
