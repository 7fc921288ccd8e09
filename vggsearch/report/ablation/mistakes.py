"""What the arms of an ablation get wrong, and in which classes the arms of a contrast differ."""

from collections.abc import Iterator

import pandas as pd

from vggsearch.analysis import MIN_PAIRS, best_possible_p, class_effects, pairs_needed_for_any_verdict
from vggsearch.report.ablation.ablation_findings import AblationFindings, ContrastFinding
from vggsearch.report.ablation.class_effects_figure import class_effects_figure
from vggsearch.report.ablation.sentences import pp, pp_interval, sides
from vggsearch.report.document import (
    MISSING,
    Block,
    Figures,
    Table,
    count,
    fixed,
    missing,
    number_column,
    paragraph,
    plain,
    remark,
    section,
    text_column,
)
from vggsearch.report.shared import (
    Answers,
    class_table,
    confusion_blocks,
    counted_remarks,
    find_answers,
    too_many_classes,
)

MOST_ARMS = 4
"""Most arms whose classes are shown side by side."""

MOST_LISTED = 10
"""Most classes that are named in a sentence or a cell."""

MOST_TESTS = 400
"""Most classes of all contrasts together that are compared, as each takes 5 ms."""


def arm_answers(found: AblationFindings) -> Answers | None:
    """The predictions of the pairs' runs, the arms of the primary contrast first.

    None where no run keeps any.
    """
    first = [*found.effects[0].contrast.weights] if found.effects else []
    planned = [arm.name for arm in found.plan.arms] if found.plan else list(found.complete["arm"].unique())
    rank = {arm: i for i, arm in enumerate(dict.fromkeys([*first, *planned]))}
    runs = found.complete.loc[found.complete["arm"].isin(list(rank)), ["arm", "pair", "digest"]]
    order = runs["arm"].map(rank).sort_values(kind="stable").index
    return find_answers(found.results, runs.loc[order])


@section("mistakes", "What the arms get wrong")
def mistakes_section(found: AblationFindings, answers: Answers) -> Iterator[Block]:
    """Accuracy by class of the arms, the classes in which contrasts differ, and the mistakes of one arm."""
    many = list(too_many_classes(answers))
    if many:
        yield from many
        return
    yield paragraph(
        "This section looks at single classes of the test images. It is exploratory: the plan says nothing "
        "of classes, and no verdict rests on them."
    )
    arms = answers.arms[:MOST_ARMS]
    left_out = len(answers.arms) - len(arms)
    yield class_table(
        answers,
        {arm: plain(arm, 40) for arm in arms},
        "Share of each class's test images that are named rightly: mean over the seeds of the pairs, and its "
        "95 % t interval over seeds, cut at 100 %. It says what training again would give on these images."
        + (f" The first {len(arms)} of {len(answers.arms)} arms; the CSV file has all." if left_out else ""),
    )
    effects = _effects(found, answers)
    if effects:
        yield from _differences(found, effects)
    shown = arms[0]
    yield from confusion_blocks(answers, shown, f"arm {plain(shown, 40)}")
    yield from counted_remarks(answers)


Compared = list[tuple[ContrastFinding, pd.DataFrame]]
"""Contrasts, each with its table of `class_effects` and the names of the classes."""


def _effects(found: AblationFindings, answers: Answers) -> Compared:
    """The contrasts that have a pair with predictions, as far as there is time for them."""
    classes = int((answers.frame.groupby("class")["images"].max() > 0).sum())
    most = max(1, MOST_TESTS // max(1, classes))
    compared: Compared = []
    for finding in found.effects[:most]:
        table = class_effects(answers.frame, finding.contrast, alpha=found.alpha)
        if (table["n"] > 0).any():
            table.insert(1, "name", [answers.name(number) for number in table["class"]])
            compared.append((finding, table))
    return compared


def _differences(found: AblationFindings, compared: Compared) -> Iterator[Block]:
    finding, table = compared[0]
    better, worse = sides(finding.contrast)
    yield paragraph(
        f"{plain(finding.contrast.name)} ({better} against {worse}): {in_words(table, found.alpha)} A "
        "positive difference is in the direction of the claim."
    )
    yield Figures((class_effects_figure(finding.contrast, table, found.level),))
    every = [of.assign(contrast=each.contrast.name) for each, of in compared]
    yield _effects_table(found, finding, table, pd.concat(every, ignore_index=True))
    if len(compared) > 1:
        yield _contrasts_table(found, compared)
    if len(compared) < len(found.effects):
        yield remark(
            f"Classes are compared for {len(compared)} of {len(found.effects)} contrasts: the others have no "
            "pair with predictions, or come too late in the plan's order."
        )


def in_words(table: pd.DataFrame, alpha: float) -> str:
    """In which classes a contrast differs, as a sentence that says no more than the numbers do."""
    n, classes = int(table["n"].max()), len(table)
    over = f"after Holm's correction over {classes} classes"
    if n < MIN_PAIRS:
        pairs = f"{n} pair{'s' if n != 1 else ''}"
        return f"{pairs} can show no difference in any class; that takes at least {MIN_PAIRS}."
    if best_possible_p(n, classes) > alpha:
        needed = pairs_needed_for_any_verdict(classes, alpha)
        return f"{n} pairs can show no difference in any class {over}; that takes {needed}."
    shown = table[table["shown"]]
    if shown.empty:
        return f"{over}, {n} pairs show a difference in no class. That does not mean that there is none."
    rest = classes - len(shown)
    others = f" In the other {rest} none is shown, which does not mean that there is none." if rest else ""
    return f"{over}, {n} pairs show a difference in {len(shown)} of them: {_named(shown)}.{others}"


def _named(shown: pd.DataFrame) -> str:
    """Classes with their differences, the largest first: `Shirt (+1.20 pp), Coat (−0.80 pp)`."""
    largest = shown.sort_values("mean", key=abs, ascending=False, kind="stable").to_dict("records")
    named = [f"{row['name']} ({pp(row['mean'])})" for row in largest[:MOST_LISTED]]
    more = len(largest) - MOST_LISTED
    return ", ".join(named) + (f" and {more} more" if more > 0 else "")


def _effects_table(
    found: AblationFindings, finding: ContrastFinding, table: pd.DataFrame, every: pd.DataFrame
) -> Table:
    columns = [
        text_column("class", "name"),
        number_column("images", "images", count),
        number_column("difference", "mean", pp),
        number_column(f"{found.level} interval", ("low", "high"), pp_interval),
        number_column("n", "n", count),
        number_column("p", "p", _p),
        number_column("p, Holm", "p_holm", _p),
    ]
    caption = (
        f"{plain(finding.contrast.name)}: mean paired difference of the class's accuracy over seeds, its "
        f"paired-t interval, which is not corrected for the number of classes, and the sign-flip p before "
        f"and after Holm's correction over {len(table)} classes. The CSV file has all contrasts, each "
        "corrected by itself."
    )
    ordered = table.sort_values("mean", ascending=False, kind="stable").to_dict("records")
    data = every[["contrast", *(name for name in every if name != "contrast")]]
    long = len(table) > 20
    return Table("class_effects", "Differences by class", columns, data, caption, ordered, interactive=long)


def _contrasts_table(found: AblationFindings, compared: Compared) -> Table:
    """Each contrast in a row: the classes whose difference is shown, and the largest difference."""
    rows = []
    for finding, table in compared:
        top = table.sort_values("mean", key=abs, ascending=False, kind="stable").iloc[0]
        named = _named(table[table["shown"]])
        few = best_possible_p(int(table["n"].max()), len(table)) > found.alpha
        said = named or ("too few pairs" if few else "none")
        rows.append(
            (finding.contrast.name, int(table["n"].max()), said, top["name"], *top[["mean", "low", "high"]])
        )
    data = pd.DataFrame(rows, columns=["contrast", "n", "shown", "class", "mean", "low", "high"])
    columns = [
        text_column("contrast", "contrast"),
        number_column("n", "n", count),
        text_column("classes with a shown difference", "shown"),
        text_column("largest in", "class"),
        number_column("difference", "mean", pp),
        number_column(f"{found.level} interval", ("low", "high"), pp_interval),
    ]
    caption = (
        "For each contrast the classes whose difference is shown after Holm's correction over its classes, "
        "and the class with the largest mean difference. That class was picked for its size, so that its "
        "difference is probably smaller than it looks."
    )
    return Table("class_contrasts", "Classes by contrast", columns, data, caption)


def _p(value: float) -> str:
    return MISSING if missing(value) else "< 0.001" if value < 0.001 else fixed(value, 3)
