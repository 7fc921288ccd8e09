from .design import Arm as Arm, Contrast as Contrast, Design as Design, Held as Held
from .evaluation import (
    EVALUATION_PARTS as EVALUATION_PARTS,
    EvaluateOn as EvaluateOn,
    EvaluationPart as EvaluationPart,
)
from .factorials import factorial as factorial
from .factors import one_at_a_time as one_at_a_time
from .kernels import kernel_design as kernel_design
from .looks import Looks as Looks, looks_problem as looks_problem
from .plan import (
    MAX_RUNS as MAX_RUNS,
    Plan as Plan,
    PlannedArm as PlannedArm,
    PlannedContrast as PlannedContrast,
    PlannedRun as PlannedRun,
    Registration as Registration,
    RunIdentity as RunIdentity,
    deviations as deviations,
    most_runs as most_runs,
    without_rate as without_rate,
)
from .proof_of_change import Row as Row, check as check, mismatch as mismatch, proof as proof
from .rates import (
    growth_problem as growth_problem,
    rate_beyond as rate_beyond,
    rates_beyond as rates_beyond,
)
from .text import level_text as level_text
from .widths import MAX_MISMATCH as MAX_MISMATCH
