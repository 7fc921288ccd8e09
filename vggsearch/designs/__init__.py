"""What an ablation compares, derived from a control: kernel contrasts, one factor at a time, factorials."""

from vggsearch.designs.design import CONTROL, Arm, Contrast, Design

__all__ = ["CONTROL", "Arm", "Contrast", "Design"]
