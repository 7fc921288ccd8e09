from .problems import (
    Problem as Problem,
    ProblemKind as ProblemKind,
    StudySurvey as StudySurvey,
    Survey as Survey,
)
from .repairs import Repair as Repair, repair as repair
from .walk import survey as survey
