"""What a search space refuses, and the one line that says so."""

import pytest

from vggsearch.arch import Head, Task
from vggsearch.costs import METRICS
from vggsearch.errors import ArchitectureError, SpaceError
from vggsearch.space import Choice, Constraint, SearchSpace

QUICKSTART = {
    "num_blocks": (2, 3, 4),
    "convs_per_block": Choice((1, 2)),
    "ratio": Choice((4, 8, 16)),
    "kernel_size": Choice((3, 5)),
    "batch_norm": (True,),
}
# 1.3e10 candidates.
LARGE = {
    "num_blocks": (2, 3, 4, 5),
    "convs_per_block": Choice((1, 2, 3, 4), per_block=True),
    "ratio": Choice((1, 2, 4, 8, 16), per_block=True),
    "kernel_size": Choice((1, 3, 5, 7), per_block=True),
    "batch_norm": (True, False),
    "head": (Head(), Head((512,))),
    "task": Task((3, 32, 32)),
}


@pytest.mark.parametrize(
    ("choices", "error", "message"),
    [
        (
            {"num_blocks": ()},
            SpaceError,
            "num_blocks lists one or more options, each once, not []: write [2, 3, 4], for example",
        ),
        (
            {"num_blocks": (2, 2)},
            SpaceError,
            "num_blocks lists one or more options, each once, not [2, 2]: write [2, 3, 4], for example",
        ),
        (
            {"num_blocks": (0, 2)},
            SpaceError,
            "num_blocks are whole numbers from 1, not [0, 2]: write [2, 3, 4]",
        ),
        (
            {"num_blocks": (2, 5)},
            SpaceError,
            "num_blocks goes up to 5, and a side of 28 pixels can be halved 4 times: "
            "use at most 4 blocks, or resize the images to at least 32 pixels",
        ),
        (
            {"num_blocks": (3,), "channels": (8, 16)},
            SpaceError,
            "num_blocks goes up to 3, and channels lists 2: list 3 channel counts, one for each block",
        ),
        (
            {"num_blocks": (2,), "ratio": Choice((4, 128))},
            SpaceError,
            "ratio 128 leaves no channel in a block of 64: use ratios of at most 64",
        ),
        (
            {"num_blocks": (1, 2), "ratio": Choice((24, 28))},
            SpaceError,
            "every ratio gives another net, and 24 and 28 both divide 64 to 2: remove one of them",
        ),
        (
            {"num_blocks": (2,), "ratio": Choice((33, 36, 35), per_block=True), "channels": (64, 128)},
            SpaceError,
            "every ratio gives another net, and 33 and 36 both divide 64 to 1: remove one of them",
        ),
        (
            {"num_blocks": (2,), "kernel_size": Choice((3, 4))},
            ArchitectureError,
            "a kernel size is odd and from 1 to 31, not 4: use 3 or 5, for example",
        ),
        (
            {"num_blocks": (2,), "convs_per_block": Choice((33,))},
            ArchitectureError,
            "a block has 1 to 32 convolutions, not 33: use 1 or 2, for example",
        ),
        (
            {"num_blocks": (2,), "channels": (64, 0)},
            ArchitectureError,
            "a block has 1 to 65536 channels, not 0: use more channels or a smaller ratio",
        ),
        (
            {"num_blocks": (2,), "batch_norm": ()},
            SpaceError,
            "batch_norm lists one or more options, each once, not []: write [true], for example",
        ),
        (
            {"num_blocks": (2,), "head": (Head(), Head())},
            SpaceError,
            "head lists one or more options, each once, not ['gap', 'gap']: write [gap], for example",
        ),
        (
            {
                "num_blocks": tuple(range(1, 13)),
                "channels": (64,) * 12,
                "convs_per_block": Choice(tuple(range(1, 33)), per_block=True),
                "kernel_size": Choice((3, 5), per_block=True),
                "task": Task((1, 4096, 4096)),
            },
            SpaceError,
            "a space has fewer than 5e+18 candidates, each with fewer MACs and bytes; "
            "this one has 5e+21 candidates of up to 7e+13 MACs: remove the largest options",
        ),
        (
            {
                "num_blocks": (3,),
                "channels": (65536,) * 3,
                "convs_per_block": Choice((32,)),
                "kernel_size": Choice((31,)),
                "task": Task((1, 4096, 4096)),
            },
            SpaceError,
            "a space has fewer than 5e+18 candidates, each with fewer MACs and bytes; "
            "this one has 1e+00 candidates of up to 3e+21 MACs: remove the largest options",
        ),
        (
            QUICKSTART | {"constraints": (Constraint("macs", max=1e6), Constraint("macs", min=1e5))},
            SpaceError,
            "a metric is constrained once, and macs is twice: give min and max together",
        ),
    ],
)
def test_bad_descriptions_are_refused_in_one_line(choices, error, message):
    with pytest.raises(error) as caught:
        SearchSpace(**choices)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: Choice(()),
            "a choice lists whole numbers from 1, each once, not []: write [3, 5], for example",
        ),
        (
            lambda: Choice((3, 3)),
            "a choice lists whole numbers from 1, each once, not [3, 3]: write [3, 5], for example",
        ),
        (
            lambda: Choice((0, 1)),
            "a choice lists whole numbers from 1, each once, not [0, 1]: write [3, 5], for example",
        ),
        (
            lambda: Choice((True, 2)),
            "a choice lists whole numbers from 1, each once, not [True, 2]: write [3, 5], for example",
        ),
        (
            lambda: Constraint("flops", max=1),
            f"a constraint is on one of {', '.join(METRICS)}, not 'flops': use macs, for example",
        ),
        (lambda: Constraint("macs"), "the constraint on macs has neither min nor max: give one or both"),
        (
            lambda: Constraint("macs", max=0),
            "a limit on macs is above 0 and below 5e+18, not 0: leave it out for no limit",
        ),
        (
            lambda: Constraint("macs", min=float("nan")),
            "a limit on macs is above 0 and below 5e+18, not nan: leave it out for no limit",
        ),
        (
            lambda: Constraint("macs", max=float("inf")),
            "a limit on macs is above 0 and below 5e+18, not inf: leave it out for no limit",
        ),
        (
            lambda: Constraint("macs", 5, 4),
            "the constraint 5 <= macs <= 4 has no whole number in it: lower min or raise max",
        ),
    ],
)
def test_bad_choices_and_constraints_are_refused_in_one_line(make, message):
    with pytest.raises(SpaceError) as caught:
        make()
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("choices", "constraints", "message"),
    [
        (
            QUICKSTART,
            (Constraint("receptive_field", min=6), Constraint("macs", max=1000)),
            "the constraint macs <= 1000 excludes all candidates, which have 84752 to 25914880: "
            "raise its max to at least 84752",
        ),
        (
            QUICKSTART,
            (Constraint("receptive_field", min=1000),),
            "the constraint 1000 <= receptive_field excludes all candidates, which have 10 to 136: "
            "lower its min to at most 136",
        ),
        (
            QUICKSTART,
            (Constraint("receptive_field", 11, 12),),
            "the constraint 11 <= receptive_field <= 12 excludes all that the choices allow: "
            "loosen one of them",
        ),
        (
            QUICKSTART,
            (
                Constraint("params", max=1e8),
                Constraint("macs", max=1e5),
                Constraint("receptive_field", min=20),
                Constraint("head_params", max=1e9),
            ),
            "the constraint 20 <= receptive_field excludes all that params <= 100000000 "
            "and macs <= 100000 allow: loosen one of them",
        ),
        # 1.3e10 candidates: counted, not searched one by one.
        (
            LARGE,
            (Constraint("macs", max=1e5), Constraint("receptive_field", min=100)),
            "the constraint 100 <= receptive_field excludes all that macs <= 100000 allow: "
            "loosen one of them",
        ),
    ],
)
def test_an_empty_space_says_which_constraint_emptied_it(choices, constraints, message):
    with pytest.raises(SpaceError) as caught:
        SearchSpace(**choices, constraints=constraints)
    assert str(caught.value) == message
