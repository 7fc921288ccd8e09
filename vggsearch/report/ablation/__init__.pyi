from .ablation_findings import find_ablation as find_ablation
from .headline import summarize_ablation as summarize_ablation
from .mistakes import arm_answers as arm_answers
from .page import ablation_report as ablation_report
