from .ablation import (
    Effort as Effort,
    Looked as Looked,
    correctness as correctness,
    detectable as detectable,
    effort_of as effort_of,
    looked as looked,
    pairs_frame as pairs_frame,
    plan_lines as plan_lines,
    plan_object as plan_object,
    rates_frame as rates_frame,
    remaining_mismatch as remaining_mismatch,
    warnings as warnings,
)
from .chosen import choose_run as choose_run
from .control import (
    BLIND as BLIND,
    Conditions as Conditions,
    Event as Event,
    Notice as Notice,
    Observer as Observer,
    Progress as Progress,
    Running as Running,
    Session as Session,
    StageEnded as StageEnded,
    StageStarted as StageStarted,
    Stopping as Stopping,
    StudyEnded as StudyEnded,
    StudyStarted as StudyStarted,
    TrialFinished as TrialFinished,
    TrialProgress as TrialProgress,
    TrialStarted as TrialStarted,
)
from .file import (
    SAMPLERS as SAMPLERS,
    SHIPPED as SHIPPED,
    AblationStudy as AblationStudy,
    SearchStudy as SearchStudy,
    Study as Study,
    TableStudy as TableStudy,
    define_study as define_study,
    load_study as load_study,
    parse_study as parse_study,
    shipped_source as shipped_source,
    study_schema as study_schema,
)
from .kept_images import KeptImages as KeptImages
from .kind import StageStatus as StageStatus
from .kinds import kind_of as kind_of
from .resources import (
    Resources as Resources,
    check_batch as check_batch,
    examine as examine,
    launch as launch,
)
from .results import StudyResults as StudyResults, describe as describe, read_results as read_results
from .run import run_study as run_study
from .search import beliefs as beliefs, parse_storage as parse_storage
from .single import SingleRun as SingleRun
from .status import (
    as_last_asked as as_last_asked,
    controller_pid as controller_pid,
    is_finished as is_finished,
    stage_statuses as stage_statuses,
    time_left_s as time_left_s,
    weights_status as weights_status,
)
from .table import table_runs as table_runs
