"""The text form: what it means, that it comes back, and what is said where it cannot be read."""

import pytest
from hypothesis import example, given, settings, strategies as st

from vggsearch.arch import Architecture, Block, Head, parse
from vggsearch.arch.spec import MAX_BLOCKS, MAX_CHANNELS, MAX_CONVS, MAX_KERNEL, MAX_TEXT
from vggsearch.errors import ArchitectureError, VggSearchError
from vggsearch.testing.strategies import any_architectures


@pytest.mark.parametrize(
    ("text", "architecture"),
    [
        ("1x16+gap", Architecture((Block(16, (3,)),))),
        ("2x64k5+gap", Architecture((Block(64, (5, 5)),))),
        ("2x64k3,1+fc10", Architecture((Block(64, (3, 1)),), head=Head((10,)))),
        (
            "1x16-1x32-2x64k5-2x128k3,1+bn+gap",
            Architecture(
                (Block(16, (3,)), Block(32, (3,)), Block(64, (5, 5)), Block(128, (3, 1))), batch_norm=True
            ),
        ),
        ("1x16+bn+gelu+gap", Architecture((Block(16, (3,)),), batch_norm=True, activation="gelu")),
        ("1x16+leaky_relu+fc8", Architecture((Block(16, (3,)),), False, Head((8,)), "leaky_relu")),
        ("1x8+fc4096,4096", Architecture((Block.uniform(1, 8),), head=Head((4096, 4096)))),
    ],
)
def test_the_text_form_names_exactly_one_architecture(text, architecture):
    assert Architecture.parse(text) == architecture
    assert str(architecture) == text


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("2x8k3+gap", "2x8+gap"),
        ("2x8k3,3+gap", "2x8+gap"),
        ("2x8k5,5+gap", "2x8k5+gap"),
        ("01x008+gap", "1x8+gap"),
    ],
)
def test_other_ways_to_write_it_become_canonical(text, canonical):
    assert str(Architecture.parse(text)) == canonical


@given(any_architectures())
@settings(deadline=None)
@example(
    Architecture(
        (Block(MAX_CHANNELS, (31,) * (MAX_CONVS - 1) + (29,)),) * MAX_BLOCKS, True, Head((65536,) * 16)
    )
)
def test_what_is_written_can_be_read(architecture):
    assert len(str(architecture)) <= MAX_TEXT
    assert Architecture.parse(str(architecture)) == architecture
    assert parse(str(architecture)) == architecture


ONE_HEAD = "expected one head, +gap or +fc4096,4096, after the blocks, +bn and activation"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "",
            "architecture '', character 1: " + ONE_HEAD,
        ),
        (
            "1x16",
            "architecture '1x16', character 5: " + ONE_HEAD,
        ),
        (
            "1x16+bn",
            "architecture '1x16+bn', character 8: " + ONE_HEAD,
        ),
        (
            "1x16+gap+bn",
            "architecture '1x16+gap+bn', character 5: " + ONE_HEAD,
        ),
        (
            "1x16-x32+gap",
            "architecture '1x16-x32+gap', character 6: expected a block NUMxCHANNELS or NUMxCHANNELSkKERNEL, "
            "as in 2x64 or 2x64k5",
        ),
        (
            "1x16\n+gap",
            "architecture '1x16\\n+gap', character 1: expected a block NUMxCHANNELS or NUMxCHANNELSkKERNEL, "
            "as in 2x64 or 2x64k5",
        ),
        (
            "3x16k3,5+gap",
            "architecture '3x16k3,5+gap', character 1: "
            "expected one kernel size, or 3 of them for 3 convolutions",
        ),
        ("1x16+fc", "a head is gap or fcN,N, not 'fc': write gap or fc4096,4096"),
        ("1x16+GAP", "a head is gap or fcN,N, not 'GAP': write gap or fc4096,4096"),
        ("1x16k4+gap", "a kernel size is odd and from 1 to 31, not 4: use 3 or 5, for example"),
        ("1x16k33+gap", "a kernel size is odd and from 1 to 31, not 33: use 3 or 5, for example"),
        ("0x16+gap", "a block has 1 to 32 convolutions, not 0: use 1 or 2, for example"),
        ("33x16+gap", "a block has 1 to 32 convolutions, not 33: use 1 or 2, for example"),
        (
            "999999999x16+gap",
            "a block has 1 to 32 convolutions, not 999999999: use 1 or 2, for example",
        ),
        ("1x0+gap", "a block has 1 to 65536 channels, not 0: use more channels or a smaller ratio"),
        ("1x65537+gap", "a block has 1 to 65536 channels, not 65537: use fewer channels"),
        (
            "1x1+fc0",
            "a head has at most 16 hidden layers of 1 to 65536 units, not 0: write gap or fc4096,4096",
        ),
        (
            "-".join(["1x1"] * 17) + "+gap",
            "an architecture has 1 to 16 blocks, not 17: write 1x16-1x32+gap, for example",
        ),
        (
            "x" * 2001,
            "an architecture is at most 2000 characters, not 2001: write 1x16-1x32+gap, for example",
        ),
    ],
)
def test_unreadable_text_gets_one_line_that_says_what_was_expected_and_where(text, message):
    with pytest.raises(ArchitectureError) as error:
        Architecture.parse(text)
    assert str(error.value) == message


def read(text):
    try:
        return parse(text)
    except VggSearchError as error:
        return str(error)


@given(st.text() | st.text(alphabet="0123456789xk,-+bngapfc/", max_size=40))
@example("A" + "\U000103d6" * 40)
@example("1" + "\U000103d6" * 40)
@settings(deadline=None, max_examples=500)
def test_parsing_is_total(text):
    found = read(text)
    if isinstance(found, str):
        assert "\n" not in found
        assert len(found) < 300
    else:
        assert parse(str(found)) == found


@pytest.mark.parametrize(
    ("block", "kernel_size"), [("2x8", 3), ("2x8k5", 5), ("2x8k3,5", None), ("1x8k1", 1)]
)
def test_a_block_has_one_kernel_size_or_none(block, kernel_size):
    architecture = Architecture.parse(f"{block}+gap")
    assert architecture.blocks[0].kernel_size == kernel_size
    assert architecture.kernel_size == kernel_size


def test_a_net_has_one_kernel_size_where_its_blocks_share_it():
    assert Architecture.parse("1x8k5-2x8k5+gap").kernel_size == 5
    assert Architecture.parse("1x8k5-2x8+gap").kernel_size is None
    assert Architecture.parse("1x8k5-2x8+gap").num_convs == 3


def test_a_ratio_divides_channels_rounding_down_and_leaves_the_head():
    assert str(Architecture.parse("1x9-2x16k5+bn+fc100").divided_by(2)) == "1x4-2x8k5+bn+fc100"


@pytest.mark.parametrize(
    ("ratio", "message"),
    [
        (0, "a ratio is a whole number from 1, not 0: write vgg11/4, for example"),
        (9, "ratio 9 leaves no channel in a block of 8: use a ratio of at most 8"),
    ],
)
def test_a_ratio_that_leaves_no_channel_is_refused(ratio, message):
    with pytest.raises(ArchitectureError) as error:
        Architecture.parse("1x8-1x16+gap").divided_by(ratio)
    assert str(error.value) == message


def test_even_the_largest_kernel_is_odd():
    assert MAX_KERNEL % 2 == 1
    assert Block(1, (MAX_KERNEL,)).kernel_size == MAX_KERNEL
