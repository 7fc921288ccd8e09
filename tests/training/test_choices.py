"""What a recipe leaves to the machine is decided by measured times; a run says and keeps what it was."""

import dataclasses
import math
import statistics

import pytest
import torch
from hypothesis import given, strategies as st

from vggsearch.arch import Architecture, Task
from vggsearch.memory import training_memory
from vggsearch.recipe import Budget, Recipe
from vggsearch.runs.checksums import add_checksum, verify_checksum
from vggsearch.runs.record import Provenance
from vggsearch.training import Checkpoints, remembered, train
from vggsearch.training.choices import CLEARLY, Choice, candidates, decide
from vggsearch.training.loop import compute
from vggsearch.training.setup import set_up
from vggsearch.training.timing import LEAST_ROUNDS, MOST_ROUNDS, Clocks, time_choices, timed_batch

CPU, GPU = torch.device("cpu"), torch.device("cuda")
FEW, MANY = Architecture.parse("1x8-1x16+bn+gap"), Architecture.parse("1x16-1x32+bn+gap")
PLAIN = Choice(precision="float32", layers="torch")
NARROW = Choice(precision="float32", layers="narrow")
HALF = Choice(precision="bfloat16", layers="torch")
BOTH = Choice(precision="bfloat16", layers="narrow")
FASTEST = Recipe(lr=0.1, momentum=0.9, batch_size=32, precision="fastest")


def recipe(precision, layers="auto"):
    return Recipe(lr=0.1, batch_size=32, precision=precision, layers=layers)


@pytest.mark.parametrize(
    ("precision", "layers", "device", "permitted"),
    [
        ("auto", "auto", CPU, [PLAIN]),
        ("auto", "auto", GPU, [HALF]),
        ("auto", "narrow", CPU, [NARROW]),
        ("float32", "auto", GPU, [PLAIN]),
        ("bfloat16", "auto", CPU, [HALF]),
        ("bfloat16", "narrow", CPU, [BOTH]),
        ("fastest", "auto", CPU, [PLAIN, NARROW, HALF, BOTH]),
        ("fastest", "torch", CPU, [PLAIN, HALF]),
        ("fastest", "narrow", CPU, [NARROW, BOTH]),
        ("fastest", "auto", GPU, [BOTH]),
        ("fastest", "torch", GPU, [HALF]),
    ],
)
def test_a_recipe_keeps_what_it_names_and_leaves_the_rest_to_the_machine(
    precision, layers, device, permitted
):
    assert list(candidates(recipe(precision, layers), FEW, device)) == permitted


def test_narrow_layers_are_no_candidate_where_every_register_is_full():
    assert list(candidates(recipe("fastest"), MANY, CPU)) == [PLAIN, HALF]


@pytest.mark.parametrize(
    ("medians", "chosen"),
    [
        ({PLAIN: 1.0, HALF: 1.0}, PLAIN),
        ({PLAIN: 1.0, HALF: 1.4}, PLAIN),
        ({PLAIN: 1.0, HALF: 0.95}, PLAIN),
        ({PLAIN: 1.0, HALF: 0.93}, HALF),
        ({PLAIN: 1.0, HALF: 0.6}, HALF),
        ({PLAIN: 1.0, NARROW: 0.75, HALF: 1.4, BOTH: 1.1}, NARROW),
        ({PLAIN: 1.0, NARROW: 0.75, HALF: 0.86, BOTH: 0.72}, NARROW),
        ({PLAIN: 1.0, NARROW: 0.75, HALF: 0.86, BOTH: 0.6}, BOTH),
        ({PLAIN: 1.0, NARROW: 0.99, HALF: 0.7, BOTH: 0.69}, HALF),
        ({NARROW: 1.0, BOTH: 2.0}, NARROW),
        ({HALF: 1.0}, HALF),
    ],
)
def test_the_plainest_choice_is_kept_unless_another_is_clearly_faster(medians, chosen):
    assert decide({choice: [time] * 3 for choice, time in medians.items()}) == chosen


@pytest.mark.parametrize("disturbed", [PLAIN, HALF])
@pytest.mark.parametrize(("half", "chosen"), [(0.7, HALF), (1.4, PLAIN)])
def test_one_outlier_among_the_repeats_does_not_decide(disturbed, half, chosen):
    timings = {PLAIN: [1.0, 1.01, 0.99], HALF: [half, 1.01 * half, 0.99 * half]}
    timings[disturbed][1] *= 50
    assert decide(timings) == chosen


@given(st.lists(st.lists(st.floats(1e-6, 1e3), min_size=1, max_size=5), min_size=4, max_size=4))
def test_what_is_chosen_is_at_most_seven_percent_slower_than_the_fastest(times):
    timings = dict(zip([PLAIN, NARROW, HALF, BOTH], times, strict=True))
    least = min(map(statistics.median, times))
    assert statistics.median(timings[decide(timings)]) <= least / CLEARLY * (1 + 1e-9)


@pytest.mark.parametrize(("step_s", "rounds"), [(0.0, MOST_ROUNDS), (0.25, LEAST_ROUNDS), (1.5, 2), (6.0, 1)])
def test_a_measurement_has_more_rounds_the_faster_a_net_is_and_at_least_one(step_s, rounds):
    wall, cpu = [0.0], [0.0]

    def read_cpu():
        wall[0] += step_s / 2 / 2  # two choices, two readings of each
        cpu[0] += 32.0
        return cpu[0]

    clocks = Clocks(cpu=read_cpu, wall=lambda: wall[0])
    timings = time_choices(FEW, Task((1, 8, 8), 4), FASTEST, [PLAIN, BOTH], clocks)
    assert timings == {PLAIN: [1.0] * rounds, BOTH: [1.0] * rounds}


@pytest.mark.parametrize(
    ("first_steps_s", "timed"),
    [
        ((1, 1, 1), [PLAIN, HALF, BOTH]),
        ((9, 1, 1), [PLAIN, HALF]),  # the last was not ready in time
        ((1, 60, 1), [PLAIN]),  # bfloat16 is emulated: no second step of it, and none of the last
        ((60, 1, 1), [PLAIN]),
    ],
)
def test_a_choice_that_is_not_ready_in_time_is_left_out(monkeypatch, first_steps_s, timed):
    steps: list[Choice] = []
    now = 0.0

    def slow(run):
        nonlocal now
        now += first_steps_s[len(steps)] if len(steps) < 3 and run.choice not in steps else 0.1
        steps.append(run.choice)

    monkeypatch.setattr("vggsearch.training.timing.step", slow)
    clocks = Clocks(cpu=lambda: now, wall=lambda: now)
    found = time_choices(FEW, Task((1, 8, 8), 4), FASTEST, [PLAIN, HALF, BOTH], clocks)
    assert list(found) == timed
    assert set(steps[3:]) <= set(timed)
    assert all(steps.count(choice) <= 1 for choice in {HALF, BOTH} - set(timed))
    if timed == [PLAIN]:
        assert found == {PLAIN: [first_steps_s[0] / FASTEST.batch_size]}
        assert steps.count(PLAIN) == 1


@pytest.mark.parametrize(
    ("batch_size", "macs", "timed"),
    [(128, 1_000_000, 128), (128, 40_000_000, 16), (7, 10**12, 3), (128, 10**12, 2), (2, 10**12, 2)],
)
def test_a_step_of_a_large_net_is_timed_with_fewer_images(batch_size, macs, timed):
    assert timed_batch(batch_size, macs) == timed


def test_measuring_leaves_the_random_numbers_and_the_threads_of_torch_alone():
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    net = Architecture.parse("1x4+bn+fc8")
    timings = time_choices(net, Task((1, 8, 8), 4), FASTEST, [PLAIN, NARROW, HALF, BOTH])
    assert all(min(times) > 0 for times in timings.values())
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_num_threads() == threads


@pytest.fixture
def measured(monkeypatch, tmp_path):
    """Sets what a measurement finds to be the fastest, in a cache folder of its own; counts measurements."""

    @dataclasses.dataclass
    class Measured:
        fastest: Choice = PLAIN
        nets: list[str] = dataclasses.field(default_factory=list)

        def __call__(self, architecture, _task, _recipe, choices):
            self.nets.append(str(architecture))
            return {choice: [0.5 if choice == self.fastest else 1.0] for choice in choices}

        def forget(self):
            monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / str(len(list(tmp_path.iterdir())))))

    found = Measured()
    found.forget()
    monkeypatch.setattr(remembered, "time_choices", found)
    return found


def result(record):
    """All that a run found, without its clocks."""
    curve = [point.model_dump(exclude={"train_s"}) for point in record.curve]
    return record.outcome, record.steps, record.val_loss, record.val_correct, curve


@pytest.mark.parametrize("choice", [PLAIN, NARROW, HALF, BOTH], ids=str)
def test_a_run_trains_with_its_choice_and_its_record_says_so(data, make_key, measured, monkeypatch, choice):
    monkeypatch.setattr("vggsearch.training.evaluation.fold", lambda model: model)
    measured.fastest = choice
    key = make_key(recipe=FASTEST)
    run = set_up(key, data, CPU, report=None, deadline=math.inf, choice=choice)
    seen = []
    run.model[0][0].register_forward_hook(lambda *given: seen.append(given[-1].dtype))
    run.batches.advance()
    compute(run)
    assert seen == [getattr(torch, choice.precision)]
    record, named = train(key, data, CPU), make_key(recipe=FASTEST.model_copy(update=choice.model_dump()))
    assert result(record) == result(train(named, data, CPU))
    assert (record.provenance.precision, record.provenance.layers) == (choice.precision, choice.layers)
    assert not record.provenance.bit_reproducible


@pytest.mark.parametrize("precision", ["auto", "float32", "bfloat16"])
def test_a_run_that_leaves_nothing_to_the_machine_measures_nothing(data, make_key, measured, precision):
    made = train(make_key(recipe=recipe(precision)), data, CPU).provenance
    assert measured.nets == []
    assert made.bit_reproducible
    assert made.precision == ("bfloat16" if precision == "bfloat16" else "float32")
    assert made.layers == "torch"


def test_a_run_is_the_same_to_the_bit_whether_its_choice_was_measured_or_remembered(
    data, make_key, measured, monkeypatch
):
    steps = []

    def really_timed(*arguments):
        time_choices(*arguments)
        steps.append("measured")
        return measured(*arguments)

    monkeypatch.setattr(remembered, "time_choices", really_timed)
    measured.fastest = HALF
    key = make_key(recipe=FASTEST)
    first, second = train(key, data, CPU), train(key, data, CPU)
    assert steps == ["measured"]
    assert result(first) == result(second)


def test_a_choice_is_measured_before_the_run_is_set_up_and_its_clock_started(
    data, make_key, measured, monkeypatch
):
    events = []
    monkeypatch.setattr(
        remembered, "time_choices", lambda *given: events.append("measured") or measured(*given)
    )
    monkeypatch.setattr(
        "vggsearch.training.loop.set_up",
        lambda *given, **more: events.append("set up") or set_up(*given, **more),
    )
    train(make_key(recipe=FASTEST), data, CPU)
    assert events == ["measured", "set up"]


class Killed(BaseException):
    """Nothing in a run catches it, as nothing catches SIGKILL."""


class Every(Checkpoints):
    """A checkpoint after every step."""

    def due(self):
        return True


def interrupted(key, data, folder):
    """Begin the run of `key`, and kill it at the middle of its budget."""

    def dies(point):
        if point.fraction == 0.5:
            raise Killed
        return True

    with pytest.raises(Killed):
        train(key, data, CPU, report=dies, checkpoints=Every(folder))


@pytest.mark.parametrize(("before", "now"), [(HALF, PLAIN), (PLAIN, BOTH), (BOTH, NARROW)], ids=str)
def test_a_resumed_run_goes_on_with_the_choice_it_began_with(data, make_key, measured, tmp_path, before, now):
    key = make_key(recipe=FASTEST, budget=Budget(steps=24))
    measured.fastest = before
    whole = train(key, data, CPU)
    interrupted(key, data, tmp_path / "run")
    measured.forget()
    measured.fastest = now
    resumed = train(key, data, CPU, checkpoints=Every(tmp_path / "run"))
    assert len(measured.nets) == 1
    assert result(resumed) == result(whole)
    assert (resumed.provenance.precision, resumed.provenance.layers) == (before.precision, before.layers)


@pytest.mark.usefixtures("measured")
def test_a_checkpoint_of_another_choice_than_the_run_s_is_not_used(data, make_key, tmp_path):
    key = make_key(recipe=FASTEST, budget=Budget(steps=24))
    interrupted(key, data, tmp_path)
    assert Checkpoints(tmp_path).choice(key) == PLAIN
    for choice, restored in ((PLAIN, True), (HALF, False)):
        run = set_up(key, data, CPU, report=None, deadline=math.inf, choice=choice)
        assert Checkpoints(tmp_path).restore(run) is restored


@pytest.mark.usefixtures("measured")
def test_a_checkpoint_from_before_choices_were_kept_goes_on_with_the_current_one(data, make_key, tmp_path):
    key = make_key(recipe=FASTEST, budget=Budget(steps=24))
    whole = train(key, data, CPU)
    interrupted(key, data, tmp_path)
    for path in tmp_path.glob("*.json"):
        counters = verify_checksum(path.read_bytes())
        written = b',"choice":{"precision":"float32","layers":"torch"}'
        assert written in counters
        path.write_bytes(add_checksum(counters.replace(written, b"")))
    assert Checkpoints(tmp_path).choice(key) is None
    heard = []
    resumed = train(
        key, data, CPU, report=lambda point: heard.append(point) is None, checkpoints=Every(tmp_path)
    )
    assert result(resumed) == result(whole)


def test_records_from_before_keep_their_bytes(data, make_key):
    made = train(make_key(), data, CPU).provenance
    before = made.model_copy(update={"precision": None, "layers": None})
    assert "precision" not in before.model_dump_json()
    assert "layers" not in before.model_dump_json()
    assert Provenance.model_validate_json(before.model_dump_json()) == before
    assert Provenance.model_validate_json(made.model_dump_json()) == made


def test_memory_is_foreseen_for_the_precision_that_takes_more():
    net = Architecture.parse("2x8-2x16+bn+gap")

    def total(precision, device):
        return training_memory(net, Task((1, 28, 28), 10), recipe(precision), device=device).total

    assert total("fastest", "cpu") == total("float32", "cpu")
    assert total("fastest", "cuda") == total("bfloat16", "cuda") == total("auto", "cuda")
