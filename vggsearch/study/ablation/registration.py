"""The registered plan of an ablation, for people and for programs."""

import time

from vggsearch.designs import Registration, deviations
from vggsearch.text import Json


def plan_lines(plans: tuple[Registration, ...]) -> list[str]:
    """The digest of the plan in force, when it was registered, and changes made after the first run."""
    if not plans:
        return ["plan: none yet, the arms are measured first"]
    at = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(plans[-1].at))
    return [
        f"plan {plans[-1].digest[:12]}, registered {at}, after {plans[-1].runs} runs",
        *(f"deviation: {line}" for line in deviations(plans)),
    ]


def plan_object(plans: tuple[Registration, ...]) -> Json:
    """The same for programs."""
    if not plans:
        return None
    return {
        "digest": plans[-1].digest,
        "registered_at": plans[-1].at,
        "runs_before": plans[-1].runs,
        "deviations": list(deviations(plans)),
    }
