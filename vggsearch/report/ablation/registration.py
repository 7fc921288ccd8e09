"""What was fixed before the first run, and what was changed after it."""

import pandas as pd

from vggsearch.designs import deviations
from vggsearch.report.ablation.findings import Ablation
from vggsearch.report.document import Block, Code, Column, Section, Table, count, note, plain, text
from vggsearch.report.shared import moment

TITLE = "Pre-registration"


def section(found: Ablation) -> Section:
    """The hash, its date, and every deviation."""
    plans = found.results.plans
    if not plans:
        why = "No plan is registered, so nothing here was fixed before it was seen."
        return Section("registration", TITLE, (note(why),))
    last = plans[-1]
    plan = last.plan
    many = len(plan.contrasts)
    blocks: list[Block] = [
        text(
            "Before the first run were fixed: the arms and their steps, ",
            f"{many} contrast{'s' if many != 1 else ''}, {plain(plan.primary)} as the primary one, "
            f"{plan.pairs} paired seeds from {plan.first_seed} on, the margin of ±{100 * plan.margin:g} "
            f"pp, α = {plan.alpha:g}, {found.words.registered}the learning rates and their "
            f"{plan.rate_seeds} seeds from {plan.first_rate_seed} on. The plan in force has the SHA-256 ",
            Code(last.digest),
            f", fixed {moment(last.at)} after {count(last.runs)} runs; data/ holds it whole.",
        ),
        *_deviations(found),
    ]
    early = early_runs(found)
    if early:
        blocks.append(
            note(
                f"{count(early)} runs began before the first plan was fixed: the ledger had them from "
                "earlier work."
            )
        )
    if len(plans) > 1:
        rows = [
            (str(i), each.digest, moment(each.at), count(each.runs), str(each.plan.pairs))
            for i, each in enumerate(plans, start=1)
        ]
        columns = (
            Column("plan"),
            Column("SHA-256", "left", code=True),
            Column("fixed", "left"),
            Column("after runs"),
            Column("pairs"),
        )
        data = pd.DataFrame(rows, columns=["plan", "digest", "fixed", "runs", "pairs"])
        blocks.append(Table("plans", "Plans", columns, rows, data, "All that were fixed, in order."))
    return Section("registration", TITLE, tuple(blocks))


def _deviations(found: Ablation) -> list[Block]:
    lines = deviations(found.results.plans)
    if not lines:
        return [text("Deviations from it: none.")]
    number = f"{len(lines)} deviation{'s' if len(lines) > 1 else ''}"
    return [
        note(f"{number} from the first plan, made when runs could be seen:"),
        *(note(plain(line, 1000)) for line in lines),
    ]


def early_runs(found: Ablation) -> int:
    """Runs for learning rates and pairs that began before the first plan was fixed."""
    plans = found.results.plans
    if not plans:
        return 0
    own = found.trials[found.trials["stage"].isin(["rates", "pairs"])].drop_duplicates("digest")
    return int((own["started_at"] < plans[0].at).sum())
