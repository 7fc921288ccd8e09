"""`SearchSpace`: its numbering, its parameters, its constraints, its neighbours, and what it refuses."""

import time

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from vggsearch.arch import Architecture, Head, Task, parse
from vggsearch.costs import cost
from vggsearch.errors import SpaceError
from vggsearch.space import Choice, Constraint, SearchSpace
from vggsearch.testing.strategies import search_spaces

QUICKSTART = {
    "num_blocks": (2, 3, 4),
    "convs_per_block": Choice((1, 2)),
    "ratio": Choice((4, 8, 16)),
    "kernel_size": Choice((3, 5)),
    "batch_norm": (True,),
}
PER_BLOCK = {
    "num_blocks": (2, 3),
    "convs_per_block": Choice((1, 2), per_block=True),
    "ratio": Choice((4, 8), per_block=True),
    "kernel_size": Choice((3, 5), per_block=True),
    "head": (Head(), Head((32,))),
}
# 5 blocks of 4 × 5 × 4 options, with or without batch norm, two heads: 1.3e10; 6 at 64 pixels: 1e12.
LARGE = {
    "num_blocks": (2, 3, 4, 5),
    "convs_per_block": Choice((1, 2, 3, 4), per_block=True),
    "ratio": Choice((1, 2, 4, 8, 16), per_block=True),
    "kernel_size": Choice((1, 3, 5, 7), per_block=True),
    "batch_norm": (True, False),
    "head": (Head(), Head((512,))),
    "task": Task((3, 32, 32)),
}
HUGE = LARGE | {"num_blocks": (5, 6), "channels": (64, 128, 256, 512, 512, 512), "task": Task((3, 64, 64))}


@pytest.mark.parametrize(
    ("choices", "size"),
    [
        ({"num_blocks": (3,)}, 1),
        (QUICKSTART, 3 * 2 * 3 * 2),
        (PER_BLOCK, 2 * (8**2 + 8**3)),
        (QUICKSTART | {"kernel_size": Choice((3, 5), per_block=True)}, 2 * 3 * (4 + 8 + 16)),
        (LARGE, 4 * (80**2 + 80**3 + 80**4 + 80**5)),
        (HUGE, 4 * (80**5 + 80**6)),
    ],
)
def test_without_constraints_the_count_is_a_product(choices, size):
    start = time.process_time()
    space = SearchSpace(**choices)
    assert space.count == space.size == size
    assert time.process_time() - start < 0.1


def test_members_come_by_blocks_convolutions_ratio_kernel_norm_and_head():
    space = SearchSpace(
        num_blocks=(2, 1),
        convs_per_block=Choice((2, 1)),
        kernel_size=Choice((3, 5), per_block=True),
        head=(Head(), Head((7,))),
        channels=(8, 16),
    )
    assert list(map(str, space)) == [
        "2x8-2x16+gap", "2x8-2x16+fc7", "2x8-2x16k5+gap", "2x8-2x16k5+fc7",
        "2x8k5-2x16+gap", "2x8k5-2x16+fc7", "2x8k5-2x16k5+gap", "2x8k5-2x16k5+fc7",
        "1x8-1x16+gap", "1x8-1x16+fc7", "1x8-1x16k5+gap", "1x8-1x16k5+fc7",
        "1x8k5-1x16+gap", "1x8k5-1x16+fc7", "1x8k5-1x16k5+gap", "1x8k5-1x16k5+fc7",
        "2x8+gap", "2x8+fc7", "2x8k5+gap", "2x8k5+fc7",
        "1x8+gap", "1x8+fc7", "1x8k5+gap", "1x8k5+fc7",
    ]  # fmt: skip


@given(search_spaces(constrained=False))
@settings(deadline=None, max_examples=50)
def test_candidate_and_index_give_each_other(space):
    candidates = list(space)
    assert [space.index(candidate) for candidate in candidates] == list(range(space.size))
    assert [space.candidate(i) for i in range(space.size)] == candidates
    backwards = np.arange(space.size)[::-1]
    assert space.candidates(backwards) == candidates[::-1]


def test_candidates_of_a_huge_space_are_found_by_number():
    space = SearchSpace(**HUGE)
    for index in (0, 80**5, space.size // 3, space.size - 1):
        assert space.index(space.candidate(index)) == index
    assert str(space.candidate(space.size - 1)) == "4x4k7-4x8k7-4x16k7-4x32k7-4x32k7-4x32k7+fc512"


@pytest.mark.parametrize("index", [-1, 36])
def test_there_is_no_candidate_beyond_the_last(index):
    with pytest.raises(IndexError, match=rf"^candidates are numbered 0 to 35, not {index}$"):
        SearchSpace(**QUICKSTART).candidate(index)


@pytest.mark.parametrize(
    "text",
    [
        "1x16-1x32+gap",
        "1x16-1x32+bn+fc9",
        "1x16+bn+gap",
        "1x17-1x32+bn+gap",
        "1x16-1x16+bn+gap",
        "1x16-2x32+bn+gap",
        "1x16-1x32k5+bn+gap",
        "2x16k3,5-2x32k3,5+bn+gap",
        "1x16-1x32-1x64-1x128-1x128+bn+gap",
    ],
)
def test_other_nets_are_no_members(text):
    space = SearchSpace(**QUICKSTART)
    assert parse("1x16-1x32+bn+gap") in space
    assert parse(text) not in space
    assert space.index(parse(text)) is None


def test_parameters_are_asked_for_by_name_where_there_is_a_choice():
    asked = []

    def last(name, options):
        asked.append((name, tuple(options)))
        return options[-1]

    assert str(SearchSpace(**PER_BLOCK).build(last)) == "2x8k5-2x16k5-2x32k5+fc32"
    assert asked == [
        ("num_blocks", (2, 3)),
        ("convs_1", (1, 2)), ("convs_2", (1, 2)), ("convs_3", (1, 2)),
        ("ratio_1", (4, 8)), ("ratio_2", (4, 8)), ("ratio_3", (4, 8)),
        ("kernel_1", (3, 5)), ("kernel_2", (3, 5)), ("kernel_3", (3, 5)),
        ("head", ("gap", "fc32")),
    ]  # fmt: skip
    asked.clear()
    assert str(SearchSpace(**QUICKSTART | {"batch_norm": (True, False)}).build(last)) == (
        "2x4k5-2x8k5-2x16k5-2x32k5+gap"
    )
    assert [name for name, _ in asked] == ["num_blocks", "convs", "ratio", "kernel", "batch_norm"]


def test_parameters_that_do_not_apply_are_not_asked_for():
    params = SearchSpace(**PER_BLOCK).params_of(parse("1x16-2x16k5+gap"))
    assert params == {
        "num_blocks": 2, "convs_1": 1, "convs_2": 2, "ratio_1": 4, "ratio_2": 8, "kernel_1": 3, "kernel_2": 5,
        "head": "gap",
    }  # fmt: skip


def test_one_option_per_block_is_one_for_the_net():
    space = SearchSpace(num_blocks=(2,), kernel_size=Choice((5,), per_block=True))
    assert list(map(str, space)) == ["1x64k5-1x128k5+gap"]
    assert space.params_of(space.candidate(0)) == {}


@given(search_spaces(constrained=True))
@settings(deadline=None, max_examples=60)
def test_members_are_the_candidates_that_keep_every_limit(space):
    def keeps(candidate):
        found = cost(candidate, space.task)
        return all(
            low <= getattr(found, c.metric) <= high for c in space.constraints for low, high in [c.limits]
        )

    candidates = [space.candidate(i) for i in range(space.size)]
    members = [candidate for candidate in candidates if keeps(candidate)]
    assert list(space) == members
    assert space.count == len(members)
    for candidate in candidates:
        assert (candidate in space) == keeps(candidate) == (space.violation(candidate) is None)
        assert keeps(candidate) == all(value <= 0 for value in space.violations(candidate).values())


def test_violations_say_which_limit_and_by_how_much():
    space = SearchSpace(
        num_blocks=(1, 2),
        channels=(8, 16),
        constraints=(Constraint("params", max=1000), Constraint("receptive_field", 4, 8)),
    )
    two = parse("1x8-1x16+gap")
    assert cost(two).params == 8 * 10 + 16 * 73 + 170 == 1418
    assert space.violation(two) == "params is 1418, above its max, 1000"
    assert space.violations(two) == {
        "params_max": 0.418,
        "receptive_field_min": -1.5,
        "receptive_field_max": 0.25,
    }
    wide = SearchSpace(
        num_blocks=(1, 2), channels=(8, 16), constraints=(Constraint("receptive_field", min=5),)
    )
    assert wide.violation(parse("1x8+gap")) == "receptive_field is 4, below its min, 5"
    assert SearchSpace(**QUICKSTART).violation(two) is None
    assert SearchSpace(**QUICKSTART).violations(two) == {}


def test_limits_are_included_and_fractions_rounded_into_the_interval():
    assert Constraint("macs", 3.2, 5.9).limits == (4, 5)
    assert Constraint("macs", 3.0, 2.0e7).limits == (3, 20_000_000)
    assert str(Constraint("macs", 3.2, 5.9)) == "4 <= macs <= 5"
    assert str(Constraint("params", max=1e6)) == "params <= 1000000"


def differences(one: dict, other: dict) -> set[str]:
    return {name for name in one.keys() & other.keys() if one[name] != other[name]}


@given(search_spaces(), st.integers(0, 2**32))
@settings(deadline=None, max_examples=60)
def test_neighbours_are_all_members_that_differ_in_one_choice(space, seed):
    member = space.sample(np.random.default_rng(seed), 1)[0]
    own = space.params_of(member)
    expected = []
    for other in space:
        changed = differences(own, space.params_of(other))
        deeper = abs(len(other.blocks) - len(member.blocks))
        if (deeper == 1 and changed == {"num_blocks"}) or (deeper == 0 and len(changed) == 1):
            expected.append(other)
    assert sorted(map(str, space.neighbours(member))) == sorted(map(str, expected))


def test_a_net_outside_has_no_neighbours():
    with pytest.raises(SpaceError, match=r"^1x7\+gap is not among the 36 candidates of the space: widen its"):
        SearchSpace(**QUICKSTART).neighbours(parse("1x7+gap"))


def test_a_space_is_a_value():
    assert SearchSpace(**QUICKSTART) == SearchSpace(**QUICKSTART)
    assert len({SearchSpace(**QUICKSTART), SearchSpace(**QUICKSTART), SearchSpace(**PER_BLOCK)}) == 2
    assert isinstance(SearchSpace(**QUICKSTART).candidate(0), Architecture)
