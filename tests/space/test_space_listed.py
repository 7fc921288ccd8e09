"""A space written out: order, neighbours, and what is refused."""

import pytest

from vggsearch.arch import parse
from vggsearch.errors import ArchitectureError, SpaceError
from vggsearch.space import ListedSpace


def listed(*texts):
    return ListedSpace(tuple(map(parse, texts)))


def test_members_are_those_listed_in_that_order():
    space = listed("2x8+gap", "1x16-1x32+bn+gap", "1x4+gap")
    assert list(map(str, space)) == ["2x8+gap", "1x16-1x32+bn+gap", "1x4+gap"]
    assert space.count == 3


@pytest.mark.parametrize(
    ("other", "neighbour"),
    [
        ("2x8-1x16+gap", True),
        ("1x9-1x16+gap", True),
        ("1x8k5-1x16+gap", True),
        ("1x8-1x16+bn+gap", True),
        ("1x8-1x16+fc10", True),
        ("1x8+gap", True),
        ("1x8-1x16-4x4k7+gap", True),
        ("1x8-1x16-1x4-1x4+gap", False),
        ("2x8-2x16+gap", False),
        ("1x9-1x16k5+gap", False),
        ("1x8-1x16+bn+fc10", False),
    ],
)
def test_neighbours_differ_in_one_choice(other, neighbour):
    space = listed("1x8-1x16+gap", other)
    assert space.neighbours(parse("1x8-1x16+gap")) == ([parse(other)] if neighbour else [])


def test_one_parameter_chooses_among_the_canonical_texts():
    space = listed("2x8k3+gap", "1x4+gap")
    assert space.build(lambda name, options: {"architecture": options[1]}[name]) == parse("1x4+gap")
    assert space.params_of(parse("2x8+gap")) == {"architecture": "2x8+gap"}
    assert listed("1x4+gap").params_of(parse("1x4+gap")) == {}


def test_nothing_constrains_a_list():
    space = listed("1x4+gap")
    assert space.violation(parse("1x4+gap")) is None
    assert space.violations(parse("1x4+gap")) == {}


@pytest.mark.parametrize(
    ("texts", "error", "message"),
    [
        (
            (),
            SpaceError,
            "a list of architectures holds at least one, not none: write [1x16-1x32+gap], for example",
        ),
        (
            ("1x4+gap", "1x4k3+gap"),
            SpaceError,
            "architectures are listed once, and 1x4+gap is twice: remove one of them",
        ),
        (
            ("1x4+gap", "vgg11/4"),
            ArchitectureError,
            "5 blocks halve a side of 28 pixels 5 times, and only 4 fit: "
            "use at most 4 blocks, or an input of at least 32 pixels",
        ),
    ],
)
def test_bad_lists_are_refused_in_one_line(texts, error, message):
    with pytest.raises(error) as caught:
        listed(*texts)
    assert str(caught.value) == message
