from .forecast import (
    Effort as Effort,
    detectable as detectable,
    effort_of as effort_of,
    remaining_mismatch as remaining_mismatch,
    warnings as warnings,
)
from .frames import correctness as correctness, pairs_frame as pairs_frame, rates_frame as rates_frame
from .kind import AblationKind as AblationKind
from .looking import Looked as Looked, looked as looked
from .registration import plan_lines as plan_lines, plan_object as plan_object
