"""The report's sections, in order; each says what it could not show, and why."""

from vggsearch.analysis import TIME_PARTS, Spending, staircase
from vggsearch.report.document import Block, Figures, Section, note, percent, text
from vggsearch.report.figures import accuracy_against, curve_figure, finalist_figure, spending_figure
from vggsearch.report.search.answers import above
from vggsearch.report.search.findings import STAGES, Findings
from vggsearch.report.search.practices import checklist
from vggsearch.report.search.tables import finalist_block, front_table, stage_name
from vggsearch.report.search.trials import trial_table
from vggsearch.report.shared import checklist_section, outcome_table
from vggsearch.runs import curves_frame

_WORDS = {
    "completed": "training to the end",
    "pruned": "pruned training",
    "failed": "failed training",
    "overhead": "evaluation and set-up",
    "waiting": "waiting",
}


def tradeoff(findings: Findings) -> Section:
    """Accuracy against cost, and the front."""
    title = "Accuracy against cost"
    if findings.ranked.empty:
        return Section("tradeoff", title, (note("No run completed, so there is nothing to compare."),))
    drawings = [
        accuracy_against(
            cost,
            findings.ranked,
            findings.front,
            staircase(findings.ranked, cost),
            findings.finalists,
            large=cost == "macs",
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
        warning = (
            "All accuracies are of one seed on validation, and the best of many looks better than it is. "
            "The test set "
            "was not read."
        )
        return Section("finalists", title, (note(f"There are no finalists: {why}. {warning}"),))
    blocks: list[Block] = []
    known = table[table["n"] > 0]
    if len(known):
        mean = float(known["optimism"].mean())
        if mean == mean:  # not NaN
            many = f", on average over {len(known)} finalists" if len(known) > 1 else ""
            what = f"the value that selected a finalist was {above(mean)} the mean of its fresh seeds"
            blocks.append(text(f"On validation, {what}{many}."))
        blocks.append(Figures((finalist_figure(known),)))
    blocks.append(finalist_block(findings))
    failed = table[table["n"] == 0]
    if len(failed):
        blocks.append(
            note(f"{len(failed)} of {len(table)} finalists have no completed run with a fresh seed.")
        )
    strays = findings.trials[
        (findings.trials["stage"] != "finalists") & findings.trials["test_accuracy"].notna()
    ]
    if len(strays):
        blocks.append(
            note(
                f"{len(strays)} trials outside this stage have a test accuracy: the test set was not kept "
                f"apart."
            )
        )
    return Section("finalists", title, tuple(blocks))


def learning(findings: Findings) -> Section:
    """Learning curves of the front."""
    front = findings.front
    records = [findings.results.runs[digest] for digest in front["digest"]]
    curves = curves_frame(records)
    curves = curves[curves["val_accuracy"].notna()]
    shown = front[front["run"].isin(curves["run"])]
    if curves.groupby("run").size().max() < 2 if len(curves) else True:
        return Section(
            "curves",
            "Learning curves of the front",
            (note("The runs of the front hold no learning curves."),),
        )
    drawings = curve_figure(curves, shown, "fraction"), curve_figure(curves, shown, "images")
    return Section("curves", "Learning curves of the front", (Figures(drawings),))


def time_and_outcomes(findings: Findings, spending: Spending) -> Section:
    """Where the workers' time went, and how trials ended."""
    blocks: list[Block] = []
    names = {stage: stage_name(findings, stage) for stage in STAGES}
    if spending.frame["seconds"].sum() > 0:
        shares = ", ".join(
            f"{_WORDS[part]} {percent(spending.share(part), 1)}"
            for part in TIME_PARTS
            if spending.share(part) > 0
        )
        blocks += [text(f"Of all worker time: {shares}."), Figures((spending_figure(spending, names),))]
    if len(findings.trials):
        blocks.append(outcome_table(findings.trials, names))
    else:
        blocks.append(note("There are no trials."))
    return Section("time", "Where the time went", tuple(blocks))


def all_trials(findings: Findings) -> Section:
    """The trial table."""
    block: Block = trial_table(findings) if len(findings.trials) else note("There are no trials.")
    return Section("trials", "All trials", (block,))


def practices(findings: Findings, spending: Spending) -> Section:
    """The checklist."""
    return checklist_section(checklist(findings, spending))
