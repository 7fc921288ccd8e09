"""Predicted classes in a record: packed without loss, small, and refused where they contradict it."""

import base64
import json
import math

import numpy as np
import pytest
from hypothesis import given, strategies as st

from vggsearch.runs import Predictions, RunRecord, pack_bits
from vggsearch.runs.checksums import Damage
from vggsearch.runs.validation import validated
from vggsearch.testing.fake import artificial_record, run_key

LABELS = np.array([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
PREDICTED = np.array([0, 1, 2, 3, 4, 5, 6, 7, 9, 0])
SURE = np.array([0.9] * 8 + [0.6, 0.7], dtype=np.float32)


def predictions(**changes: object) -> dict[str, object]:
    return Predictions.of(LABELS, PREDICTED, SURE, 10).model_dump(mode="json") | changes


def forged(**changes: object) -> bytes:
    """A tested run of ten images, of which eight are right, with `changes`."""
    record = artificial_record(run_key(evaluate_on="test")).model_dump(mode="json")
    tested = {"test_accuracy": 0.8, "test_correct": pack_bits(LABELS == PREDICTED)}
    return json.dumps(record | tested | {"test_predictions": predictions()} | changes).encode()


def test_a_record_gives_its_classes_back():
    labels, predicted = validated(forged()).test_classes()
    assert (labels.tolist(), predicted.tolist()) == (LABELS.tolist(), PREDICTED.tolist())


def test_the_surest_mistakes_come_first():
    assert predictions()["surest"] == [
        {"image": 9, "probability": pytest.approx(0.7)},
        {"image": 8, "probability": pytest.approx(0.6)},
    ]


def test_twenty_mistakes_are_kept_and_none_without_a_probability():
    sure = np.linspace(0.5, 1, 30, dtype=np.float32)
    sure[[29, 3]] = np.nan, np.inf
    kept = Predictions.of(np.zeros(30, dtype=int), np.ones(30, dtype=int), sure, 2).surest
    assert [one.image for one in kept] == list(range(28, 8, -1))


def test_a_record_from_before_has_none_and_is_written_as_before():
    old = artificial_record(run_key(evaluate_on="test"))
    assert old.test_classes() is None
    assert "test_predictions" not in old.model_dump_json()


@given(
    st.integers(2, 1000).flatmap(
        lambda k: st.tuples(
            st.just(k), st.lists(st.tuples(*[st.integers(0, k - 1)] * 2), min_size=1, max_size=40)
        )
    )
)
def test_packing_loses_nothing(found):
    k, pairs = found
    labels, predicted = (np.array(column) for column in zip(*pairs, strict=True))
    packed = Predictions.of(labels, predicted, np.full(len(labels), 0.5), k)
    again = packed.unpack(labels == predicted, k)
    assert again[0].tolist() == labels.tolist()
    assert again[1].tolist() == predicted.tolist()
    assert len(base64.b64decode(packed.labels)) == math.ceil(
        len(labels) * max(1, math.ceil(math.log2(k))) / 8
    )


@pytest.mark.parametrize(("classes", "limit"), [(10, 8_500), (100, 14_500), (1000, 20_500)])
def test_ten_thousand_images_take_a_few_kilobytes(classes, limit):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, classes, 10_000)
    predicted = np.where(rng.random(10_000) < 0.9, labels, (labels + 1) % classes)
    kept = Predictions.of(labels, predicted, rng.random(10_000), classes)
    assert len(kept.model_dump_json()) < limit


def packed(classes: list[int], bits: int) -> str:
    text = "".join(f"{one:0{bits}b}" for one in classes)
    return base64.b64encode(
        int(text.ljust(-(-len(text) // 8) * 8, "0"), 2).to_bytes(-(-len(text) // 8), "big")
    ).decode()


def test_the_format_is_what_it_says():
    assert predictions()["labels"] == packed(LABELS.tolist(), 4)
    assert predictions()["mistaken"] == packed([9, 0], 4)


MISTAKE = {"image": 9, "probability": 0.7}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"images": 11}, "labels: 5 bytes do not hold 11 classes of 10|mistaken: "),
        ({"images": 17}, "of 17 images, not the 16 answered"),
        ({"images": 9}, "mistaken: more than 1 classes|labels: more than 9 classes"),
        ({"images": 0}, "greater than or equal to 1"),
        ({"images": 2**40}, "less than 2147483648"),
        ({"labels": ""}, "labels: 0 bytes do not hold 10 classes of 10"),
        ({"labels": "AAA"}, "labels: String should match pattern"),
        ({"labels": "A" * 4_000_004}, "labels: String should have at most 4000000 characters"),
        ({"labels": packed([0, 1, 2, 3, 4, 5, 6, 7, 10, 9], 4)}, "labels: a class that is not below 10"),
        ({"mistaken": ""}, "mistaken: 0 bytes do not hold 2 classes of 10"),
        ({"mistaken": packed([8, 15], 4)}, "mistaken: a class that is not below 10"),
        ({"mistaken": packed([9, 9], 4)}, "mistaken: the true class of an image that was got wrong"),
        ({"mistaken": packed([9, 0, 0, 1], 4)}, "mistaken: 2 bytes do not hold 2"),
        ({"labels": None, "mistaken": "AA"}, "mistaken: String should match pattern"),
        ({"labels": None, "mistaken": packed([15, 0], 4)}, "mistaken: a class that is not below 10"),
        ({"surest": [MISTAKE] * 2}, "surest: different images"),
        ({"surest": [MISTAKE] * 21}, "surest: Tuple should have at most 20 items"),
        ({"surest": [MISTAKE, {"image": 8, "probability": 0.8}]}, "the highest probability first"),
        ({"surest": [{"image": 0, "probability": 0.8}]}, "surest: images that were got wrong"),
        ({"surest": [{"image": 10, "probability": 0.8}]}, "surest: images that were got wrong"),
        ({"surest": [{"image": 9, "probability": 1.5}]}, "less than or equal to 1"),
        ({"pixels": ""}, "pixels: Extra inputs are not permitted"),
    ],
)
def test_predictions_that_cannot_be_are_damage(changes, message):
    with pytest.raises(Damage, match=message) as caught:
        validated(forged(test_predictions=predictions(**changes)))
    assert "test_predictions" in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"test_correct": None}, "of a run that was not tested"),
        ({"test_accuracy": None}, "of a run that was not tested"),
        ({"key": run_key().model_dump(mode="json")}, "of a run that was not tested"),
        ({"test_accuracy": 0.7}, "another accuracy than test_accuracy"),
        ({"test_correct": "AA=="}, "of 10 images, not the 8 answered"),
        ({"test_correct": "A" * 4000}, "of 10 images, not the 24000 answered"),
        ({"test_correct": pack_bits(LABELS < 9)}, "mistaken: the true class of an image"),
        ({"test_correct": pack_bits(LABELS != 3)}, "surest: images that were got wrong"),
    ],
)
def test_predictions_that_contradict_the_record_are_damage(changes, message):
    with pytest.raises(Damage, match=message):
        validated(forged(**changes))


def test_without_labels_there_are_no_classes():
    assert validated(forged(test_predictions=predictions(labels=None))).test_classes() is None


def test_a_class_more_than_there_are_cannot_take_memory():
    key = run_key(evaluate_on="test").model_dump(mode="json") | {"num_classes": 2**62}
    with pytest.raises(Damage):
        validated(forged(key=key))


def test_a_record_is_the_same_after_a_round_trip():
    record = validated(forged())
    assert RunRecord.model_validate_json(record.model_dump_json()) == record
