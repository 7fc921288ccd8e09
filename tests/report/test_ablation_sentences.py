"""The verdict of a contrast in a sentence: every verdict's words, and what may be bold."""

import math
from dataclasses import replace

import pytest
import synthetic_ablation
from hypothesis import given, strategies as st
from synthetic_ablation import FACTORIAL, Maker, source

from vggsearch.analysis.verdicts import Verdict
from vggsearch.analysis.worker_time import spending
from vggsearch.report.ablation.ablation_findings import find_ablation
from vggsearch.report.ablation.headline import ablation_tiles, summarize_ablation
from vggsearch.report.ablation.sentences import pair_s, pp, pp_interval, sentence
from vggsearch.report.document.content import Strong
from vggsearch.report.document.formats import NBSP

NAN = float("nan")


@pytest.fixture(scope="module")
def found():
    """Two pairs of every kernel contrast: enough to be worded."""
    return find_ablation(Maker(curves=False).register().pair(2).results())


@pytest.fixture(scope="module")
def crossed():
    """The interaction of a factorial."""
    return find_ablation(Maker(source(FACTORIAL)).register().pair(2).results())


def effect(found, verdict, mean, low, high, *, n=10, more=0, certain=False, at=0):
    return replace(
        found.effects[at],
        verdict=Verdict(verdict),
        mean=mean,
        low=low,
        high=high,
        n=n,
        more_pairs=more,
        sign_certain=certain,
    )


def said(found, *arguments, **options):
    return str(sentence(found, effect(found, *arguments, **options)))


def test_supported(found):
    assert said(found, "supported", 0.0042, 0.0025, 0.0059) == (
        "3×3 beats 5×5 at equal MACs and receptive field: by +0.42 pp of test accuracy (95 % interval "
        "+0.25 to +0.59 pp, n = 10 pairs). Supported."
    )


def test_refuted_is_as_loud_with_its_sides_exchanged(found):
    assert said(found, "refuted", -0.0042, -0.0059, -0.0025) == (
        "5×5 beats 3×3 at equal MACs and receptive field: by +0.42 pp of test accuracy (95 % interval "
        "+0.25 to +0.59 pp, n = 10 pairs). The claim that 3×3 beats 5×5 at equal MACs and receptive field "
        "is refuted."
    )


def test_equivalent_with_and_without_a_certain_sign(found):
    rest = "3×3 or 5×5 at equal MACs and receptive field makes no difference that matters: the difference is "
    assert said(found, "equivalent", 0.0005, -0.0003, 0.0013, n=20) == (
        f"{rest}within ±0.3 pp, +0.05 pp of test accuracy (95 % interval −0.03 to +0.13 pp, n = 20 pairs). "
        "Equivalent."
    )
    certain = said(found, "equivalent", -0.0008, -0.0013, -0.0003, n=20, certain=True)
    assert certain.endswith("Equivalent. The sign is certain all the same: 5×5 is ahead.")


def test_undecided_says_how_much_more_would_decide(found):
    seconds = pair_s(found, found.effects[0].contrast)
    plan = found.plan
    assert seconds == pytest.approx(
        sum(
            plan.arm(name).step_s * plan.steps(plan.arm(name))
            for name in ("control", "iso-macs-receptive-field")
        )
    )
    text = said(found, "undecided", 0.0008, -0.0005, 0.0021, more=14)
    assert text == (
        "3×3 against 5×5 at equal MACs and receptive field: undecided, +0.08 pp of test accuracy (95 % "
        f"interval −0.05 to +0.21 pp, n = 10 pairs); about 14 more seeds (about {14 * seconds / 60:.1f} "
        "min of one core) would decide."
    )
    assert "about 1 more seed (" in said(found, "undecided", 0.0008, -0.0005, 0.0021, more=1)


def test_undecided_beyond_what_can_be_paid_for(found):
    text = said(found, "undecided", 0.003, -0.5, 0.506, more=None)
    assert text.endswith("n = 10 pairs); by what these pairs show, 1000 would not decide.")


def test_descriptive_gives_no_verdict(found):
    assert said(found, "descriptive", 0.0042, 0.0025, 0.0059, n=4) == (
        "3×3 against 5×5 at equal MACs and receptive field: descriptive only, n = 4: no verdict. +0.42 pp of "
        "test accuracy (95 % interval +0.25 to +0.59 pp, n = 4 pairs)."
    )
    one = said(found, "descriptive", 0.0042, NAN, NAN, n=1)
    assert one.endswith("no verdict. +0.42 pp of test accuracy (n = 1).")
    assert said(found, "descriptive", NAN, NAN, NAN, n=0).endswith(
        ": no pair is complete, so nothing can be said"
    )


def test_an_interaction_is_one_whatever_its_sign(crossed):
    at = next(i for i, each in enumerate(crossed.effects) if each.contrast.question == "do they interact")
    claim = "batch_norm true → false changes what ratio 1 → 2 does"
    text = said(crossed, "supported", -0.0057, -0.0078, -0.0037, at=at)
    assert text.startswith(f"{claim}: by −0.57 pp of test accuracy (95 % interval −0.78 to −0.37 pp,")
    assert text.endswith("Supported.")
    open_question = said(crossed, "undecided", 0.001, -0.002, 0.004, at=at, more=3)
    assert open_question.startswith(f"Whether {claim}: undecided, +0.10 pp")
    none = said(crossed, "equivalent", 0.0001, -0.001, 0.0012, at=at, certain=True)
    assert none.startswith(
        "batch_norm true → false makes no difference that matters to what ratio 1 → 2 does:"
    )
    assert "ahead" not in none


@pytest.mark.parametrize(
    ("value", "printed"),
    [
        (0.0042, "+0.42 pp"),
        (-0.0042, "−0.42 pp"),
        (0.0, "+0.00 pp"),
        (0.00003, "+0.003 pp"),
        (-0.00003, "−0.003 pp"),
    ],
)
def test_a_small_effect_keeps_a_digit(value, printed):
    assert pp(value).replace(NBSP, " ") == printed


def test_an_interval_has_its_unit_once():
    assert pp_interval(-0.0005, 0.0021).replace(NBSP, " ") == "−0.05 to +0.21 pp"


numbers = st.one_of(st.floats(-0.1, 0.1), st.just(NAN))


@given(st.sampled_from(list(Verdict)), numbers, numbers, numbers, st.integers(0, 30), st.booleans())
def test_nothing_is_bold_where_the_interval_covers_zero(found, verdict, low, mean, high, n, certain):
    some = effect(found, verdict, mean, low, high, n=n, certain=certain)
    off_zero = low > 0 or high < 0
    spans = sentence(found, some).spans()
    if any(isinstance(span, Strong) for span in spans):
        assert off_zero
        assert verdict.decides
    shown = ablation_tiles(replace(found, effects=(some,)), spending(found.trials))
    if n:
        assert shown[0].value == pp(mean)
        assert not shown[0].bold or (off_zero and verdict.decides)


@given(st.floats(0.0001, 0.1), st.floats(0.00001, 0.05))
def test_what_speaks_against_the_claim_is_printed_as_what_speaks_for_it(found, mean, reach):
    for_it = sentence(found, effect(found, "supported", mean, mean - reach, mean + reach))
    against = sentence(found, effect(found, "refuted", -mean, -mean - reach, -mean + reach))
    assert for_it.bold == against.bold == (mean > reach)
    assert for_it.body.split(". ")[0] == against.body.split(". ")[0]


def test_the_summary_counts_the_other_verdicts(tmp_path):
    found = find_ablation(synthetic_ablation.kernels(curves=False))
    summary = summarize_ablation(found, tmp_path / "index.html")
    first, others, where = str(summary).splitlines()
    assert first == str(sentence(found, found.effects[0]))
    verdicts = [each.verdict.value for each in found.effects[1:]]
    counted = [f"{verdicts.count(each.value)} {each.value}" for each in Verdict if each.value in verdicts]
    assert others == f"5 other contrasts: {', '.join(counted)}"
    assert where == f"report: {tmp_path / 'index.html'}"


def test_the_primary_contrast_comes_first(found):
    assert found.effects[0].contrast.name == found.study.primary
    assert [each.contrast.name for each in found.effects[1:]] == [
        name for name in found.study.contrasts if name != found.study.primary
    ]


def test_seconds_of_a_pair_are_as_measured_where_the_plan_does_not_know_them():
    maker = Maker(curves=False)
    arms = tuple(arm.model_copy(update={"step_s": None}) for arm in maker.plan().arms)
    found = find_ablation(maker.register(arms=arms).pair(2).results())
    contrast = found.effects[0].contrast
    measured = sum(found.arm_mean(arm, "train_s") for arm in contrast.weights)
    assert pair_s(found, contrast) == pytest.approx(measured)
    nothing = find_ablation(Maker(curves=False).register(arms=arms).results())
    assert pair_s(nothing, contrast) is None
    text = said(nothing, "undecided", 0.0008, -0.0005, 0.0021, more=14)
    assert text.endswith("; about 14 more seeds would decide.")
    assert math.isnan(nothing.arm_mean("control", "train_s"))
