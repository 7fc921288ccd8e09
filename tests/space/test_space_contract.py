"""What every space keeps, whichever way it is described: one suite over both implementations."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from vggsearch.arch import Architecture, parse
from vggsearch.costs import cost
from vggsearch.errors import SpaceError
from vggsearch.space import Choice, ListedSpace, SearchSpace, Space
from vggsearch.testing.strategies import architectures, listed_spaces, search_spaces

spaces = search_spaces(max_options=2) | listed_spaces()
unhurried = settings(deadline=None, max_examples=40)


def first_of(_name, options):
    return options[0]


@given(spaces)
@unhurried
def test_iteration_gives_every_member_once_in_an_order_that_stays(space):
    members = list(space)
    assert members == list(space)
    assert len(set(members)) == len(members) == space.count > 0
    assert len(set(map(str, members))) == space.count


@given(spaces)
@unhurried
def test_members_fit_the_images_and_break_no_constraint(space):
    for member in space:
        assert member in space
        assert space.violation(member) is None
        assert all(value <= 0 for value in space.violations(member).values())
        assert cost(member, space.task).params > 0


@given(st.data(), spaces)
@unhurried
def test_contains_says_what_iteration_would_find(data, space):
    architecture = data.draw(architectures(space.task.input_shape))
    assert (architecture in space) == (architecture in set(space))
    assert "1x16+gap" not in space


@given(spaces, st.integers(0, 2**32))
@unhurried
def test_samples_are_members_and_repeat_with_their_generator(space, seed):
    drawn = space.sample(np.random.default_rng(seed), 20)
    assert len(drawn) == 20
    assert set(drawn) <= set(space)
    assert space.sample(np.random.default_rng(seed), 20) == drawn
    assert space.sample(np.random.default_rng(seed), 0) == []


@given(spaces)
@unhurried
def test_build_gives_the_member_its_params_describe(space):
    for member in space:
        params = space.params_of(member)
        asked = {}

        def answer(name, options, params=params, asked=asked):
            assert len(options) == len(set(options)) > 1
            asked[name] = params[name]
            return params[name]

        assert space.build(answer) == member
        assert asked == params


@given(spaces)
@unhurried
def test_the_same_name_always_has_the_same_options(space):
    options_of = {}
    for member in space:
        params = space.params_of(member)

        def answer(name, options, params=params):
            assert options_of.setdefault(name, tuple(options)) == tuple(options)
            return params[name]

        space.build(answer)


@given(spaces)
@unhurried
def test_neighbours_are_other_members_and_mutual(space):
    members = list(space)[:40]
    for member in members:
        neighbours = space.neighbours(member)
        assert len(set(neighbours)) == len(neighbours)
        assert member not in neighbours
        assert all(other in space for other in neighbours)
        assert all(member in space.neighbours(other) for other in neighbours[:3])


SMALL: list[Space] = [
    SearchSpace(num_blocks=(1, 2), kernel_size=Choice((3, 5), per_block=True)),
    ListedSpace(tuple(map(parse, ("1x8+gap", "2x8+gap", "1x8-1x8+gap")))),
]


@pytest.mark.parametrize("space", SMALL, ids=["search", "listed"])
def test_sampling_is_uniform(space):
    draws = Counter(space.sample(np.random.default_rng(0), 6000))
    expected = 6000 / space.count
    chi_square = sum((draws[member] - expected) ** 2 / expected for member in space)
    # Below the 99.9 % quantile of chi-square with count - 1 degrees of freedom (Wilson and Hilferty 1931).
    freedom = space.count - 1
    assert chi_square < freedom * (1 - 2 / (9 * freedom) + 3.09 * (2 / (9 * freedom)) ** 0.5) ** 3


@pytest.mark.parametrize("space", SMALL, ids=["search", "listed"])
def test_an_answer_that_is_no_option_is_refused(space):
    with pytest.raises(SpaceError, match=r"not 'nothing': choose one of them$"):
        space.build(lambda _name, _options: "nothing")


@pytest.mark.parametrize(
    ("space", "message"),
    [
        (SMALL[0], "1x7+gap is not among the 6 candidates of the space: widen its choices"),
        (SMALL[1], "1x7+gap is not among the 3 listed: add it to architectures"),
    ],
    ids=["search", "listed"],
)
def test_what_is_not_in_a_space_has_no_params_there(space, message):
    with pytest.raises(SpaceError) as error:
        space.params_of(Architecture.parse("1x7+gap"))
    assert str(error.value) == message


@pytest.mark.parametrize("space", SMALL, ids=["search", "listed"])
def test_first_options_build_the_first_member(space):
    assert space.build(first_of) == next(iter(space))
