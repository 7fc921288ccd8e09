"""The training loop: one run, from its key to its record."""

import contextlib
import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor

from vggsearch.data import Images, SearchData
from vggsearch.latency import measure_latency, peak_memory_bytes, reset_peak_memory
from vggsearch.memory import out_of_memory
from vggsearch.runs import Outcome, RunKey, RunRecord, pack_bits
from vggsearch.training.checkpoint import Checkpoints
from vggsearch.training.curve import Report, Stopped
from vggsearch.training.environment import provenance
from vggsearch.training.evaluation import Evaluation, final_test
from vggsearch.training.fits import memory_shortage
from vggsearch.training.graph import Launch, captured_step
from vggsearch.training.optimizer import learning_rate, set_learning_rate
from vggsearch.training.remembered import choose
from vggsearch.training.setup import Training, set_up
from vggsearch.training.step import compute, step
from vggsearch.training.timing import one_thread
from vggsearch.training.weights import write_weights

CURVE_POINTS = 8
"""Number of evaluations on validation, evenly spaced over the budget."""

CHECK_STEPS = 50
"""Steps between two readings of the training loss, so that the host need not wait for a GPU at every step."""

CONTENDED = 1.15
"""Ratio of wall to CPU seconds above which other work slowed a CPU run down."""


def train(
    key: RunKey,
    data: SearchData,
    device: torch.device,
    *,
    test_images: Callable[[], Images] | None = None,
    report: Report | None = None,
    deadline_s: float = math.inf,
    checkpoints: Checkpoints | None = None,
    weights: Path | None = None,
    initial: Mapping[str, Tensor] | None = None,
) -> RunRecord:
    """Train `key` on `data` (on `device`) and return its record.

    `report` is called with every point of the learning curve; where it returns False the run ends as
    `pruned`. `test_images` is called once, at the end, and only where `key.evaluate_on` is "test". After
    `deadline_s` seconds of the monotonic clock the run ends as `timed_out`. With `checkpoints` the run
    continues from the newest intact one, with the precision and layers that it began with, reports its curve
    so far again, and writes further ones. What the recipe leaves to the machine is measured before that, or
    remembered (`vggsearch.training.remembered`), and does not count as training. On a CPU one thread is used.

    The weights of a completed run are written to the file `weights`, if it is given and can be written, and
    its folder is no link; the record has its digest. `initial` are the tensors of `key.initial_weights`
    (`vggsearch.training.Weights`).

    Raises `ArchitectureError` where the architecture does not fit its input, `DataError` where a batch is
    larger than the data, `WeightsError` where `initial` does not fit the net, ValueError where it or the test
    images are missing. A loss that is not finite, insufficient
    memory and the like are outcomes in the record, not exceptions. A run that needs more memory than is free
    is not started.
    """
    started_at, begun = time.time(), time.monotonic()
    if key.evaluate_on == "test" and test_images is None:
        raise ValueError(f"run {key.digest[:12]} is to be tested, and no test images were given")
    if (key.initial_weights is None) != (initial is None):
        raise ValueError(f"run {key.digest[:12]} begins with weights, or draws its own: only one is given")
    refused = memory_shortage(key, data, device)
    if refused is not None:
        return RunRecord(key=key, outcome=Outcome.INFEASIBLE, reason=refused)
    with one_thread(device):
        try:
            begun_with = None if checkpoints is None else checkpoints.choice(key)
            choice = choose(key, device, begun_with=begun_with)
            reset_peak_memory(device)
            run = set_up(
                key, data, device, report=report, deadline=begun + deadline_s, choice=choice, initial=initial
            )
            if checkpoints is not None:
                checkpoints.restore(run)
            launch = captured_step(run, lambda: compute(run))
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error):
                raise
            return RunRecord(key=key, outcome=Outcome.OUT_OF_MEMORY, reason=_first_line(error))
        setup_s = time.monotonic() - begun
        outcome, reason, val, test = Outcome.COMPLETED, "", None, None
        try:
            run.curve.report_again()
            spend(run, checkpoints, launch)
            val = run.evaluate(data.val)
            run.add_point(val)
            if key.evaluate_on == "test" and test_images is not None:
                test = final_test(key, run.evaluator, test_images)
        except Stopped as stop:
            outcome, reason = stop.outcome, stop.reason
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error):
                raise
            outcome, reason = Outcome.OUT_OF_MEMORY, _first_line(error)
        run.meter.pause()
        record = _record(run, outcome, reason, val, test, setup_s, started_at)
        if outcome is Outcome.COMPLETED and weights is not None and not weights.parent.is_symlink():
            with contextlib.suppress(OSError):  # a full disk costs the weights, not the run
                record = record.model_copy(update={"weights": write_weights(weights, key, run.model)})
        return record


def spend(run: Training, checkpoints: Checkpoints | None = None, launch: Launch | None = None) -> None:
    """Train until the budget is spent, evaluating on validation and writing checkpoints.

    `launch` is called in place of `compute`, whose work it does.
    """
    meter, pace = run.meter, _Pace(run.device)
    meter.resume()
    while meter.fraction < 1:
        marks = len(run.curve.points) + 1
        if marks < CURVE_POINTS and meter.fraction >= marks / CURVE_POINTS:
            run.add_point(run.evaluate(run.curve_images))
            meter.resume()
        set_learning_rate(run.optimizer, learning_rate(run.key.recipe, meter.midstep))
        step(run, launch)
        meter.steps += 1
        pace.wait()
        if meter.steps % CHECK_STEPS == 0:
            run.curve.check_loss(run.key.num_classes)
        run.check_deadline()
        if checkpoints is not None and checkpoints.due():
            checkpoints.save(run)


class _Pace:
    """Keeps the host at most one step ahead of a GPU, so that the clock does not measure queued steps."""

    def __init__(self, device: torch.device) -> None:
        self._cuda = device.type == "cuda"
        self._last: torch.Event | None = None

    def wait(self) -> None:
        if self._cuda:
            if self._last is not None:
                self._last.synchronize()
            self._last = torch.Event("cuda")
            self._last.record()


def _record(
    run: Training,
    outcome: Outcome,
    reason: str,
    val: Evaluation | None,
    test: Evaluation | None,
    setup_s: float,
    started_at: float,
) -> RunRecord:
    key, device, meter = run.key, run.device, run.meter
    completed = outcome is Outcome.COMPLETED
    uneven_val, uneven_test = val is not None and val.uneven, test is not None and test.uneven
    return RunRecord(
        key=key,
        outcome=outcome,
        reason=reason,
        val_accuracy=val.accuracy if val else None,
        val_loss=val.loss if val else None,
        val_correct=pack_bits(val.correct) if val else None,
        val_balanced_accuracy=val.balanced_accuracy if val and uneven_val else None,
        val_majority=val.majority if val and uneven_val else None,
        test_accuracy=test.accuracy if test else None,
        test_loss=test.loss if test else None,
        test_correct=pack_bits(test.correct) if test else None,
        # What was selected by balanced accuracy on validation is tested by it, even on even classes.
        test_balanced_accuracy=test.balanced_accuracy if test and (uneven_val or uneven_test) else None,
        test_majority=test.majority if test and uneven_test else None,
        curve=tuple(run.curve.points),
        steps=meter.steps,
        images=meter.steps * key.recipe.batch_size,
        train_s=meter.train_s,
        train_wall_s=meter.wall_s,
        train_cpu_s=meter.cpu_s,
        eval_s=run.eval_s,
        setup_s=setup_s,
        latency_ms=measure_latency(run.model, key.input_shape, device) if completed else None,
        peak_memory_bytes=peak_memory_bytes(device),
        contended=device.type == "cpu" and meter.wall_s > CONTENDED * meter.cpu_s,
        provenance=provenance(
            device,
            run.choice,
            # A measurement on another processor, or at another time, may decide otherwise.
            determined=key.budget.deterministic and key.recipe.precision != "fastest",
            started_at=started_at,
            finished_at=time.time(),
        ),
    )


def _first_line(error: BaseException) -> str:
    return str(error).splitlines()[0][:500] if str(error) else type(error).__name__
