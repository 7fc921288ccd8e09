"""What an ablation compares, derived from a control: kernel contrasts, one factor at a time, factorials."""

from vggsearch.designs.design import CONTROL, Arm, Contrast, Design
from vggsearch.designs.factorial import factorial
from vggsearch.designs.factors import one_at_a_time
from vggsearch.designs.kernels import KERNEL_CONTRASTS, kernel_design
from vggsearch.designs.proof import Row, check, mismatch, proof

__all__ = [
    "CONTROL",
    "KERNEL_CONTRASTS",
    "Arm",
    "Contrast",
    "Design",
    "Row",
    "check",
    "factorial",
    "kernel_design",
    "mismatch",
    "one_at_a_time",
    "proof",
]
