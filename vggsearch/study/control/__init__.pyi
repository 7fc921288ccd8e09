from .conditions import Conditions as Conditions
from .controller import Controller as Controller
from .events import (
    Event as Event,
    Notice as Notice,
    Observer as Observer,
    StageEnded as StageEnded,
    StageStarted as StageStarted,
    StudyEnded as StudyEnded,
    StudyStarted as StudyStarted,
    TrialFinished as TrialFinished,
    TrialProgress as TrialProgress,
    TrialStarted as TrialStarted,
)
from .progress import (
    Planned as Planned,
    Progress as Progress,
    Running as Running,
    complete_pairs as complete_pairs,
)
from .recorded import Recorded as Recorded, read_recorded as read_recorded
from .session import Session as Session
from .stages import (
    BLIND as BLIND,
    Candidate as Candidate,
    ListedRun as ListedRun,
    ListedStage as ListedStage,
    MakeKey as MakeKey,
    Stage as Stage,
    TrialResult as TrialResult,
)
from .stopping import Stopping as Stopping
