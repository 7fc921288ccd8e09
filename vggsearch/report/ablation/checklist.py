"""The answers of an ablation to the NAS best-practice checklist."""

from vggsearch.analysis import Spending
from vggsearch.report.ablation.ablation_findings import AblationFindings
from vggsearch.report.document import count, duration
from vggsearch.report.shared import (
    Answer,
    Answered,
    Item,
    StudyRecords,
    checklist_items,
    code,
    confounders,
    details,
    differing,
    surrogates,
    whole_time,
)
from vggsearch.runs import RunRecord

_NO_SEARCH = (Answer.NOT_APPLICABLE, "an ablation searches nothing: its arms follow from the control by rule")


def ablation_checklist(found: AblationFindings, spent: Spending) -> list[Item]:
    """All sixteen items of an ablation."""
    records = StudyRecords(found.results, spent)
    pairs = records.of_stages("pairs")
    return checklist_items(
        [
            code(records),
            _arms(found),
            _final_settings(found),
            _NO_SEARCH,
            _NO_SEARCH,
            _same_benchmark(found, pairs),
            confounders(records),
            _ablation(found),
            _same_protocol(found, records),
            _over_time(pairs),
            _NO_SEARCH,
            _several_runs(found),
            surrogates(records),
            _tuning(found),
            whole_time(records),
            details(records),
        ]
    )


def _arms(found: AblationFindings) -> Answered:
    if found.plan is None:
        return Answer.NOT_MET, "no plan says which arms there are"
    return Answer.MET, f"the plan states all {len(found.plan.arms)} arms; it lies in data/"


def _final_settings(found: AblationFindings) -> Answered:
    plan = found.plan
    if plan is None:
        return Answer.NOT_MET, "no plan says how arms are trained"
    last = plan.first_seed + plan.pairs - 1
    return Answer.MET, f"recipe and budget of every arm in the plan; seeds {plan.first_seed} to {last}"


def _same_benchmark(found: AblationFindings, pairs: list[RunRecord]) -> Answered:
    if not pairs:
        return Answer.NOT_MET, "nothing has been compared yet"
    unlike = differing((run.key for run in pairs), arms=True)
    if found.plan is not None and found.plan.pair_data and unlike == ["split"]:
        return Answer.MET, "all arms share data, input and training code, and pair by pair splits and seeds"
    if unlike:
        return Answer.NOT_MET, f"arms differ in {', '.join(unlike)}"
    return Answer.MET, "all arms share data, split, input and training code, and pair by pair their seeds"


def _ablation(found: AblationFindings) -> Answered:
    decided = sum(effect.verdict.decides for effect in found.effects)
    if not found.begun:
        return Answer.NOT_MET, "no pair is complete yet"
    return Answer.MET, f"this is one: {len(found.effects)} contrasts, of which {decided} are decided"


def _same_protocol(found: AblationFindings, records: StudyRecords) -> Answered:
    pairs, wording = records.of_stages("pairs"), found.wording
    strays = [run for run in records.of_stages(*wording.untested) if run.test_accuracy is not None]
    if not pairs:
        return Answer.NOT_MET, "nothing has been compared yet"
    if strays:
        return Answer.NOT_MET, f"{len(strays)} {wording.strays}"
    return Answer.MET, wording.protocol


def _over_time(pairs: list[RunRecord]) -> Answered:
    if any(run.curve for run in pairs):
        return Answer.MET, "learning curves by epoch and by training second"
    return Answer.NOT_MET, "the runs hold no learning curves"


def _several_runs(found: AblationFindings) -> Answered:
    fewest = min((effect.n for effect in found.effects), default=0)
    if fewest < 2:
        return Answer.NOT_MET, "a contrast has fewer than two pairs"
    return Answer.MET, f"at least {fewest} paired seeds of each arm, in the table of runs"


def _tuning(found: AblationFindings) -> Answered:
    own = found.trials[found.trials["stage"] == "rates"].drop_duplicates("digest")
    if own.empty:
        return (
            Answer.NOT_MET,
            "nothing was tuned; how the recipe was, and at what cost, is not in the records",
        )
    grid = "grid, which grew by the same rule," if found.plan and found.plan.rate_growth else "grid"
    runs = f"{count(len(own))} runs of {duration(float(own['train_s'].sum()))} in all"
    rest = "how the rest of the recipe was chosen is not in the records"
    return Answer.PARTLY, f"learning rates by {runs}, the same {grid} for every arm; {rest}"
