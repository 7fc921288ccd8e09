"""How many runs each stage of a search makes."""

from vggsearch.runs import Stage
from vggsearch.study.file import SearchStudy, full_runs


def search_quotas(study: SearchStudy, members: int, selected: int = 0) -> dict[Stage, int]:
    """Distinct runs of each stage, for a space of `members` architectures.

    `selected` is the number of finalists selected so far.
    """
    trials = min(study.trials or members, members)
    quotas: dict[Stage, int] = {"search": trials}
    if study.strategy is not None and study.trials is not None:
        short = sum(study.strategy.short_runs(study.trials, members))
        quotas = {"short": short} if short else {}
        quotas["search"] = full_runs(study.strategy, study.trials, members)
    if study.baseline:
        quotas["baseline"] = trials
    if study.finalists is not None:
        quotas["finalists"] = max(selected, min(study.finalists.count, members)) * study.finalists.seeds
    return quotas
