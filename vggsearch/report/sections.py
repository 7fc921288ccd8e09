"""The report's sections, in order; each says what it could not show, and why."""

import pandas as pd

from vggsearch.analysis import hypervolume_over_trials, staircase
from vggsearch.report.anytime import anytime_best, luck_of_random, spent
from vggsearch.report.answer import above
from vggsearch.report.checklist import REFERENCE, checklist
from vggsearch.report.content import Block, Column, Figures, Listing, Section, Table, note, text
from vggsearch.report.figures.parts import NO_VERDICT, bin_figure, pair_figure, spending_figure
from vggsearch.report.figures.progress import anytime_figure, curve_figure, hypervolume_figure
from vggsearch.report.figures.tradeoff import accuracy_against, finalist_figure
from vggsearch.report.findings import STAGES, Findings
from vggsearch.report.formats import fixed, percent, points, printable, si
from vggsearch.report.kernels import compare_kernels
from vggsearch.report.origin import origin_table
from vggsearch.report.spending import PARTS, Spending
from vggsearch.report.tables import (
    comparison_table,
    finalist_block,
    front_table,
    outcome_table,
    stage_name,
    trial_table,
)
from vggsearch.runs.frames import curves_frame

FEW_PAIRS = 3
"""Fewer matched pairs than that are not drawn."""

_WORDS = {"completed": "training to the end", "pruned": "pruned training", "failed": "failed training",
          "overhead": "evaluation and set-up", "waiting": "waiting"}  # fmt: skip


def tradeoff(findings: Findings) -> Section:
    """Accuracy against cost, and the front."""
    title = "Accuracy against cost"
    if findings.ranked.empty:
        return Section("tradeoff", title, (note("No run completed, so there is nothing to compare."),))
    drawings = [
        accuracy_against(
            cost, findings.ranked, findings.front, staircase(findings.ranked, cost), findings.finalists, large=cost == "macs"
        )
        for cost in ("macs", "conv_params", "params")
    ]
    blocks: list[Block] = [Figures((drawings[0],)), front_table(findings), Figures(tuple(drawings[1:]))]
    return Section("tradeoff", title, tuple(blocks))


def finalists(findings: Findings) -> Section:
    """What fresh seeds say of the choice."""
    title = "Finalists"
    study, table = findings.study, findings.finalists
    if table.empty:
        why = "the study file has no finalists" if study.finalists is None else "none has been trained yet"
        return Section("finalists", title, (
            note(f"There are no finalists: {why}. All accuracies are of one seed on validation, and the best of many looks better than it "
                 "is. The test set was not read."),
        ))  # fmt: skip
    blocks: list[Block] = []
    known = table[table["n"] > 0]
    if len(known):
        mean = float(known["optimism"].mean())
        if mean == mean:  # not NaN
            many = f"on average over {len(known)} finalists" if len(known) > 1 else "for the one finalist"
            blocks.append(text(f"On validation, the search's value was {above(mean)} the mean of fresh seeds, {many}."))
        blocks.append(Figures((finalist_figure(known),)))
    blocks.append(finalist_block(findings))
    failed = table[table["n"] == 0]
    if len(failed):
        blocks.append(note(f"{len(failed)} of {len(table)} finalists have no completed run with a fresh seed."))
    strays = findings.trials[(findings.trials["stage"] != "finalists") & findings.trials["test_accuracy"].notna()]
    if len(strays):
        blocks.append(note(f"{len(strays)} trials outside this stage have a test accuracy: the test set was not kept apart."))
    return Section("finalists", title, tuple(blocks))


def against_random(findings: Findings) -> Section:
    """The search beside random search at the same budget."""
    title = "Search against random search"
    stages = {stage: findings.stage(stage) for stage in ("search", "baseline")}
    curves = {stage: anytime_best(trials) for stage, trials in stages.items() if len(trials)}
    curves = {stage: curve for stage, curve in curves.items() if len(curve)}
    if not curves:
        return Section("random", title, (note("No run completed."),))
    names = {stage: stage_name(findings, stage) for stage in curves}
    random_stage = "baseline" if len(stages["baseline"]) else "search" if findings.study.sampler == "random" else None
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
        }.get(findings.study.sampler, "The study has no completed random baseline, so this says nothing about the sampler.")
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
        curve = ended[["trial", "spent_s"]].assign(hypervolume=hypervolume_over_trials(values, objectives, reference))
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
    return f"Volume that the front dominates, up to the reference point of the study file: {point}. Costs by their log10; unit: {unit}."


def kernels(findings: Findings) -> Section:
    """Kernel sizes compared."""
    found = compare_kernels(findings.ranked)
    if found is None:
        return Section("kernels", "Kernel size", (note("All nets that completed have kernels of one size: nothing to compare."),))
    title = f"Kernel size: {found.small}×{found.small} against {found.large}×{found.large}"
    drawings = []
    blocks: list[Block] = []
    pairs = found.pairs
    if len(pairs) >= FEW_PAIRS:
        drawings.append(pair_figure(found))
        blocks.append(_pairs_in_words(pairs, found.small, found.large))
    else:
        blocks.append(note(f"{len(pairs)} matched pair{'s' if len(pairs) != 1 else ''} of nets that differ in kernel size alone: too few to draw. {NO_VERDICT}"))
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
        difference, ratio = chosen["difference"], float((chosen["large_macs"] / chosen["small_macs"]).median())
        parts.append(
            f"With {large}×{large} in place of {small}×{small} in {where}, validation accuracy changes by {points(difference.median())} in the median "
            f"(n = {len(chosen)} pairs, quartiles {points(difference.quantile(0.25))} and {points(difference.quantile(0.75))}), at "
            f"{fixed(ratio, 2)} times the MACs; {large}×{large} is ahead in {int((difference > 0).sum())}. "
        )
    return text(*parts, f"Pairs share nets, so they are not independent. {NO_VERDICT}")


def learning(findings: Findings) -> Section:
    """Learning curves of the front."""
    front = findings.front
    records = [findings.results.runs[digest] for digest in front["digest"]]
    curves = curves_frame(records)
    curves = curves[curves["val_accuracy"].notna()]
    shown = front[front["run"].isin(curves["run"])]
    if curves.groupby("run").size().max() < 2 if len(curves) else True:
        return Section("curves", "Learning curves of the front", (note("The runs of the front hold no learning curves."),))
    return Section("curves", "Learning curves of the front", (
        Figures((curve_figure(curves, shown, "fraction"), curve_figure(curves, shown, "images"))),
    ))  # fmt: skip


def time_and_outcomes(findings: Findings, spending: Spending) -> Section:
    """Where the workers' time went, and how trials ended."""
    blocks: list[Block] = []
    names = {stage: stage_name(findings, stage) for stage in STAGES}
    if spending.frame["seconds"].sum() > 0:
        shares = ", ".join(f"{_WORDS[part]} {percent(spending.share(part), 1)}" for part in PARTS if spending.share(part) > 0)
        blocks += [text(f"Of all worker time: {shares}."), Figures((spending_figure(spending, names),))]
    if len(findings.trials):
        blocks.append(outcome_table(findings))
    else:
        blocks.append(note("There are no trials."))
    return Section("time", "Where the time went", tuple(blocks))


def all_trials(findings: Findings) -> Section:
    """The trial table."""
    block: Block = trial_table(findings) if len(findings.trials) else note("There are no trials.")
    return Section("trials", "All trials", (block,))


def provenance(findings: Findings, spending: Spending, command: str) -> Section:
    """Everything needed to make it again."""
    study = findings.study
    path = study.path.name if study.path.is_absolute() else study.path.as_posix()
    commands = [f"vggsearch run {path}", command, f"vggsearch report --from reports/{study.name}"]
    return Section("provenance", "Provenance", (
        text("The first command makes the runs (the store answers those that it has), the second this report, the last the same report from its "
             "own data, without training."),
        Listing(printable("\n".join(dict.fromkeys(commands)))),
        origin_table(findings, spending),
        Listing(printable(study.source.rstrip("\n")), "The study file"),
    ))  # fmt: skip


def practices(findings: Findings, spending: Spending) -> Section:
    """The checklist."""
    items = checklist(findings, spending)
    rows = [(str(number), item.topic, item.question, item.answer.value, item.reason) for number, item in enumerate(items, start=1)]
    columns = (Column(""), Column("about", "left"), Column("practice", "left"), Column("answer", "left"), Column("because", "left"))
    data = pd.DataFrame(rows, columns=["item", "about", "practice", "answer", "because"])
    met = sum(item.answer.value == "met" for item in items)
    return Section("checklist", "NAS best-practice checklist", (
        text(f"{met} of {len(items)} items are met. Answers are computed from the records. After {REFERENCE}."),
        Table("checklist", "Checklist", columns, rows, data, latex=False),
    ))  # fmt: skip
