"""The report of an ablation with planned looks: what it says before, at, between and after looks."""

import re

import pytest
from synthetic_ablation import Maker, source

from vggsearch.report import summarize_results, write_report
from vggsearch.report.ablation.ablation_findings import find_ablation
from vggsearch.report.ablation.sentences import sentence

SEEDS = "{looks: [6, 10, 15, 20]}"
ONE = "contrasts: [iso-macs]\nprimary: iso-macs\n"
CLEAR = {"control": 0.01}


def maker(pairs, *, truth=CLEAR, body=ONE, **options):
    made = Maker(source(body, seeds=SEEDS), truth=truth, curves=False, **options)
    return made.calibrate().register().tune().pair(pairs)


def page(made, folder):
    write_report(made.results(), folder, command="vggsearch report studies/x.yaml")
    text = (folder / "report.md").read_text().replace("\u00a0", " ")
    return " ".join(text.split())


def test_a_study_that_stopped_early_says_so(tmp_path):
    text = page(maker(10), tmp_path)
    assert (
        "Stopped early, as planned: the look at 10 pairs decided every contrast, so that the other 10 of at "
        "most 20 pairs were not made." in text
    )
    assert "10 of at most 20" in text
    assert "looks at 6, 10, 15 and 20 pairs, at each of which the study may stop" in text
    assert re.search(r"p is that of all looks so far together, stated as the level", text)
    assert (
        "as planned: looks at 6, 10, 15 and 20 pairs, for which tests and intervals allow; the first" in text
    )
    assert re.search(r"\| ≤ 0\.\d+ \|", text)
    assert "Interim" not in text


def test_between_looks_later_pairs_are_not_shown(tmp_path):
    at, between = find_ablation(maker(6).results()), find_ablation(maker(8).results())
    assert between.effects[0].n == at.effects[0].n == 6
    assert len(between.counted) == len(at.pairs)
    text = page(maker(8), tmp_path)
    assert (
        "Interim: this is the planned look at 6 pairs, and later pairs are not shown. The next look is at 10 "
        "of at most 20 pairs. Intervals and tests allow for all planned looks." in text
    )


def test_before_the_first_look_there_is_no_verdict(tmp_path):
    made = maker(4)
    found = find_ablation(made.results())
    said = str(sentence(found, found.effects[0]))
    assert "before the first planned look: no verdict." in said
    assert said.endswith("(n = 4).")
    assert "Interim: nothing is tested before the first planned look, at 6 pairs." in page(made, tmp_path)


def test_more_seeds_are_those_of_a_planned_look():
    found = find_ablation(maker(6, truth={"control": 0.0035}, sigma=0.0012).results())
    assert found.effects[0].verdict.value == "undecided"
    assert re.search(
        r"about 4 more seeds .*, at the planned look at 10 pairs, would decide", str(_first(found))
    )
    vague = find_ablation(maker(15, truth={"control": 0.0015}, sigma=0.01).results())
    assert "by what these pairs show, no planned look would decide" in str(_first(vague))
    last = find_ablation(maker(20, truth={"control": 0.0015}, sigma=0.01).results())
    assert "no planned look is left" in str(_first(last))


def _first(found):
    return sentence(found, found.effects[0])


@pytest.mark.parametrize("pairs", [6, 20])
def test_the_summary_of_a_family_of_contrasts_has_a_verdict_for_each(pairs, tmp_path):
    made = maker(pairs, body="contrasts: [iso-macs, drop-in, control-again]\nprimary: iso-macs\n")
    summary = summarize_results(made.results(), tmp_path / "index.html")
    assert "2 other contrasts: " in summary.lines[1]
