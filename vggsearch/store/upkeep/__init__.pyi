from .problems import Finding as Finding, Kind as Kind, StudyFound as StudyFound, Survey as Survey
from .repairs import Repair as Repair, repair as repair
from .walk import survey as survey
