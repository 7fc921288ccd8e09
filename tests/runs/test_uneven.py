"""Where classes are uneven, the share of the largest class stands beside an accuracy."""

from test_ranking import record

from vggsearch.runs import accuracy_text


def test_an_accuracy_alone_where_classes_are_even():
    assert accuracy_text(record("1x8+gap", 0.9123)) == "91.23 %"
    assert accuracy_text(record("1x8+gap", 0.9123), name="val") == "91.23 % val"
    assert accuracy_text(record("1x8+gap"), "test") == "–"


def test_the_largest_class_and_the_balanced_accuracy_where_they_are_uneven():
    run = record(
        "1x8+gap",
        0.9756,
        val_balanced_accuracy=0.33,
        val_majority=0.9708,
        test_accuracy=0.5,
        test_balanced_accuracy=0.5,
    )
    assert (
        accuracy_text(run, name="on validation")
        == "97.56 % on validation (largest class 97.08 %, balanced 33.00 %)"
    )
    assert accuracy_text(run, "test") == "50.00 % (balanced 50.00 %)"
