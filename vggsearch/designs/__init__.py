"""What an ablation compares, derived from a control: kernel contrasts, one factor at a time, factorials."""

from vggsearch.designs.design import CONTROL, Arm, Contrast, Design
from vggsearch.designs.factorial import cell_name, factorial
from vggsearch.designs.factors import FACTORS, one_at_a_time, with_level
from vggsearch.designs.kernels import KERNEL_CONTRASTS, kernel_design
from vggsearch.designs.proof import Row, check, mismatch, proof
from vggsearch.designs.text import Level, shown
from vggsearch.designs.widths import match_width

__all__ = [
    "CONTROL",
    "FACTORS",
    "KERNEL_CONTRASTS",
    "Arm",
    "Contrast",
    "Design",
    "Level",
    "Row",
    "cell_name",
    "check",
    "factorial",
    "kernel_design",
    "match_width",
    "mismatch",
    "one_at_a_time",
    "proof",
    "shown",
    "with_level",
]
