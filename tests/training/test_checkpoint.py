"""A run that is interrupted anywhere and started again ends as if nothing had been."""

import dataclasses
import hashlib
import itertools
import math

import pytest
import torch
from hypothesis import given, strategies as st

from vggsearch.data import Images
from vggsearch.recipe import RECIPES, Budget, Recipe
from vggsearch.runs.record import Outcome, RunKey
from vggsearch.training import Checkpoints, checkpoint, train
from vggsearch.training.checkpoint import INTERVAL_S, KEEP, MAX_SHARE
from vggsearch.training.loop import spend, step
from vggsearch.training.position import ResumableBatches
from vggsearch.training.setup import set_up

CPU = torch.device("cpu")
STEPS = 24


class Killed(BaseException):
    """Nothing in a run catches it, as nothing catches SIGKILL."""


@dataclasses.dataclass
class Every(Checkpoints):
    """A checkpoint after every so many steps; dies after the `lives`-th."""

    steps: int = 1
    lives: int = 10**9
    _asked: int = 0

    def due(self):
        self._asked += 1
        return self._asked % self.steps == 0

    def save(self, run):
        super().save(run)
        self.lives -= 1
        if self.lives == 0:
            raise Killed


@pytest.fixture(autouse=True, scope="module")
def quick():
    """One thread, as a worker has; and no waiting for the disk, which only a power failure would show."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.fsync", lambda _: None)
        yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def key(make_key):
    recipe = Recipe(
        lr=0.1, momentum=0.9, nesterov=True, schedule="linear", batch_size=32, shift_px=1, flip=True
    )
    return make_key(architecture="1x4-2x4k1+bn+fc8,8", recipe=recipe, budget=Budget(steps=STEPS))


@pytest.fixture(scope="module")
def whole_run(data, key):
    """What the run of `key` leaves where nothing interrupts it."""
    return finish(key, data)


def finish(key, data, checkpoints=None):
    """Train as `train` does, and give all that it left: every bit of state, the curve, what it gets right."""
    run = set_up(key, data, CPU, report=None, deadline=math.inf)
    if checkpoints is not None:
        checkpoints.restore(run)
    spend(run, checkpoints)
    tensors = checkpoint.tensors_of(run)
    state = {name: hashlib.sha256(raw(tensor)).hexdigest() for name, tensor in tensors.items()}
    curve = [point.model_dump(exclude={"train_s"}) for point in run.curve.points]
    return state, curve, run.evaluate(data.val).correct.tolist(), run.meter.steps, run.curve.read_loss


def raw(tensor):
    return tensor.detach().contiguous().numpy().tobytes()


def record_of(record):
    """A record without its clocks."""
    clocks = {"train_s", "train_wall_s", "train_cpu_s", "eval_s", "setup_s", "latency_ms", "contended"}
    found = record.model_dump(exclude={*clocks, "peak_memory_bytes", "provenance", "curve"})
    return found, [point.model_dump(exclude={"train_s"}) for point in record.curve]


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_checkpoints_change_nothing(data, key, whole_run, tmp_path):
    assert finish(key, data, Every(tmp_path)) == whole_run == finish(key, data)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", range(16))
def test_a_run_killed_at_any_write_goes_on_as_if_nothing_had_been(
    data, key, whole_run, tmp_path, monkeypatch, number, when
):
    """Eight checkpoints of two files each, over 1.2 epochs: 32 moments at which a run can die."""
    write, count = checkpoint.write_atomically, [0]

    def dies(path, content):
        if count[0] == number and when == "before":
            path.parent.mkdir(exist_ok=True)
            (path.parent / f".tmp-1-{path.name}").write_bytes(content[: len(content) // 2])
            raise Killed
        write(path, content)
        count[0] += 1
        if count[0] == number + 1 and when == "after":
            raise Killed

    monkeypatch.setattr(checkpoint, "write_atomically", dies)
    folder = tmp_path / "run"
    with pytest.raises(Killed):
        finish(key, data, Every(folder, steps=3))
    monkeypatch.setattr(checkpoint, "write_atomically", write)
    again = Every(folder)
    run = set_up(key, data, CPU, report=None, deadline=math.inf)
    whole = (number + (when == "after")) // 2
    assert again.restore(run) == (whole > 0)
    assert run.meter.steps == 3 * whole
    assert finish(key, data, again) == whole_run
    assert not any(name.startswith(".tmp-") for name in names(folder))


@pytest.mark.parametrize(
    ("architecture", "recipe"),
    [
        ("1x4-1x4+gap", Recipe(lr=0.1, batch_size=32)),
        ("1x4k5-1x4k1+fc8,8", Recipe(lr=0.05, momentum=0.9, batch_size=32, shift_px=2, label_smoothing=0.1)),
        *(("1x4-2x4k1,3+bn+gap", recipe) for recipe in RECIPES.values()),
        ("1x4-2x4k1,3+bn+gelu+fc8", Recipe(lr=0.001, momentum=0.9, batch_size=32, optimizer="adamw")),
    ],
)
def test_a_run_that_never_lives_longer_than_one_checkpoint_ends_as_if_nothing_had_been(
    data, make_key, tmp_path, architecture, recipe
):
    """Killed after each of its steps, epochs' first and last among them: of 20 steps, or 10 at batch 64."""
    key = make_key(architecture=architecture, recipe=recipe, budget=Budget(steps=22))
    for _ in range(22):
        with pytest.raises(Killed):
            finish(key, data, Every(tmp_path, lives=1))
    assert finish(key, data, Every(tmp_path, lives=1)) == finish(key, data)


@pytest.mark.parametrize("fraction", [0.125, 0.5, 0.875])
def test_a_resumed_record_says_what_an_uninterrupted_one_says(data, key, tmp_path, test_images, fraction):
    key = RunKey.model_validate({**key.model_dump(), "evaluate_on": "test"})

    def dies(point):
        if point.fraction == fraction:
            raise Killed
        return True

    with pytest.raises(Killed):
        train(key, data, CPU, test_images=lambda: test_images, report=dies, checkpoints=Every(tmp_path))
    heard = []
    resumed = train(
        key,
        data,
        CPU,
        test_images=lambda: test_images,
        report=lambda point: heard.append(point) is None,
        checkpoints=Every(tmp_path),
    )
    assert resumed.outcome is Outcome.COMPLETED
    assert tuple(heard) == resumed.curve
    assert record_of(resumed) == record_of(train(key, data, CPU, test_images=lambda: test_images))


def test_a_resumed_run_is_pruned_where_it_is_not_wanted_any_more(data, key, tmp_path):
    with pytest.raises(Killed):
        train(key, data, CPU, checkpoints=Every(tmp_path, lives=10))
    record = train(key, data, CPU, report=lambda _: False, checkpoints=Every(tmp_path))
    assert (record.outcome, record.steps, len(record.curve)) == (Outcome.PRUNED, 10, 3)


def test_a_budget_in_seconds_goes_on_with_those_already_spent(data, make_key, tmp_path):
    key = make_key(budget=Budget(seconds=1000), device_model="any")
    run = set_up(key, data, CPU, report=None, deadline=math.inf)
    run.meter.go_to(0, cpu_s=400.0, wall_s=900.0)
    with pytest.raises(Killed):
        spend(run, Every(tmp_path, lives=3))
    again = set_up(key, data, CPU, report=None, deadline=math.inf)
    assert Checkpoints(tmp_path).restore(again)
    assert 0.4 <= again.meter.fraction < 0.5
    assert again.meter.steps == 3
    assert 400 < again.meter.cpu_s < run.meter.cpu_s
    assert 900 < again.meter.wall_s < run.meter.wall_s


def test_writing_is_no_training_time(data, key, tmp_path):
    run = set_up(key, data, CPU, report=None, deadline=math.inf)
    step(run)
    clock = [0.0]
    run.meter._cpu_clock = run.meter._wall_clock = lambda: clock[0]

    def write(*_):
        clock[0] += 5

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoint, "write_atomically", write)
        run.meter.resume()
        run.meter.steps = 1
        clock[0] += 3
        Checkpoints(tmp_path).save(run)
        clock[0] += 4
    assert (run.meter.cpu_s, run.meter.wall_s) == (7, 7)


@pytest.mark.parametrize(("write_s", "between_s"), [(0.0, 30), (0.5, 30), (0.75, 38), (1.0, 50), (4.0, 200)])
def test_checkpoints_come_every_thirty_seconds_or_as_rarely_as_two_percent_allow(
    tmp_path, monkeypatch, write_s, between_s
):
    assert (INTERVAL_S, MAX_SHARE) == (30, 0.02)
    clock, moments = [0.0], []
    kept = Checkpoints(tmp_path, clock=lambda: clock[0])

    def write(_):
        clock[0] += write_s
        moments.append(clock[0])

    class Still:
        class meter:  # noqa: N801 - an attribute
            pause = resume = staticmethod(lambda: None)

    monkeypatch.setattr(kept, "_write", write)
    assert not kept.due()
    while clock[0] < 1000:
        clock[0] += 1
        if kept.due():
            kept.save(Still)
    assert moments[0] == 30 + write_s
    pauses = [later - earlier - write_s for earlier, later in itertools.pairwise(moments)]
    assert pauses
    assert set(pauses) == {between_s}


def test_only_the_last_two_stay(data, key, tmp_path):
    (tmp_path / "notes.txt").write_text("of someone else")
    with pytest.raises(Killed):
        finish(key, data, Every(tmp_path, steps=2, lives=5))
    kept = [f"{step:012d}.{form}" for step in (8, 10) for form in ("json", "safetensors")]
    assert len(kept) == 2 * KEEP
    assert names(tmp_path) == [*kept, "notes.txt"]


def test_a_run_whose_folder_cannot_be_written_goes_on_without(data, key, whole_run, tmp_path):
    (tmp_path / "file").write_text("no folder")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere").mkdir()
    assert finish(key, data, Every(tmp_path / "file", steps=6)) == whole_run
    assert finish(key, data, Every(tmp_path / "link", steps=6)) == whole_run
    assert names(tmp_path / "elsewhere") == []


@given(st.integers(0, 45), st.integers(0, 2), st.booleans())
def test_batches_go_to_where_they_were(steps, shift_px, flip):
    def batches(seed):
        pixels = torch.randint(0, 256, (31, 1, 4, 4), generator=torch.Generator().manual_seed(1))
        return ResumableBatches(
            Images(pixels.to(torch.uint8), torch.arange(31)),
            batch_size=3,
            mean=(0.5,),
            std=(0.3,),
            side=(4, 4),
            shift_px=shift_px,
            flip=flip,
            order=torch.Generator().manual_seed(seed),
            augment=torch.Generator().manual_seed(seed + 1),
            channels_last=True,
        )

    before, after = batches(5), batches(99)
    for _ in range(steps):
        before.next_batch()
    after.go_to(steps, *before.epoch_states)
    for _ in range(12):  # over the end of an epoch of ten
        for one, other in zip(before.next_batch(), after.next_batch(), strict=True):
            assert torch.equal(one, other)
        for one, other in zip(before.epoch_states, after.epoch_states, strict=True):
            assert torch.equal(one, other)
