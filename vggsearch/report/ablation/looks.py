"""What the report says of planned looks: a study that tests its results several times and may stop early."""

from vggsearch.designs import Plan
from vggsearch.report.ablation.ablation_findings import AblationFindings
from vggsearch.report.document import MISSING, missing


def look_numbers(plan: Plan) -> str:
    """`6, 10 and 15` pairs."""
    *first, last = map(str, plan.looks)
    return f"{', '.join(first)} and {last}"


def looks_remark(found: AblationFindings) -> str:
    """Whether the study stopped early, or when it looks next; empty where its last look is done."""
    plan, looked = found.plan, found.looked
    if plan is None or looked is None:
        return ""
    if looked.stopped_early(plan):
        return (
            f"Stopped early, as planned: the look at {looked.wanted} pairs decided every contrast, so that "
            f"the other {plan.pairs - looked.wanted} of at most {plan.pairs} pairs were not made."
        )
    if looked.wanted == looked.last:
        return ""
    if not looked.last:
        return f"Interim: nothing is tested before the first planned look, at {looked.wanted} pairs."
    return (
        f"Interim: this is the planned look at {looked.last} pairs, and later pairs are not shown. The next "
        f"look is at {looked.wanted} of at most {plan.pairs} pairs. Intervals and tests allow for all "
        "planned looks."
    )


def looks_reading(found: AblationFindings) -> str:
    """How to read p and intervals of a study with looks, after a space; empty for other studies."""
    plan = found.plan
    if plan is None or not plan.looks:
        return ""
    return (
        f" The plan has looks at {look_numbers(plan)} pairs, and the study stops at the first that decides "
        "every contrast. Whoever looks several times finds differences that do not exist more often, so each "
        "look spends a part of the error probability: p is that of all looks so far together, stated as the "
        "level at which the test rejects, and intervals are wider than those of a study with one look."
    )


def planned_looks(plan: Plan) -> str:
    """The looks in the list of what was fixed before the first run, with a comma at the end; else empty."""
    if not plan.looks:
        return ""
    return (
        f"looks at {look_numbers(plan)} pairs, at each of which the study may stop, how α is spent on "
        "them (Lan and DeMets, Pocock’s type), "
    )


def p_at_looks(p: float, alpha: float) -> str:
    """A p of planned looks, which is a level at which the test rejects: `≤ 0.02`, `> 0.05`."""
    if missing(p):
        return MISSING
    return f"> {alpha:g}" if p > alpha else f"≤ {p:.2g}"
