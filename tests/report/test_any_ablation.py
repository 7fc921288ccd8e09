"""Ablations of every shape make a sensible report: each part that cannot be shown says why."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
import synthetic_ablation
from synthetic_ablation import FACTORIAL, TRUTH, Maker, source
from test_any_study import HOSTILE

from vggsearch.report.ablation.ablation_findings import find_ablation
from vggsearch.report.ablation.headline import summarize_ablation
from vggsearch.report.ablation.page import ablation_report
from vggsearch.report.ablation.sentences import pp
from vggsearch.report.document.files import table_files
from vggsearch.report.document.inline_svg import Markup
from vggsearch.report.document.render import html, markdown_page
from vggsearch.report.figures.style import svg, theme
from vggsearch.runs.record import Outcome
from vggsearch.study import StudyResults

ONE = "contrasts: [drop-in]\nprimary: drop-in\n"
AGAIN = "contrasts: [control-again]\nprimary: control-again\n"


def report_of(results, *, draw=False):
    """The report, its page, its Markdown and its summary."""
    found = find_ablation(results)
    with theme():
        report = ablation_report(found, "vggsearch report studies/x.yaml")
        for drawing in report.drawings() if draw else ():
            svg(drawing.figure)
    drawn = {drawing.name: Markup("<svg></svg>") for drawing in report.drawings()}
    links = {table.name: f"tables/{table.name}.csv" for table in report.tables()}
    links |= {f"figure_{name}": f"tables/figure_{name}.csv" for name in drawn}
    text = html(report, drawn, links).replace("\u00a0", " ")
    table_files(report)
    return report, text, markdown_page(report, links), str(summarize_ablation(found, Path("p")))


def names(report):
    return [drawing.name for drawing in report.drawings()]


def crash(*arms, every=1):
    return lambda arm, pair: Outcome.CRASHED if arm in arms and pair % every == 0 else None


def test_nothing_yet():
    report, text, _, summary = report_of(Maker().results())
    assert "No answer yet: the study has no runs yet." in text
    assert "No plan is registered, so nothing here was fixed before it was seen." in text
    assert names(report) == []
    assert summary.splitlines()[:2] == ["no answer yet, the study has no runs yet", "no contrasts"]


def test_runs_without_a_plan():
    maker = Maker(curves=False).calibrate().tune().pair(2)
    report, text, _, _ = report_of(maker.results())
    assert "No answer yet: the plan of this study is not among its data" in text
    assert "No plan is known, so there are no arms to compare." in text
    (table,) = (table for table in report.tables() if table.name == "runs")
    assert len(table.rows) == len(maker.trials)


def test_a_plan_without_runs():
    report, text, _, summary = report_of(Maker().register().results())
    assert "no pair is complete, so nothing can be said" in summary
    assert text.count("no pair is complete, so nothing can be said") == 6
    assert "0 of 10" in text
    assert "arms_beside_control" in [table.name for table in report.tables()]
    assert names(report) == []


@pytest.mark.parametrize("body", [ONE, FACTORIAL], ids=["kernels", "factorial"])
def test_every_stage_that_an_ablation_can_be_left_in(body):
    maker = Maker(source(body), curves=False)
    for step in (maker.calibrate, maker.register, maker.tune):
        step()
        report_of(maker.results())
    for pair in (1, 2):
        maker.pair(1, first=pair)
        report_of(maker.results(), draw=True)


def test_one_pair_has_no_interval():
    report, text, _, _ = report_of(Maker(truth=TRUTH).register().pair(1).results())
    header = text.split("</header>")[0]
    assert "descriptive only, n = 1: no verdict." in header
    assert "interval" not in header
    assert "<strong>" not in header
    assert "no contrast has two pairs whose answers to single test images are stored" in text
    assert "effects_by_seed" in names(report)


def test_few_pairs_are_descriptive_only():
    _, text, _, summary = report_of(synthetic_ablation.kernels(4, curves=False))
    header = text.split("</header>")[0]
    assert header.count("descriptive only, n = 4: no verdict.") == 6
    assert not re.search(r"<strong>|\b(Supported|refuted|Equivalent|undecided)\b", header)
    assert summary.splitlines()[1] == "5 other contrasts: 5 descriptive only"
    assert "Interim: of 10 planned pairs 4 are complete" in header


def test_some_contrasts_may_be_complete_and_others_not():
    _, text, _, summary = report_of(
        synthetic_ablation.kernels(10, fails=crash("drop-in", "iso-params"), curves=False)
    )
    assert "3×3 beats 5×5 at equal MACs and receptive field: by" in summary
    assert text.split("</header>")[0].count("no pair is complete, so nothing can be said") == 3
    assert "0 of 10" in text


def test_pairs_that_are_left_out_are_counted_with_their_reasons():
    reason = "worker died with signal 9 (killed)"
    maker = Maker(source(ONE), fails=crash("drop-in", every=4), reason=reason, curves=False)
    report, text, _, _ = report_of(maker.register().pair(10).results())
    (table,) = (table for table in report.tables() if table.name == "left_out")
    assert [tuple(row) for row in table.rows] == [("drop-in", "crashed", "2", "4, 8", reason)]
    (effects,) = (table for table in report.tables() if table.name == "effects")
    assert {row[0]: row[2] for row in effects.rows}["drop-in"] == "8 (−2)"
    assert "2 of 20 runs of the pairs (drop-in 2): their pairs are left out" in text


def test_all_runs_failed():
    arms = ("control", *TRUTH)
    maker = Maker(fails=crash(*arms)).register().pair(3)
    report, text, _, _ = report_of(maker.results())
    assert "No contrast has a complete pair yet" in text
    assert names(report) == ["budget"]


def test_no_variance_at_all():
    maker = Maker(source(ONE), truth={"drop-in": -0.01}, sigma=0.0, curves=False).register().tune().pair(8)
    report, text, _, _ = report_of(maker.results(), draw=True)
    (effect,) = find_ablation(maker.results()).effects
    printed = pp(effect.mean).replace("\u00a0", " ")
    assert f"by {printed} of test accuracy (95 % interval {printed.removesuffix(' pp')} to {printed}," in text
    assert "effects_by_seed" in names(report)


def test_runs_without_curves_say_so():
    _, text, _, _ = report_of(Maker(source(ONE), curves=False).register().pair(2).results())
    assert "The pairs of the primary contrast hold no learning curves of both sides." in text
    assert "no curves say how far training was from its end" in text


def test_answers_to_single_images_that_are_gone_or_damaged_cost_the_second_question_alone():
    whole = Maker(source(ONE), truth={"drop-in": -0.02}, curves=False).register().pair(6).results()
    for update in ({"test_correct": None}, {"test_correct": "A"}, {"test_correct": "AAAA"}):
        runs = {digest: run.model_copy(update=update) for digest, run in whole.runs.items()}
        _, text, _, _ = report_of(replace(whole, runs=runs))
        assert "Supported." in text
    first = next(digest for digest, run in whole.runs.items() if run.key.evaluate_on == "test")
    runs = {**whole.runs, first: whole.runs[first].model_copy(update={"test_correct": "AAAA"})}
    _, text, _, _ = report_of(replace(whole, runs=runs))
    assert "The second question has no answer here" in text


def test_one_rate_is_not_tuned():
    maker = Maker(source(ONE, grid="[0.2]"), curves=False).register().pair(3)
    report, text, _, _ = report_of(maker.results())
    assert "Every arm was trained at 0.2: the study file names one rate, so none was chosen." in text
    assert "rates_by_arm" not in names(report)


def test_a_rate_at_the_edge_of_the_grid_is_warned_of():
    maker = Maker(source(ONE), best_rate={"drop-in": 0.4}, sigma=0.0001).register().tune().pair(3)
    _, text, _, _ = report_of(maker.results())
    assert "The best rate of drop-in is the smallest or largest that was tried" in text
    assert "best at an end of the grid: 1 of 2 arms" in text


def test_pairs_at_another_rate_than_the_best_are_told():
    maker = Maker(source(ONE), best_rate={"drop-in": 0.4}, sigma=0.0001).register().tune()
    maker.best_rate = {}
    _, text, _, _ = report_of(maker.pair(3).results())
    assert "The pairs of drop-in were trained at another rate than the runs known now call for." in text


def test_a_budget_in_seconds_needs_no_calibration():
    maker = Maker(source(ONE, budget="{seconds: 60}")).register().tune().pair(6)
    _, text, _, _ = report_of(maker.results())
    assert "Budget of a run: 60 seconds." in text
    assert "budgets are in seconds of training" in text


def test_a_deviation_is_shown_in_full():
    maker = (
        Maker(source(ONE), curves=False).register(pairs=8).tune().pair(8).register(runs=28).pair(2, first=9)
    )
    report, text, md, _ = report_of(maker.results())
    assert "1 deviation from the first plan, made when runs could be seen:" in text
    assert "pairs was 8 and became 10 after 28 runs" in text
    assert "pairs was 8 and became 10 after 28 runs" in md
    assert "yes, the tests do not know of it: pairs was 8 and became 10" in text
    for registration in maker.plans:
        assert registration.digest in text
    assert "plans" in [table.name for table in report.tables()]


def test_runs_that_were_made_before_the_plan_are_told():
    maker = Maker(source(ONE), curves=False).tune().register().pair(2)
    _, text, _, _ = report_of(maker.results())
    assert "12 runs began before the first plan was fixed" in text


def test_a_pair_that_was_made_twice_counts_once():
    maker = Maker(source(ONE), curves=False).register().pair(6)
    maker.best_rate = {"drop-in": 0.4}
    maker.pair(1)
    found = find_ablation(maker.results())
    assert (found.effects[0].n, found.repeated) == (6, 2)
    _, text, _, _ = report_of(maker.results())
    assert "2 trials of pairs are left out" in text


def test_an_arm_against_itself_that_differs_is_a_warning():
    maker = Maker(source(AGAIN), truth={"control-again": -0.01}, curves=False).register().pair(8)
    report, text, _, _ = report_of(maker.results())
    assert "control-again compares an arm with itself and finds a difference all the same. One in 20" in text
    maker = Maker(source(AGAIN), curves=False).register().pair(8)
    assert "finds a difference all the same" not in report_of(maker.results())[1]
    assert "What was claimed" in text
    assert "effects_by_seed" in names(report)


def test_a_factorial_keeps_main_effects_and_interactions_apart():
    results = synthetic_ablation.cells(6)
    report, text, _, _ = report_of(results)
    tables = {table.name: table for table in report.tables()}
    assert [row[0] for row in tables["main_effects"].rows] == ["ratio=2", "batch_norm=false"]
    assert [row[0] for row in tables["interactions"].rows] == ["ratio=2 × batch_norm=false"]
    (figure,) = (drawing for drawing in report.drawings() if drawing.name == "cell_means")
    pairs = find_ablation(results).complete
    for row in figure.data.to_dict("records"):
        arm = f"{row['factor']}={row['level']} {row['other']}={row['other_level']}"
        assert row["mean"] == pytest.approx(
            pairs.loc[pairs["arm"] == arm, "test_accuracy"].astype(float).mean()
        )
    assert "What was claimed" not in text


def test_a_primary_interaction_has_no_curves():
    body = FACTORIAL.replace("primary: ratio=2", "primary: ratio=2 × batch_norm=false")
    _, text, _, summary = report_of(Maker(source(body)).register().pair(6).results())
    assert "The primary contrast is an interaction, which has no two sides whose curves" in text
    assert "batch_norm true → false" in summary


def test_many_contrasts_are_counted_where_they_are_not_shown():
    body = """\
factors:
  ratio: [1, 2, 4, 8]
  weight_decay: [0.0, 0.0001, 0.0005, 0.001]
  flip: [true, false]
design: factorial
primary: ratio=2
"""
    maker = Maker(source(body), curves=False).register().pair(1)
    found = find_ablation(maker.results())
    assert len(found.effects) > 20
    report, text, _, _ = report_of(maker.results())
    assert f"And {len(found.effects) - 20} more in the table of effects:" in text
    tables = {table.name: len(table.rows) for table in report.tables()}
    assert tables["main_effects"] + tables["interactions"] == len(found.effects)


def test_texts_of_strangers_stay_texts():
    everything = " ".join(HOSTILE).replace("\x1b", "")
    maker = Maker(
        source(ONE, question=everything, data="folder:/pictures"),
        data_name=everything[:3000],
        reason=HOSTILE[0] + HOSTILE[2],
        fails=crash("drop-in", every=2),
    ).register()
    (planned,) = maker.plans[-1].plan.contrasts
    words = {"better": HOSTILE[0], "worse": HOSTILE[1], "at": HOSTILE[3]}
    plan = maker.plans[-1].plan.model_copy(update={"contrasts": (planned.model_copy(update=words),)})
    registration = maker.plans[-1].model_copy(update={"plan": plan})
    hostile = replace(maker.tune().pair(8).results(), plans=(registration,), notes=tuple(HOSTILE))
    report, page, md, _ = report_of(hostile)
    (table,) = (table for table in report.tables() if table.name == "left_out")
    assert "<script>" in table.rows[0][-1]
    for bad in ("<script>alert", "<img", "\u202e", "\x1b"):
        assert bad not in page
    prose = re.sub(r"^(`{3,})text$.*?^\1$", "", md, flags=re.DOTALL | re.MULTILINE)  # listings are fenced
    assert not re.search(r"[\u202e\x1b]|(?<!\\)<(script|img|/)|(?<!\\)\]\((javascript|http)", prose)
    assert (page.count("</title>"), page.count("</style>"), page.count("<script>")) == (1, 1, 1)


def test_results_that_are_read_back_are_the_same(tmp_path):
    results = synthetic_ablation.kernels(2, curves=False)
    results.write(tmp_path)
    assert StudyResults.read(tmp_path).plans == results.plans


def test_uneven_classes_are_said_under_the_answer_and_beside_the_accuracies():
    results = Maker(source(ONE), curves=False).register().calibrate().tune().pair(6).results()
    even = report_of(results)
    assert "largest class" not in even[1] + even[3]
    shares = {"val_majority": 0.9, "test_majority": 0.8}
    runs = {digest: run.model_copy(update=shares) for digest, run in results.runs.items()}
    report, text, _, summary = report_of(replace(results, runs=runs))
    said = "Always naming the largest class reaches 90.00 % on validation images and 80.00 % on test images."
    assert f"Classes are uneven. {said}" in text
    assert said in summary.splitlines()
    for name in ("arms", "runs"):
        (table,) = (table for table in report.tables() if table.name == name)
        assert said in table.caption.replace("\u00a0", " ")
