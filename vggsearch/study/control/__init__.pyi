from .conditions import Conditions as Conditions
from .controller import Controller as Controller
from .events import (
    Event as Event,
    Notice as Notice,
    Observer as Observer,
    StudyEnded as StudyEnded,
    StudyStarted as StudyStarted,
    TrialFinished as TrialFinished,
)
from .progress import (
    Planned as Planned,
    Progress as Progress,
    Running as Running,
    complete_pairs as complete_pairs,
)
from .session import Session as Session
from .stages import (
    BLIND as BLIND,
    Candidate as Candidate,
    Job as Job,
    ListedStage as ListedStage,
    MakeKey as MakeKey,
    Stage as Stage,
    Told as Told,
    first_free as first_free,
)
from .stopping import Stopping as Stopping
