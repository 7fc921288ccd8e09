from .assembly import AblationAssembly as AblationAssembly
from .counting import current_plan as current_plan
from .forecast import (
    Detectable as Detectable,
    detectable as detectable,
    effort as effort,
    warnings as warnings,
)
from .frames import correctness as correctness, pairs_frame as pairs_frame, rates_frame as rates_frame
from .kind import AblationKind as AblationKind
from .registration import plan_lines as plan_lines, plan_object as plan_object
