"""The study files that come with vggsearch: each loads, and asks what its comments and the README say."""

from pathlib import Path

import numpy as np
import pytest

from vggsearch.arch import Task, parse
from vggsearch.costs import cost
from vggsearch.designs import Design, mismatch
from vggsearch.designs.kernels import KERNEL_CONTRASTS, NULL
from vggsearch.recipe import RECIPES
from vggsearch.space import SearchSpace
from vggsearch.study import AblationStudy, SearchStudy, load_study
from vggsearch.study.search.quotas import search_quotas
from vggsearch.study.table.runs import table_size

FOLDER = Path(__file__).parents[1] / "studies"
FASHION_MNIST = Task(*((1, 28, 28), 10))

SIZES = {
    "quickstart": 168,
    "fashion-mnist-search": 22_608,
    "d2l-vgg11": 1,
    "time-to-accuracy": 10,
    "thirty-seconds": 10,
}
"""How many networks each search chooses among."""

ARMS = {"kernel-size": 7, "block-count": 8, "null": 2, "sprint-recipe": 9, "whitening": 2}
"""How many each ablation trains."""

TABLES = {"vgg-table": (640, 4272), "digits-table": (314, 1884)}
"""How many networks and runs each table has."""


@pytest.fixture(params=sorted(SIZES))
def study(request) -> SearchStudy:
    return load_study(FOLDER / f"{request.param}.yaml")


@pytest.fixture(params=sorted(ARMS))
def ablation(request) -> AblationStudy:
    return load_study(FOLDER / f"{request.param}.yaml")


def test_every_shipped_study_is_expected_here():
    assert {path.stem for path in FOLDER.glob("*.yaml")} == SIZES.keys() | ARMS.keys() | TABLES.keys()


@pytest.mark.parametrize("name", sorted(TABLES))
def test_tables_are_as_large_as_a_judged_search_needs(name):
    table = load_study(FOLDER / f"{name}.yaml")
    members = table.space(FASHION_MNIST).count
    assert (members, table_size(table, members)) == TABLES[name]
    assert table.recipe.precision == "float32"  # and a budget in steps: the same bits on every processor
    assert table.budget.deterministic


def test_size(study):
    assert study.space(FASHION_MNIST).count == SIZES[study.name]
    assert study.question


def test_searches_stand_beside_as_many_random_runs_and_test_finalists_with_five_seeds(study):
    quota = search_quotas(study, SIZES[study.name])
    assert quota.get("baseline", quota["search"]) == quota["search"]
    assert study.finalists.seeds >= 5


def test_reference_point_is_worse_than_every_member(study):
    """Hypervolume counts only what is better than the reference in every objective."""
    space = study.space(FASHION_MNIST)
    if not isinstance(space, SearchSpace):
        assert study.objectives == ("val_accuracy",)
        return
    prices = space.costs(np.arange(space.count))
    for objective in set(study.objectives) - {"val_accuracy"}:
        assert prices[objective].max() < study.reference[objective]


def test_quickstart_fits_five_minutes_on_two_cores():
    study = load_study(FOLDER / "quickstart.yaml")
    runs = sum(search_quotas(study, study.space(FASHION_MNIST).count).values())
    assert runs * study.budget.seconds / 2 <= 200  # the rest is for evaluation, data and the report


def test_main_search_is_the_one_asked_for():
    study = load_study(FOLDER / "fashion-mnist-search.yaml")
    nets = list(study.space(FASHION_MNIST))
    assert {len(net.blocks) for net in nets} == {2, 3, 4}
    assert {block.num_convs for net in nets for block in net.blocks} == {1, 2}
    assert {net.blocks[0].channels for net in nets} == {64 // 4, 64 // 8, 64 // 16}
    assert {kernel for net in nets for block in net.blocks for kernel in block.kernel_sizes} == {3, 5}
    assert any(net.kernel_size is None for net in nets)  # free per block
    assert study.budget.seconds == 60
    assert sum(search_quotas(study, len(nets)).values()) >= 100
    assert set(study.objectives) == {"val_accuracy", "macs", "params"}


def test_chapter_study_is_the_chapters_net_and_training():
    study = load_study(FOLDER / "d2l-vgg11.yaml")
    (net,) = study.space(FASHION_MNIST)
    assert net == parse("d2l-vgg11/4")
    assert study.task(FASHION_MNIST) == Task((1, 224, 224))
    assert cost(net, Task((1, 224, 224))).params == 43_093_322
    assert (study.recipe.lr, study.recipe.batch_size, study.recipe.momentum) == (0.05, 128, 0)
    assert (study.recipe.initialization, study.budget.epochs) == ("xavier", 10)


def design_of(study: AblationStudy) -> Design:
    return study.plan_design(FASHION_MNIST)


def test_an_ablation_tunes_every_arm_and_can_reach_a_verdict(ablation):
    design = design_of(ablation)
    assert len(design.arms) == ARMS[ablation.name]
    assert len(ablation.rates.grid) >= 3
    assert ablation.question
    # The smallest p of n pairs is 2 / 2^n, and Holm multiplies the smallest by the number of contrasts.
    assert 2 / 2**ablation.seeds * len(design.contrasts) <= ablation.alpha


def test_the_claim_is_tested_by_every_kernel_contrast_in_a_net_of_an_eighth_of_the_width():
    study = load_study(FOLDER / "kernel-size.yaml")
    assert set(study.contrasts) == set(KERNEL_CONTRASTS) - {NULL}
    assert study.control == "2x8-2x16-2x32-2x64+bn+gap"
    assert study.seeds >= 10
    design = design_of(study)
    for contrast in design.contrasts:
        for held, fraction in mismatch(design, contrast, FASHION_MNIST).items():
            assert abs(fraction) <= (0.005 if held in ("MACs", "parameters") else 0), (contrast.name, held)


def test_block_count_crosses_depth_convolutions_and_channels_at_equal_training_compute():
    study = load_study(FOLDER / "block-count.yaml")
    assert (study.design, study.budget.kind) == ("factorial", "macs")
    assert set(study.factors) == {"num_blocks", "convs_per_block", "ratio"}
    assert study.seeds >= 6


def test_the_null_study_shares_the_runs_of_the_first_arm_of_kernel_size():
    null, kernels = (load_study(FOLDER / f"{name}.yaml") for name in ("null", "kernel-size"))
    assert design_of(null).arms[0] == design_of(kernels).arms[0]
    assert (null.budget, null.rates, null.seed) == (kernels.budget, kernels.rates, kernels.seed)


def test_the_recipe_sprint_is_the_control_of_the_study_that_chose_it_without_test_images():
    study = load_study(FOLDER / "sprint-recipe.yaml")
    assert study.evaluate_on == "validation"
    assert study.recipe == RECIPES["sprint"].model_copy(update={"precision": "auto"})


def test_the_recipe_dash_is_sprint_with_the_beginning_that_won_without_test_images():
    study = load_study(FOLDER / "whitening.yaml")
    assert study.evaluate_on == "validation"
    assert study.recipe == RECIPES["sprint"]
    ((name, (level,)),) = study.factors.items()
    assert RECIPES["dash"] == RECIPES["sprint"].model_copy(update={name: level})


def test_thirty_seconds_are_half_of_time_to_accuracy_by_the_recipe_that_came_later():
    shorter, longer = (load_study(FOLDER / f"{name}.yaml") for name in ("thirty-seconds", "time-to-accuracy"))
    assert shorter.architectures == longer.architectures
    assert (shorter.finalists, 2 * shorter.budget.seconds) == (longer.finalists, longer.budget.seconds)
    assert (shorter.recipe, longer.recipe) == (RECIPES["dash"], RECIPES["sprint"])
