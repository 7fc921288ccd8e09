from .ablation import (
    CALIBRATION_ROUNDS as CALIBRATION_ROUNDS,
    AblationAssembly as AblationAssembly,
    correctness as correctness,
    pairs_frame as pairs_frame,
    rates_frame as rates_frame,
)
from .control import (
    ABLATION as ABLATION,
    Conditions as Conditions,
    Event as Event,
    Notice as Notice,
    Observer as Observer,
    Planned as Planned,
    Progress as Progress,
    Running as Running,
    Stopping as Stopping,
    StudyEnded as StudyEnded,
    StudyStarted as StudyStarted,
    TrialFinished as TrialFinished,
    best_run as best_run,
    complete_pairs as complete_pairs,
)
from .file import (
    AblationStudy as AblationStudy,
    SearchStudy as SearchStudy,
    Study as Study,
    load_study as load_study,
    parse_study as parse_study,
)
from .results import StudyResults as StudyResults, read_results as read_results
from .run import run_study as run_study
from .search import Database as Database, parse_storage as parse_storage
