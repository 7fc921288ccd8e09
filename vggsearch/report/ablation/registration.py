"""What was fixed before the first run, and what was changed after it."""

from collections.abc import Iterator

import pandas as pd

from vggsearch.designs import deviations
from vggsearch.report.ablation.ablation_findings import AblationFindings
from vggsearch.report.ablation.looks import planned_looks
from vggsearch.report.document import (
    Block,
    Code,
    Table,
    count,
    number_column,
    paragraph,
    plain,
    remark,
    section,
    text_column,
)
from vggsearch.report.shared import moment


@section("registration", "Pre-registration")
def registration_section(found: AblationFindings) -> Iterator[Block]:
    """The hash of the plan, its date, and every deviation."""
    plans = found.results.plans
    if not plans:
        yield remark("No plan is registered, so nothing here was fixed before it was seen.")
        return
    last = plans[-1]
    plan, many = last.plan, len(last.plan.contrasts)
    splits = "a split of its own for each pair, " if plan.pair_data else ""
    growth = f", at most {plan.rate_growth} more at an end of the grid," if plan.rate_growth else ""
    yield paragraph(
        "Fixed before the first run were: the arms and their steps, "
        f"{many} contrast{'s' if many != 1 else ''}, {plain(plan.primary)} as the primary one, "
        f"{'at most ' if plan.looks else ''}{plan.pairs} paired seeds from {plan.first_seed} on, "
        f"{planned_looks(plan)}the margin of ±{100 * plan.margin:g} "
        f"pp, α = {plan.alpha:g}, {found.wording.registered}{splits}the learning rates{growth} and their "
        f"{plan.rate_seeds} seeds from {plan.first_rate_seed} on. The plan in force has the SHA-256 ",
        Code(last.digest),
        f". It was fixed {moment(last.at)} after {count(last.runs)} runs; data/ holds all of it.",
    )
    yield from _deviations(found)
    early = early_runs(found)
    if early:
        yield remark(
            f"{count(early)} runs began before the first plan was fixed; the ledger had them before."
        )
    if len(plans) > 1:
        rows = [
            (str(i), each.digest, moment(each.at), count(each.runs), str(each.plan.pairs))
            for i, each in enumerate(plans, start=1)
        ]
        columns = [
            number_column("plan", "plan", str),
            text_column("SHA-256", "digest", str, code=True),
            text_column("fixed", "fixed", str),
            number_column("after runs", "runs", str),
            number_column("pairs", "pairs", str),
        ]
        data = pd.DataFrame(rows, columns=[column.fields[0] for column in columns])
        yield Table("plans", "Plans", columns, data, "All registered plans, in order.")


def _deviations(found: AblationFindings) -> Iterator[Block]:
    lines = deviations(found.results.plans)
    if not lines:
        yield paragraph("Deviations from it: none.")
        return
    number = f"{len(lines)} deviation{'s' if len(lines) > 1 else ''}"
    yield remark(f"{number} from the first plan, made when runs could be seen:")
    yield from (remark(plain(line, 1000)) for line in lines)


def early_runs(found: AblationFindings) -> int:
    """Runs for learning rates and pairs that began before the first plan was fixed."""
    plans = found.results.plans
    if not plans:
        return 0
    own = found.trials[found.trials["stage"].isin(["rates", "pairs"])].drop_duplicates("digest")
    return int((own["started_at"] < plans[0].at).sum())
