"""Studies that never were, for the report's tests: plausible trials and runs of a given shape, without
training."""

import hashlib
import heapq
import math
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from vggsearch.analysis import finalists as select
from vggsearch.arch import parse
from vggsearch.costs import cost
from vggsearch.recipe import RECIPES, Budget
from vggsearch.runs.record import (
    CurvePoint,
    DataKey,
    Outcome,
    Provenance,
    RunKey,
    RunRecord,
    TrialRecord,
    pack_bits,
)
from vggsearch.study.file.load import parse_study
from vggsearch.study.results import StudyResults

QUESTION = "Which small VGG nets are worth their cost on Fashion-MNIST?"
START = 1_795_000_000.0
VAL_IMAGES = 6000
FAILURES = {
    Outcome.DIVERGED: "loss was not finite at step 41: lower the learning rate",
    Outcome.CRASHED: "worker died with signal 9 (killed): look for a memory limit",
    Outcome.OUT_OF_MEMORY: "CUDA out of memory: use a smaller batch",
    Outcome.TIMED_OUT: "no answer within 600 s: the worker was killed",
    Outcome.PRUNED: "below the median of earlier runs at half its budget",
}


def source(
    *,
    question: str = QUESTION,
    data: str = "fashion-mnist",
    sampler: str = "tpe",
    objectives: str = "[val_accuracy, macs, params]",
    reference: str = "reference: {val_accuracy: 0.8, macs: 1.0e8, params: 1.0e7}",
    finalists: str = "{count: 5, seeds: 5}",
    trials: int = 54,
) -> str:
    """A study file's text."""
    return f"""\
kind: search
question: {question!r}
data: {{name: {data!r}}}
space:
  num_blocks: [2, 3, 4]
  convs_per_block: [1, 2]
  ratio: [4, 8, 16, 32]
  kernel_size: {{per_block: [3, 5]}}
  batch_norm: [true]
  head: [gap]
recipe: fast
budget: {{seconds: 20}}
sampler: {sampler}
trials: {trials}
finalists: {finalists}
objectives: {objectives}
{reference}
seed: 0
"""


@dataclass
class Maker:
    """Makes trials one after the other, on two workers that are always busy."""

    text: str
    path: Path = Path("studies/quickstart.yaml")
    seed: int = 0
    data_name: str = "fashion-mnist"
    commit: str | None = "0123456789abcdef0123456789abcdef01234567"
    curves: bool = True
    wide: bool = False
    trials: list[TrialRecord] = field(default_factory=list)
    runs: dict[str, RunRecord] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.numbers: Counter[str] = Counter()
        self.rng = np.random.default_rng(self.seed)
        self.free = [START, START + 0.4]

    def architecture(self) -> str:
        """A member of the space, at random; of a far larger one where `wide`."""
        blocks = int(self.rng.integers(2, 5))
        ratio = int(self.rng.integers(4, 64)) if self.wide else int(self.rng.choice([4, 8, 16, 32]))
        convs = self.rng.integers(1, 3, size=blocks) if self.wide else [self.rng.integers(1, 3)] * blocks
        style = self.rng.random()
        kernels = (
            self.rng.choice([3, 5], size=blocks) if style > 0.35 else [3 if style > 0.15 else 5] * blocks
        )
        parts = [
            f"{count}x{width // ratio}{'' if kernel == 3 else 'k5'}"
            for count, width, kernel in zip(convs, (64, 128, 256, 512), kernels, strict=False)
        ]
        return f"{'-'.join(parts)}+bn+gap"

    def trial(
        self,
        stage: str,
        architecture: str | None = None,
        *,
        outcome: Outcome = Outcome.COMPLETED,
        seed: int = 0,
        reason: str | None = None,
    ) -> TrialRecord:
        """Add a trial and, unless it is infeasible, its run."""
        text = architecture or self.architecture()
        number = self.numbers[stage]
        self.numbers[stage] += 1
        begin = heapq.heappop(self.free)
        reason = FAILURES.get(outcome, "") if reason is None else reason
        if outcome is Outcome.INFEASIBLE:
            heapq.heappush(self.free, begin)
            trial = TrialRecord(
                study=self.path.stem,
                stage=stage,
                number=number,
                architecture=text,
                outcome=outcome,
                reason=reason or "macs is 31200000, above 2e+07",
                asked_at=begin,
                told_at=begin,
            )
        else:
            record = self._run(text, seed, outcome, reason, begin, test=stage == "finalists")
            cached = record.key.digest in self.runs
            record = self.runs.setdefault(record.key.digest, record)
            end = begin if cached else (record.provenance.finished_at if record.provenance else begin + 3)
            heapq.heappush(self.free, end + 0.15)
            trial = TrialRecord(
                study=self.path.stem,
                stage=stage,
                number=number,
                architecture=text,
                run=record.key.digest,
                outcome=record.outcome,
                reason=record.reason,
                cached=cached,
                asked_at=begin - 0.1,
                told_at=end + 0.1,
            )
        self.trials.append(trial)
        return trial

    def _run(
        self, text: str, seed: int, outcome: Outcome, reason: str, begin: float, *, test: bool
    ) -> RunRecord:
        key = RunKey(
            architecture=text,
            input_shape=(1, 28, 28),
            num_classes=10,
            data=DataKey(
                name=self.data_name,
                digest=_hex("data"),
                val_fraction=0.1,
                split_seed=0,
                split_digest=_hex("split"),
            ),
            recipe=RECIPES["fast"],
            budget=Budget(seconds=20),
            seed=seed,
            evaluate_on="test" if test else "validation",
            device="cpu",
            device_model="AMD EPYC 7B13",
        )
        costs = cost(parse(text))
        size = math.log10(costs.macs)
        taste = int(_hex(text)[:6], 16) / 0xFFFFFF - 0.5  # what an architecture is worth beyond its size
        accuracy = (
            0.928
            - 0.011 * (7.0 - size) ** 2
            + 0.02 * taste
            + 0.003 * ("k5" not in text)
            + self.rng.normal(0, 0.002)
        )
        accuracy = min(0.96, max(0.3, accuracy))
        share = {Outcome.COMPLETED: 1.0, Outcome.PRUNED: 0.5, Outcome.TIMED_OUT: 0.9}.get(outcome, 0.1)
        train_s = 20.0 * share * (1 + 0.002 * self.rng.random())
        steps = int(train_s * 2.2e8 / (costs.macs * 3 * 0.128 + 4e6)) + 1
        done = outcome in (Outcome.COMPLETED, Outcome.PRUNED)
        curve = (
            self._curve(accuracy, share, steps, train_s)
            if self.curves and outcome is not Outcome.CRASHED
            else ()
        )
        shown = (
            accuracy if outcome is Outcome.COMPLETED else curve[-1].val_accuracy if curve and done else None
        )
        wall = train_s * (1.02 + 0.03 * self.rng.random())
        return RunRecord(
            key=key,
            outcome=outcome,
            reason=reason,
            val_accuracy=shown,
            val_loss=None if shown is None else 2.5 * (1 - shown),
            val_correct=pack_bits(self.rng.random(VAL_IMAGES) < shown)
            if outcome is Outcome.COMPLETED and self.curves
            else None,
            test_accuracy=accuracy - 0.004 + self.rng.normal(0, 0.0012)
            if test and outcome is Outcome.COMPLETED
            else None,
            test_loss=0.3 if test else None,
            curve=curve,
            steps=steps,
            images=128 * steps,
            train_s=train_s,
            train_wall_s=wall,
            train_cpu_s=train_s,
            eval_s=1.1 + self.rng.random(),
            setup_s=0.4,
            latency_ms=0.3 + costs.macs / 9e6,
            peak_memory_bytes=410_000_000,
            contended=bool(self.rng.random() < 0.06),
            provenance=None
            if outcome is Outcome.CRASHED
            else Provenance(
                vggsearch="0.1.0",
                commit=self.commit,
                python="3.11.9",
                torch="2.15.0",
                platform="Linux x86_64",
                processor="AMD EPYC 7B13",
                gpu=None,
                threads=1,
                cpu_count=2,
                started_at=begin,
                finished_at=begin + wall + 2.4,
                bit_reproducible=False,
            ),
        )

    def _curve(self, accuracy: float, share: float, steps: int, train_s: float) -> tuple[CurvePoint, ...]:
        points = []
        for i in range(1, 11):
            fraction = share * i / 10
            value = (
                accuracy
                - 0.16 * math.exp(-4 * fraction) * (1 - fraction)
                + self.rng.normal(0, 0.004 * (1 - fraction))
            )
            points.append(
                CurvePoint(
                    step=steps * i // 10,
                    images=128 * (steps * i // 10),
                    fraction=fraction,
                    train_s=train_s * i / 10,
                    train_loss=2.2 * math.exp(-3 * fraction) + 0.5,
                    val_accuracy=max(0.05, value),
                    val_loss=2.5 * (1 - value),
                    val_images=VAL_IMAGES if i == 10 else 2000,
                )
            )
        return tuple(points)

    def results(self) -> StudyResults:
        """What was made, as a study's results."""
        order = {"search": 0, "baseline": 1, "finalists": 2}
        trials = tuple(sorted(self.trials, key=lambda trial: (order[trial.stage], trial.number)))
        runs = {trial.run: self.runs[trial.run] for trial in trials if trial.run is not None}
        return StudyResults(parse_study(self.text, self.path), trials, runs)


def quickstart(
    search: int = 54, *, seed: int = 0, curves: bool = True, finalists: int = 5, seeds: int = 5
) -> StudyResults:
    """A whole study: a search that learns a little, random search at the same budget, finalists, and a few
    failures."""
    maker = Maker(source(trials=search), seed=seed, curves=curves, wide=search > 100)
    odd = [
        Outcome.DIVERGED,
        Outcome.PRUNED,
        Outcome.CRASHED,
        Outcome.INFEASIBLE,
        Outcome.PRUNED,
        Outcome.TIMED_OUT,
    ]
    for stage in ("search", "baseline"):
        drawn: set[str] = set()
        for i in range(search):
            outcome = odd[(i // 8) % len(odd)] if i % 8 == 7 and stage == "search" else Outcome.COMPLETED
            text = maker.architecture()
            while stage == "baseline" and text in drawn:
                text = maker.architecture()
            drawn.add(text)
            maker.trial(stage, text, outcome=outcome)
    made = maker.results()
    chosen = select(made.frame(), finalists, made.study.objectives)["architecture"] if finalists else []
    for fresh in range(1, seeds + 1):
        for text in chosen:
            maker.trial("finalists", text, seed=fresh)
    return maker.results()


def _hex(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
