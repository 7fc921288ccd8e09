"""Ablations that never were, with a known truth: what each arm is worth, and how far seeds scatter."""

import hashlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from vggsearch.arch import Task
from vggsearch.costs import cost
from vggsearch.designs import Arm
from vggsearch.designs.plan import Plan, PlannedArm, PlannedContrast, Registration
from vggsearch.recipe import Budget
from vggsearch.runs.record import (
    CurvePoint,
    DataKey,
    Outcome,
    Provenance,
    RunKey,
    RunRecord,
    Stage,
    TrialRecord,
    pack_bits,
)
from vggsearch.study import AblationStudy, StudyResults
from vggsearch.study.file.load import parse_study

START = 1_795_000_000.0
TEST_IMAGES = 2_003
"""No multiple of eight: the last byte of stored answers is not full."""

QUESTION = "Do 3×3 kernels beat 5×5, and at equal what?"
KERNELS = """\
contrasts: [receptive-field, drop-in, receptive-field-depth, iso-params, iso-macs, iso-macs-receptive-field]
primary: iso-macs-receptive-field
"""
FACTORIAL = """\
factors: {ratio: [1, 2], batch_norm: [true, false]}
design: factorial
primary: ratio=2
"""


def source(
    body: str = KERNELS,
    *,
    question: str = QUESTION,
    data: str = "fashion-mnist",
    grid: str = "[0.1, 0.2, 0.4]",
    seeds: int = 10,
    budget: str = "{epochs: 3}",
) -> str:
    """A study file's text."""
    return f"""\
kind: ablation
question: {question!r}
data: {{name: {data!r}}}
control: 2x8-2x16-2x32-2x64+bn+gap
{body}recipe: fast
budget: {budget}
seeds: {seeds}
learning_rates: {{grid: {grid}, seeds: 2}}
margin_pp: 0.3
alpha: 0.05
"""


Failing = Callable[[str, int], Outcome | None]
"""How the run of an arm with a pair ends; None where it completes."""


@dataclass
class Maker:
    """Makes the trials of an ablation, stage by stage."""

    text: str = field(default_factory=source)
    path: Path = Path("studies/kernel-size.yaml")
    truth: Mapping[str, float] = field(default_factory=dict)
    """Accuracy of an arm above 0.92, by name; 0 of the others."""
    sigma: float = 0.0015
    """Of a run over seeds."""
    rho: float = 0.2
    best_rate: Mapping[str, float] = field(default_factory=dict)
    """Of an arm; 0.2 of the others."""
    fails: Failing = lambda arm, pair: None  # noqa: ARG005
    curves: bool = True
    data_name: str = "fashion-mnist"
    reason: str = "loss was not finite at step 41: lower the learning rate"
    contended: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        study = parse_study(self.text, self.path)
        assert isinstance(study, AblationStudy)
        self.study = study
        self.design = study.plan_design(Task((1, 28, 28), 10))
        self.rng = np.random.default_rng(self.seed)
        self.difficulty = self.rng.normal(size=TEST_IMAGES)
        self.clock = START
        self.trials: list[TrialRecord] = []
        self.runs: dict[str, RunRecord] = {}
        self.data = DataKey(
            name=self.data_name,
            digest=_hex("data"),
            val_fraction=0.1,
            split_seed=0,
            split_digest=_hex("split"),
        )
        self.plans: tuple[Registration, ...] = ()

    def plan(self, **changes: object) -> Plan:
        """What the study's own assembly would plan."""
        plan = Plan(
            study=self.study.name,
            data=self.data,
            input_shape=(1, 28, 28),
            num_classes=10,
            train_images=54_000,
            device="cpu",
            device_model="AMD EPYC",
            arms=tuple(self._planned(arm) for arm in self.design.arms),
            contrasts=tuple(map(PlannedContrast.of, self.design.contrasts)),
            primary=self.study.primary,
            pairs=self.study.seeds,
            first_seed=1,
            rates=self.study.rates.grid,
            rate_seeds=self.study.rates.seeds,
            first_rate_seed=1001,
            margin=self.study.margin,
            alpha=self.study.alpha,
            evaluate_on=self.study.evaluate_on,
        )
        return plan.model_copy(update=changes)

    def _planned(self, arm: Arm) -> PlannedArm:
        known = self.study.budget.deterministic
        return PlannedArm(
            name=arm.name,
            architecture=str(arm.architecture),
            recipe=arm.recipe,
            budget=self.study.budget,
            seed_offset=arm.seed_offset,
            step_s=self._step_s(str(arm.architecture)) if known else None,
        )

    def _step_s(self, text: str) -> float:
        arm = next(arm for arm in self.design.arms if str(arm.architecture) == text)
        return 0.004 + 1.5e-9 * cost(arm.architecture).macs

    def register(self, *, runs: int = 0, **changes: object) -> "Maker":
        """Fix a plan."""
        plan = self.plan(**changes)
        registration = Registration(plan=plan, digest=plan.digest, at=self.clock, runs=runs)
        self.plans = (*self.plans, registration)
        return self

    def calibrate(self) -> "Maker":
        """Three short runs of every arm."""
        for repeat in (1, 2, 3):
            for arm in self.plan().arms:
                self._trial("calibration", arm, {"arm": arm.name, "repeat": repeat}, 3000 + repeat, 0.2, 0.5)
        return self

    def tune(self) -> "Maker":
        """Every arm at every rate."""
        plan = self.plan()
        for repeat in range(1, plan.rate_seeds + 1):
            for arm in plan.arms:
                for lr in plan.rates:
                    params = {"arm": arm.name, "repeat": repeat, "lr": lr}
                    off = abs(math.log2(lr / self.best_rate.get(arm.name, 0.2)))
                    accuracy = self._accuracy(arm.name, 0.0) - 0.004 * off
                    self._trial("rates", arm, params, 1000 + repeat, lr, accuracy)
        return self

    def pair(self, pairs: int, *, first: int = 1) -> "Maker":
        """Every arm with so many seeds."""
        for pair in range(first, first + pairs):
            common = self.rng.normal(0, self.sigma * math.sqrt(self.rho))
            for arm in self.plan().arms:
                lr = (
                    self.best_rate.get(arm.name, 0.2)
                    if len(self.study.rates.grid) > 1
                    else self.study.rates.grid[0]
                )
                params = {"arm": arm.name, "pair": pair, "lr": lr}
                accuracy = self._accuracy(arm.name, common)
                outcome = self.fails(arm.name, pair) or Outcome.COMPLETED
                self._trial("pairs", arm, params, pair + arm.seed_offset, lr, accuracy, outcome)
        return self

    def _accuracy(self, arm: str, common: float) -> float:
        own = self.rng.normal(0, self.sigma * math.sqrt(1 - self.rho))
        return 0.92 + self.truth.get(arm, 0.0) + common + own

    def _trial(
        self,
        stage: Stage,
        arm: PlannedArm,
        params: dict[str, bool | int | float | str],
        seed: int,
        lr: float,
        accuracy: float,
        outcome: Outcome = Outcome.COMPLETED,
    ) -> None:
        short = stage == "calibration"
        key = RunKey(
            architecture=arm.architecture,
            input_shape=(1, 28, 28),
            num_classes=10,
            data=self.data,
            recipe=arm.recipe.model_copy(update={"lr": lr}),
            budget=Budget(seconds=2) if short else arm.budget,
            seed=seed,
            evaluate_on=self.study.evaluate_on if stage == "pairs" else "validation",
            device="cpu",
            device_model="AMD EPYC" if short else None,
        )
        record = self._run(key, accuracy, outcome, stage)
        cached = key.digest in self.runs
        record = self.runs.setdefault(key.digest, record)
        number = sum(trial.stage == stage for trial in self.trials)
        begin, self.clock = self.clock, self.clock + record.train_wall_s / 2 + 1
        self.trials.append(
            TrialRecord(
                study=self.path.stem,
                stage=stage,
                number=number,
                architecture=key.architecture,
                params=params,
                run=key.digest,
                outcome=record.outcome,
                reason=record.reason,
                cached=cached,
                asked_at=begin,
                told_at=begin + record.train_wall_s + 3,
            )
        )

    def _run(self, key: RunKey, accuracy: float, outcome: Outcome, stage: Stage) -> RunRecord:
        done = outcome is Outcome.COMPLETED
        step_s = self._step_s(key.architecture)
        steps = round((key.budget.seconds or 60) / step_s) if key.budget.kind == "seconds" else 2532
        train_s = steps * step_s * (1 + 0.01 * self.rng.random())
        answers = self._answers(accuracy) if done and stage == "pairs" else None
        reached = {"val_accuracy": accuracy - 0.002, "val_loss": 0.3} if done else {}
        if answers is not None:
            prefix = self.study.part.prefix
            reached |= {f"{prefix}_accuracy": float(answers.mean()), f"{prefix}_loss": 0.3}
        curve = self._curve(accuracy, steps, train_s) if self.curves and done else ()
        return RunRecord(
            key=key,
            outcome=outcome,
            reason="" if done else self.reason,
            **reached,
            **({} if answers is None else {self.study.part.bits: pack_bits(answers)}),
            curve=curve,
            steps=steps,
            images=64 * steps,
            train_s=train_s,
            train_wall_s=1.02 * train_s,
            train_cpu_s=train_s,
            eval_s=2.0,
            setup_s=0.3,
            latency_ms=0.4,
            contended=self.contended,
            provenance=None
            if outcome is Outcome.CRASHED
            else Provenance(
                vggsearch="0.1.0",
                commit="0123456789abcdef0123456789abcdef01234567",
                python="3.11.9",
                torch="2.15.0",
                platform="Linux x86_64",
                processor="AMD EPYC",
                gpu=None,
                threads=1,
                cpu_count=2,
                started_at=self.clock,
                finished_at=self.clock + 1.02 * train_s + 2.5,
                bit_reproducible=True,
            ),
        )

    def _answers(self, accuracy: float) -> np.ndarray:
        """As many right as `accuracy` says, mostly the easy ones."""
        score = self.difficulty + self.rng.normal(0, 0.4, size=TEST_IMAGES)
        right = np.zeros(TEST_IMAGES, dtype=bool)
        right[np.argsort(score)[: round(accuracy * TEST_IMAGES)]] = True
        return right

    def _curve(self, accuracy: float, steps: int, train_s: float) -> tuple[CurvePoint, ...]:
        return tuple(
            CurvePoint(
                step=steps * i // 8,
                images=64 * (steps * i // 8),
                fraction=i / 8,
                train_s=train_s * i / 8,
                train_loss=2.2 * math.exp(-0.4 * i) + 0.5,
                val_accuracy=accuracy - 0.002 - 0.12 * math.exp(-0.45 * i) * (1 - i / 8) - 0.004 * (8 - i),
                val_loss=0.4,
                val_images=6000 if i == 8 else 2000,
            )
            for i in range(1, 9)
        )

    def results(self) -> StudyResults:
        """What was made, as a study's results."""
        order = ("calibration", "rates", "pairs")
        trials = tuple(sorted(self.trials, key=lambda trial: (order.index(trial.stage), trial.number)))
        runs = {trial.run: self.runs[trial.run] for trial in trials if trial.run is not None}
        return StudyResults(self.study, trials, runs, plans=self.plans)


TRUTH = {
    "receptive-field": -0.006,
    "drop-in": 0.004,
    "receptive-field-depth": -0.001,
    "iso-params": 0.0,
    "iso-macs": -0.002,
    "iso-macs-receptive-field": -0.0045,
}
"""What 5×5 is worth beside 3×3 in each contrast: it loses, wins, and makes no difference."""


def kernels(pairs: int = 10, **options: object) -> StudyResults:
    """A whole ablation of kernel sizes."""
    options = {"truth": TRUTH, **options}
    return Maker(**options).calibrate().register().tune().pair(pairs).results()  # type: ignore[arg-type]


def cells(pairs: int = 10, truth: Mapping[str, float] | None = None) -> StudyResults:
    """A factorial in which batch norm helps, more so in the narrow net."""
    worth = {
        "ratio=1 batch_norm=true": 0.0,
        "ratio=1 batch_norm=false": -0.004,
        "ratio=2 batch_norm=true": -0.012,
        "ratio=2 batch_norm=false": -0.022,
    }
    maker = Maker(source(FACTORIAL), Path("studies/factors.yaml"), truth=worth if truth is None else truth)
    return maker.calibrate().register().tune().pair(pairs).results()


def _hex(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
