"""Which run of a study stands for it: by validation alone, never by the test."""

from dataclasses import replace

import pytest
from small_studies import conduct, make_ablation, make_study

from vggsearch.errors import VggSearchError
from vggsearch.study import choose_run


@pytest.fixture(scope="module")
def search(tmp_path_factory):
    """A finished search: two finalists, two seeds each."""
    return conduct(make_study(), tmp_path_factory.mktemp("search"))


@pytest.fixture(scope="module")
def ablation(tmp_path_factory):
    return conduct(make_ablation(), tmp_path_factory.mktemp("ablation"))


def judged(results, accuracies):
    """The same results, with other (val, test) accuracies of finalists' runs, by (architecture, seed)."""
    runs = dict(results.runs)
    for digest, run in results.runs.items():
        found = accuracies.get((run.key.architecture, run.key.seed))
        if run.key.evaluate_on == "test" and found is not None:
            changes = dict(zip(("val_accuracy", "test_accuracy"), found, strict=True))
            changes |= dict.fromkeys(("val_correct", "test_correct"))
            runs[digest] = run.model_copy(update=changes)
    return replace(results, runs=runs)


def finalists(results):
    """Architectures of the finalists, and the seeds of each."""
    found = {}
    for trial in results.trials:
        if trial.stage == "finalists":
            found.setdefault(trial.architecture, []).append(results.runs[trial.run].key.seed)
    return found


def test_the_finalist_of_the_highest_mean_on_validation_and_its_best_seed(search):
    (one, seeds), (other, others) = finalists(search).items()
    accuracies = {
        (one, seeds[0]): (0.90, 0.10),
        (one, seeds[1]): (0.92, 0.20),
        (other, others[0]): (0.50, 0.99),  # the best test accuracies do not count,
        (other, others[1]): (0.93, 0.98),  # nor does a single lucky seed
    }
    chosen = choose_run(judged(search, accuracies))
    assert (chosen.record.key.architecture, chosen.record.key.seed) == (one, seeds[1])
    assert chosen.reasons == (
        f"Study small: finalist {one} has the highest mean accuracy on validation of 2 finalists, 91.00 % "
        "over 2 seeds.",
        f"Of these, seed {seeds[1]} is the best on validation.",
        "Over all 2 seeds the test accuracy is 15.00 %, standard deviation 7.07 pp.",
    )


def test_another_finalist_by_its_architecture(search):
    for text in finalists(search):
        assert choose_run(search, text).record.key.architecture == text
    with pytest.raises(VggSearchError, match=r"a net is named by a finalist, not 'vgg11': use one of"):
        choose_run(search, "vgg11")


def test_an_arm_of_an_ablation_by_its_name(ablation):
    arms = {str(trial.params["arm"]) for trial in ablation.trials if trial.stage == "pairs"}
    assert len(arms) > 1
    for arm in arms:
        chosen = choose_run(ablation, arm)
        trials = [trial for trial in ablation.trials if trial.run == chosen.record.key.digest]
        assert arm in {trial.params["arm"] for trial in trials if trial.stage == "pairs"}
    assert "arm" in choose_run(ablation).reasons[0]


def test_a_search_without_finalists_gives_its_best_run(tmp_path):
    results = conduct(make_study(finalists=None), tmp_path)
    assert choose_run(results).record == results.best()


def test_a_study_without_finalists_yet(search):
    unfinished = replace(search, trials=tuple(one for one in search.trials if one.stage == "search"))
    with pytest.raises(VggSearchError, match=r"has no completed finalist: run it to its end: vggsearch run"):
        choose_run(unfinished)
