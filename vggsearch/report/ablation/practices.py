"""The answers of an ablation to the NAS best-practice checklist: what the records show, and why."""

from vggsearch.analysis import Spending
from vggsearch.report.ablation.findings import Ablation
from vggsearch.report.document import Section, count, duration
from vggsearch.report.shared import Answer, Answered, Evidence, checklist_section, items, practices

_NO_SEARCH = (Answer.NOT_APPLICABLE, "an ablation searches nothing: its arms follow from the control by rule")


def section(found: Ablation, spent: Spending) -> Section:
    """All sixteen items."""
    evidence = Evidence(found.results, spent)
    return checklist_section(
        items(
            [
                practices.code(evidence),
                _arms(found),
                _final_settings(found),
                _NO_SEARCH,
                _NO_SEARCH,
                _same_benchmark(evidence),
                practices.confounders(evidence),
                _ablation(found),
                _same_protocol(found, evidence),
                _over_time(evidence),
                _NO_SEARCH,
                _several_runs(found),
                practices.surrogates(evidence),
                _tuning(found),
                practices.whole_time(evidence),
                practices.details(evidence),
            ]
        )
    )


def _arms(found: Ablation) -> Answered:
    if found.plan is None:
        return Answer.NOT_MET, "no plan says which arms there are"
    return Answer.MET, f"the plan states all {len(found.plan.arms)} arms; it lies in data/"


def _final_settings(found: Ablation) -> Answered:
    plan = found.plan
    if plan is None:
        return Answer.NOT_MET, "no plan says how arms are trained"
    last = plan.first_seed + plan.pairs - 1
    return Answer.MET, f"recipe and budget of every arm in the plan; seeds {plan.first_seed} to {last}"


def _same_benchmark(evidence: Evidence) -> Answered:
    keys = [run.key for run in evidence.of_stages("pairs")]
    if not keys:
        return Answer.NOT_MET, "nothing has been compared yet"
    parts: dict[str, set[object]] = {
        "data": {key.data.digest for key in keys},
        "split": {key.data.split_digest for key in keys},
        "input": {key.input_shape for key in keys},
        "training revision": {key.training_revision for key in keys},
    }
    differing = [name for name, values in parts.items() if len(values) > 1]
    if differing:
        return Answer.NOT_MET, f"arms differ in {', '.join(differing)}"
    return Answer.MET, "all arms share data, split, input and training code, and pair by pair their seeds"


def _ablation(found: Ablation) -> Answered:
    decided = sum(effect.verdict.decides for effect in found.effects)
    if not found.begun:
        return Answer.NOT_MET, "no pair is complete yet"
    return Answer.MET, f"this is one: {len(found.effects)} contrasts, of which {decided} are decided"


def _same_protocol(found: Ablation, evidence: Evidence) -> Answered:
    pairs, words = evidence.of_stages("pairs"), found.words
    strays = [run for run in evidence.of_stages(*words.untested) if run.test_accuracy is not None]
    if not pairs:
        return Answer.NOT_MET, "nothing has been compared yet"
    if strays:
        return Answer.NOT_MET, f"{len(strays)} {words.strays}"
    return Answer.MET, words.protocol


def _over_time(evidence: Evidence) -> Answered:
    if any(run.curve for run in evidence.of_stages("pairs")):
        return Answer.MET, "learning curves by epoch and by training second"
    return Answer.NOT_MET, "the runs hold no learning curves"


def _several_runs(found: Ablation) -> Answered:
    fewest = min((effect.n for effect in found.effects), default=0)
    if fewest < 2:
        return Answer.NOT_MET, "a contrast has fewer than two pairs"
    return Answer.MET, f"at least {fewest} paired seeds of each arm, in the table of runs"


def _tuning(found: Ablation) -> Answered:
    own = found.trials[found.trials["stage"] == "rates"].drop_duplicates("digest")
    if own.empty:
        return (
            Answer.NOT_MET,
            "nothing was tuned; how the recipe was, and at what cost, is not in the records",
        )
    took = duration(float(own["train_s"].sum()))
    return (
        Answer.PARTLY,
        f"learning rates by {count(len(own))} runs of {took} in all, the same grid for every arm; how the "
        "rest of the recipe was chosen is not in the records",
    )
