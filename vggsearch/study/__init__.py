"""A study's file, its store and its results. Imports neither torch nor Optuna."""

from vggsearch.study.ablation_file import AblationStudy
from vggsearch.study.definition import Study
from vggsearch.study.file import load_study
from vggsearch.study.results import StudyResults
from vggsearch.study.search_file import SearchStudy
from vggsearch.study.store import Store

__all__ = ["AblationStudy", "SearchStudy", "Store", "Study", "StudyResults", "load_study"]
