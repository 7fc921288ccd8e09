"""Comparisons: the search against random search, and kernel sizes among nets that are otherwise alike."""

import pandas as pd

from vggsearch.analysis import anytime_best, compare_kernels, hypervolume_over_trials, luck_of_random, spent
from vggsearch.report.document import Block, Figures, Section, fixed, note, percent, points, si, text
from vggsearch.report.figures import NO_VERDICT, anytime_figure, bin_figure, hypervolume_figure, pair_figure
from vggsearch.report.search.findings import Findings
from vggsearch.report.search.tables import comparison_table, stage_name

FEW_PAIRS = 3
"""Fewer matched pairs than that are not drawn."""


def against_random(findings: Findings) -> Section:
    """The search beside random search at the same budget."""
    title = "Search against random search"
    stages = {stage: findings.stage(stage) for stage in ("search", "baseline")}
    curves = {stage: anytime_best(trials) for stage, trials in stages.items() if len(trials)}
    curves = {stage: curve for stage, curve in curves.items() if len(curve)}
    if not curves:
        return Section("random", title, (note("No run completed."),))
    names = {stage: stage_name(findings, stage) for stage in curves}
    random_stage = (
        "baseline" if len(stages["baseline"]) else "search" if findings.study.sampler == "random" else None
    )
    luck = luck_of_random(stages[random_stage]) if random_stage else None
    drawings = [anytime_figure(curves, names, luck, "90 % of random orders")]
    volumes = _hypervolumes(findings, {stage: stages[stage] for stage in curves})
    if volumes and max(float(curve["hypervolume"].max()) for curve in volumes.values()) > 0:
        drawings.append(hypervolume_figure(volumes, names, _reference(findings)))
    ends = {stage: float(curve["hypervolume"].iloc[-1]) for stage, curve in volumes.items()}
    blocks: list[Block] = [Figures(tuple(drawings)), comparison_table(findings, ends)]
    if len(curves) < 2:
        why = {
            "grid": "A grid visits the space without choosing: random search would be no comparison.",
            "random": "This search is random search: there is nothing to compare it with.",
        }.get(
            findings.study.sampler,
            "The study has no completed random baseline, so this says nothing about the sampler.",
        )
        blocks.insert(0, note(why))
    return Section("random", title, tuple(blocks))


def _hypervolumes(findings: Findings, stages: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Corners of the anytime hypervolume, where the study has a reference point."""
    reference, objectives = findings.study.reference, findings.study.objectives
    if reference is None or len(objectives) < 2:
        return {}
    found = {}
    for stage, trials in stages.items():
        ended = spent(trials)
        values = ended.assign(val_accuracy=ended["val_accuracy"].where(ended["outcome"] == "completed"))
        curve = ended[["trial", "spent_s"]].assign(
            hypervolume=hypervolume_over_trials(values, objectives, reference)
        )
        kept = curve["hypervolume"] != curve["hypervolume"].shift()
        kept.iloc[-1] = True
        found[stage] = curve[kept].reset_index(drop=True)
    return found


def _reference(findings: Findings) -> str:
    reference = findings.study.reference or {}
    words = {
        "val_accuracy": lambda value: f"{percent(value, 1)} validation accuracy",
        "macs": lambda value: f"{si(value)} MACs",
        "params": lambda value: f"{si(value)} parameters",
        "latency_ms": lambda value: f"{value:g} ms",
    }
    point = ", ".join(words[name](value) for name, value in reference.items())
    decades = len(reference) - 1
    unit = "accuracy × decades of cost" if decades == 1 else f"accuracy × {decades} decades of cost"
    return (
        f"Volume that the front dominates, up to the reference point of the study file: {point}. Costs by "
        f"their "
        f"log10; unit: {unit}."
    )


def kernels(findings: Findings) -> Section:
    """Kernel sizes compared."""
    found = compare_kernels(findings.ranked)
    if found is None:
        return Section(
            "kernels",
            "Kernel size",
            (note("All nets that completed have kernels of one size: nothing to compare."),),
        )
    title = f"Kernel size: {found.small}×{found.small} against {found.large}×{found.large}"
    drawings = []
    blocks: list[Block] = []
    pairs = found.pairs
    if len(pairs) >= FEW_PAIRS:
        drawings.append(pair_figure(found))
        blocks.append(_pairs_in_words(pairs, found.small, found.large))
    else:
        blocks.append(
            note(
                f"{len(pairs)} matched pair{'s' if len(pairs) != 1 else ''} of nets that differ in kernel "
                f"size alone: too few to draw. {NO_VERDICT}"
            )
        )
    both = found.bins["kernel_size"].nunique() == 2
    if both and len(found.bins) >= 2 * FEW_PAIRS:
        drawings.append(bin_figure(found))
    if drawings:
        blocks.append(Figures(tuple(drawings)))
    return Section("kernels", title, tuple(blocks))


def _pairs_in_words(pairs: pd.DataFrame, small: int, large: int) -> Block:
    every = pairs["change"] == "every block"
    parts = []
    for where, chosen in (("every block", pairs[every]), ("one block alone", pairs[~every])):
        if chosen.empty:
            continue
        low, middle, high = (
            points(float(chosen["difference"].quantile(level))) for level in (0.25, 0.5, 0.75)
        )
        ratio = fixed(float((chosen["large_macs"] / chosen["small_macs"]).median()), 2)
        ahead = int((chosen["difference"] > 0).sum())
        parts.append(
            f"With {large}×{large} in place of {small}×{small} in {where}, validation accuracy changes by "
            f"{middle} in the median (n = {len(chosen)} pairs, quartiles {low} and {high}), at {ratio} times "
            f"the MACs; {large}×{large} is ahead in {ahead}. "
        )
    return text(*parts, f"Pairs share nets, so they are not independent. {NO_VERDICT}")
