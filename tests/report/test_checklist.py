"""The checklist says met only where the records say so: each item is turned by its own change of the data."""

from dataclasses import replace

import pytest
from synthetic_study import Maker, source

from vggsearch.analysis.worker_time import spending
from vggsearch.recipe import Budget
from vggsearch.report.search.checklist import search_checklist
from vggsearch.report.search.search_findings import find_search
from vggsearch.runs.record import Outcome

NETS = ("1x8-1x16+bn+gap", "1x16-1x32+bn+gap", "2x8-2x16+bn+gap")
TRAINING, SPACE, FINAL, METHOD, SETTINGS, SAME, CONFOUNDERS, ABLATION, PROTOCOL, TIME = range(10)
RANDOM, SEVERAL, SURROGATES, TUNING, WHOLE, DETAILS = range(10, 16)


def study(*, baseline=True, finalists=True, **options):
    """A study in which everything that can be met is met, made calm: no run was held up by other work."""
    maker = Maker(source(), **options)
    for text in NETS:
        maker.trial("search", text)
    for text in ("1x4-1x8+bn+gap", "1x4k5-1x8+bn+gap", "2x4-2x8+bn+gap") if baseline else ():
        maker.trial("baseline", text)
    for seed in (1, 2) if finalists else ():
        maker.trial("finalists", NETS[1], seed=seed)
    maker.runs = {digest: run.model_copy(update={"contended": False}) for digest, run in maker.runs.items()}
    return maker.results()


def answers(results):
    findings = find_search(results)
    return [item.answer.value for item in search_checklist(findings, spending(findings.trials))]


def changed(results, change, which=0):
    """The results with one run's fields changed, its key excepted in the index."""
    runs = dict(results.runs)
    digest = list(runs)[which]
    runs[digest] = change(runs[digest])
    return replace(results, runs=runs)


def made_with(**fields):
    return lambda run: run.model_copy(update={"provenance": run.provenance.model_copy(update=fields)})


def keyed(**fields):
    return lambda run: run.model_copy(update={"key": run.key.model_copy(update=fields)})


def test_all_that_a_search_can_meet():
    met = [i for i, answer in enumerate(answers(study())) if answer == "met"]
    assert met == [
        TRAINING,
        SPACE,
        FINAL,
        METHOD,
        SETTINGS,
        SAME,
        CONFOUNDERS,
        PROTOCOL,
        TIME,
        RANDOM,
        WHOLE,
        DETAILS,
    ]


@pytest.mark.parametrize("item", [ABLATION, SURROGATES, TUNING])
def test_what_no_search_meets(item):
    assert answers(study())[item] == "not met"


def test_one_search_is_never_several():
    assert answers(study())[SEVERAL] == "partly met"
    assert answers(study(finalists=False))[SEVERAL] == "not met"


@pytest.mark.parametrize(
    ("item", "change", "answer"),
    [
        (TRAINING, made_with(commit="0123+"), "not met"),
        (METHOD, made_with(commit="0123+"), "not met"),
        (TRAINING, made_with(commit=None), "partly met"),
        (TRAINING, lambda run: run.model_copy(update={"provenance": None}), "partly met"),
        (DETAILS, lambda run: run.model_copy(update={"provenance": None}), "partly met"),
        (CONFOUNDERS, made_with(torch="2.0"), "not met"),
        (CONFOUNDERS, made_with(processor="another"), "not met"),
        (CONFOUNDERS, made_with(threads=2), "not met"),
        (CONFOUNDERS, lambda run: run.model_copy(update={"contended": True}), "partly met"),
        (SAME, keyed(budget=Budget(seconds=99)), "not met"),
        (SAME, keyed(training_revision=99), "not met"),
        (SAME, keyed(input_shape=(1, 32, 32)), "not met"),
        (PROTOCOL, lambda run: run.model_copy(update={"test_accuracy": 0.9}), "not met"),
        (PROTOCOL, keyed(seed=7), "partly met"),
    ],
)
def test_one_run_that_differs_turns_the_answer(item, change, answer):
    assert answers(study())[item] == "met"
    assert answers(changed(study(), change))[item] == answer


def test_finalists_of_another_budget_are_told():
    last = len(study().runs) - 1
    assert answers(changed(study(), keyed(budget=Budget(seconds=99)), which=last))[FINAL] == "partly met"


def test_without_a_baseline_nothing_is_compared():
    alone = answers(study(baseline=False))
    assert (alone[SAME], alone[PROTOCOL], alone[RANDOM]) == ("not applicable", "not applicable", "not met")


def test_a_smaller_baseline_is_half_the_answer():
    maker = Maker(source())
    for text in NETS:
        maker.trial("search", text)
    maker.trial("baseline", "1x4-1x8+bn+gap")
    assert answers(maker.results())[RANDOM] == "partly met"


@pytest.mark.parametrize("sampler", ["grid", "random"])
def test_grid_and_random_search_need_no_random_search(sampler):
    maker = Maker(source(sampler=sampler))
    maker.trial("search", NETS[0])
    assert answers(maker.results())[RANDOM] == "not applicable"


def test_without_finalists_there_is_no_final_evaluation():
    assert answers(study(finalists=False))[FINAL] == "not applicable"


def test_an_empty_study_meets_next_to_nothing():
    found = answers(Maker(source()).results())
    met = [i for i, answer in enumerate(found) if answer == "met"]
    assert met == [SPACE, SETTINGS]


def test_a_study_that_never_completed_has_no_curve():
    maker = Maker(source())
    maker.trial("search", NETS[0], outcome=Outcome.DIVERGED)
    assert answers(maker.results())[TIME] == "not met"
