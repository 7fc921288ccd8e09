"""One run, from key to record: budgets, reproducibility, outcomes, the learning curve, the firewall."""

import math

import numpy as np
import pytest
import torch

from vggsearch.recipe import Budget, Recipe
from vggsearch.runs.record import Outcome, RunRecord, unpack_bits
from vggsearch.training import train
from vggsearch.training.curve import Stopped
from vggsearch.training.evaluation import stratified_part
from vggsearch.training.loop import CURVE_POINTS
from vggsearch.training.setup import set_up

CPU = torch.device("cpu")


def result(record):
    """What a run computed, without clocks and provenance."""
    points = [(p.step, p.train_loss, p.val_accuracy, p.val_loss) for p in record.curve]
    return record.outcome, record.val_accuracy, record.val_loss, record.val_correct, points


def no_test_images():
    raise AssertionError("the test images were opened")


def test_a_small_net_learns_the_quadrants(data, make_key):
    record = train(make_key(), data, CPU)
    assert record.outcome is Outcome.COMPLETED
    assert record.val_accuracy > 0.95
    assert record.steps == 40
    assert record.images == 40 * 32
    assert record.latency_ms > 0
    assert record.provenance.threads == 1
    assert record.provenance.bit_reproducible


def test_the_same_key_gives_the_same_bits(data, make_key):
    assert result(train(make_key(), data, CPU)) == result(train(make_key(), data, CPU))


def test_another_seed_gives_another_run(data, make_key):
    assert result(train(make_key(), data, CPU)) != result(train(make_key(seed=8), data, CPU))


@pytest.mark.parametrize("head", ["gap", "fc16,16"])
def test_global_randomness_is_neither_read_nor_moved(data, make_key, head):
    key = make_key(architecture=f"1x8-1x8+bn+{head}", budget=Budget(steps=5))
    before = torch.get_rng_state()
    first = train(key, data, CPU)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(12345)
    assert result(train(key, data, CPU)) == result(first)


def test_threads_are_given_back(data, make_key):
    before = torch.get_num_threads()
    train(make_key(budget=Budget(steps=1)), data, CPU)
    assert torch.get_num_threads() == before


@pytest.mark.parametrize(
    ("budget", "steps"),
    [
        (Budget(steps=3), 3),
        (Budget(epochs=1.5), 30),
        # 1x8-1x8 at 8×8 costs 64·8·9 + 16·8·8·9 + 8·4 MACs an image.
        (Budget(macs=3 * 32 * 5 * (64 * 8 * 9 + 16 * 8 * 8 * 9 + 8 * 4)), 5),
    ],
)
def test_counted_budgets_are_kept_to_the_step(data, make_key, budget, steps):
    assert train(make_key(budget=budget), data, CPU).steps == steps


def test_a_budget_in_seconds_overruns_by_at_most_a_step(data, make_key):
    record = train(make_key(budget=Budget(seconds=0.5), device_model="x"), data, CPU)
    assert record.outcome is Outcome.COMPLETED
    assert record.train_s == record.train_cpu_s
    assert 0.5 <= record.train_s < 0.5 + 20 * 0.5 / record.steps
    assert not record.provenance.bit_reproducible


def test_the_curve_is_even_over_the_budget_and_ends_on_all_images(data, make_key):
    curve = train(make_key(), data, CPU).curve
    assert [p.fraction for p in curve] == [k / CURVE_POINTS for k in range(1, CURVE_POINTS + 1)]
    assert [p.step for p in curve] == [5 * k for k in range(1, CURVE_POINTS + 1)]
    assert curve[-1].val_images == len(data.val.labels)
    assert all(p.train_loss > 0 for p in curve)


def test_a_budget_of_one_step_has_a_curve(data, make_key):
    assert [p.step for p in train(make_key(budget=Budget(steps=1)), data, CPU).curve] == [1]


def test_per_image_correctness_adds_up(data, make_key):
    record = train(make_key(), data, CPU)
    correct = unpack_bits(record.val_correct, len(data.val.labels))
    assert np.mean(correct) == record.val_accuracy == record.curve[-1].val_accuracy


@pytest.mark.parametrize(
    ("recipe", "reason"),
    [
        (Recipe(lr=1000, batch_size=32), "training loss is not finite"),
        (Recipe(lr=1e-9, batch_size=32), "is no better than chance, 1.386, after"),
    ],
)
def test_a_run_that_goes_nowhere_ends_as_diverged(data, make_key, recipe, reason):
    key = make_key(architecture="1x8-1x8+fc32,32", recipe=recipe, budget=Budget(steps=400))
    record = train(key, data, CPU)
    assert record.outcome is Outcome.DIVERGED
    assert reason in record.reason
    assert record.steps < 400
    assert record.val_accuracy is None


def test_a_run_whose_validation_loss_is_not_finite_ends_as_diverged(data, make_key):
    run = set_up(make_key(), data, CPU, report=None, deadline=math.inf)
    with torch.no_grad():
        run.model.head.linear1.bias.fill_(math.inf)
    with pytest.raises(
        Stopped, match=r"^validation loss is not finite after 0 steps: lower the learning rate$"
    ):
        run.add_point(run.evaluate(data.val))


def test_a_report_that_says_no_prunes_the_run(data, make_key):
    record = train(make_key(), data, CPU, report=lambda point: point.fraction < 0.25)
    assert (record.outcome, record.steps) == (Outcome.PRUNED, 10)
    assert record.val_accuracy is None
    assert len(record.curve) == 2


def test_a_report_cannot_prune_what_is_finished(data, make_key):
    assert (
        train(make_key(budget=Budget(steps=1)), data, CPU, report=lambda _: False).outcome
        is Outcome.COMPLETED
    )


def test_a_run_past_its_deadline_times_out(data, make_key):
    record = train(make_key(), data, CPU, deadline_s=0)
    assert record.outcome is Outcome.TIMED_OUT
    assert record.reason == "not finished at its deadline, 2% of 40 steps spent"


def test_a_search_run_never_opens_the_test_images(data, make_key):
    record = train(make_key(), data, CPU, test_images=no_test_images)
    assert record.outcome is Outcome.COMPLETED
    assert record.test_accuracy is record.test_correct is None


def test_a_selected_run_opens_the_test_images_once(data, make_key, test_images):
    opened = []

    def once():
        opened.append(1)
        return test_images

    record = train(make_key(evaluate_on="test"), data, CPU, test_images=once)
    assert len(opened) == 1
    assert np.mean(unpack_bits(record.test_correct, 120)) == record.test_accuracy > 0.9


def test_looking_at_the_test_set_changes_nothing_before_it(data, make_key, test_images):
    tested = train(make_key(evaluate_on="test"), data, CPU, test_images=lambda: test_images)
    assert result(tested) == result(train(make_key(), data, CPU))


def test_the_record_survives_its_file_form(data, make_key):
    record = train(make_key(), data, CPU)
    assert RunRecord.model_validate_json(record.model_dump_json()) == record


@pytest.mark.parametrize("size", [1, 5, 40, 159, 160, 1000])
def test_a_stratified_part_has_the_same_share_of_every_class(data, size):
    part = stratified_part(data.val, size)
    counts = torch.bincount(part.labels, minlength=4)
    assert counts.sum() == min(size, 160)
    assert counts.max() - counts.min() <= 1


def test_losses_are_finite_numbers(data, make_key):
    record = train(make_key(), data, CPU)
    assert math.isfinite(record.val_loss)
