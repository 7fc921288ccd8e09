"""Identity of a run, and what no record can say."""

import json

import pytest

from vggsearch.runs.checksums import Damage
from vggsearch.runs.validation import validated
from vggsearch.testing.fake import artificial_record, run_key


def test_a_changed_copy_of_a_key_has_a_digest_of_its_own():
    key = run_key(seed=1)
    assert key.digest == run_key(seed=1).digest
    assert key.model_copy(update={"seed": 2}).digest == run_key(seed=2).digest != key.digest


def test_where_the_data_set_is_found_is_no_part_of_it():
    assert run_key(script="points=3").digest == run_key().digest


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"val_correct": "A==="}, "val_correct: String should match pattern"),
        ({"test_correct": "/w="}, "test_correct: String should match pattern"),
        ({"val_accuracy": 5e-324, "val_correct": "/w=="}, "val_accuracy: less than one of its images"),
        ({"\x1b[2J": 1}, r"\\x1b\[2J: Extra inputs are not permitted"),
    ],
)
def test_a_record_that_could_not_be_shown_is_damaged(changes, message):
    forged = artificial_record(run_key()).model_dump(mode="json") | changes
    with pytest.raises(Damage, match=message) as caught:
        validated(json.dumps(forged).encode())
    assert str(caught.value).isprintable()


def test_an_accuracy_of_one_image_of_many_is_one():
    found = artificial_record(run_key()).model_dump(mode="json")
    ones = {"val_accuracy": 1 / 24, "val_correct": "AAAB", "test_accuracy": 0.0, "test_correct": "AAAA"}
    assert validated(json.dumps(found | ones).encode()).val_accuracy == 1 / 24
