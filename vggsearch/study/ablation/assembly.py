"""The plan and the stages of an ablation, made from its study file and restored from its store.

| stage | runs | seeds | judged on |
|---|---|---|---|
| calibration | every arm alone, in turns, for 2 s | study's + 3001, … | nothing: only steps are counted |
| rates | every arm at every learning rate | study's + 1001, … | validation |
| pairs | every arm at its chosen rate: all arms with one seed, then the next | + 1, + 2, … | `Plan.part` |

Arms that are the same run (an arm against itself, one net given two budgets) share it: it is trained once.
"""

import time
from collections.abc import Iterator, Sequence
from statistics import median

from vggsearch.costs import cost
from vggsearch.designs import Arm, Plan, PlannedArm, PlannedContrast, PlannedRun
from vggsearch.errors import VggSearchError
from vggsearch.recipe import Budget
from vggsearch.runs import Clock, Digest, Outcome, RunKey, RunRecord
from vggsearch.space import Scalar
from vggsearch.store import RateChoice, Store
from vggsearch.study.control import Conditions, ListedRun, ListedStage, read_recorded
from vggsearch.study.file import MAX_SEEDS, AblationStudy

CALIBRATION = Budget(seconds=2.0)
CALIBRATION_ROUNDS = 3
"""Measurements of each arm, of which the median counts; made in turns, so that a slow machine meets all."""

FIRST_SEED = 1
FIRST_RATE_SEED = FIRST_SEED + MAX_SEEDS
FIRST_CALIBRATION_SEED = 3001
"""Above `designs.kernels.NULL_SEED_OFFSET` + `MAX_SEEDS`: no two stages share a seed."""


class AblationAssembly:
    """The stages of an ablation, and the plan that they follow."""

    def __init__(
        self,
        study: AblationStudy,
        store: Store,
        conditions: Conditions,
        clock: Clock = time.time,
    ) -> None:
        self._study, self._store, self._conditions = study, store, conditions
        self._design = design = study.plan_design(conditions.task)
        self._state = store.state(study.name)
        self._plan: Plan | None = None
        self._asked: dict[Digest, bool | None] = {}
        """`Candidate.cached` of the runs that were handed out and not answered."""
        self._rates = ListedStage("rates", 0, clock)
        self._pairs = ListedStage("pairs", len(design.arms) * study.seeds, clock)
        self.calibration = ListedStage("calibration", 0, clock)
        self.stages = [*([self._rates] if len(study.rates.grid) > 1 else []), self._pairs]
        self.trusted = False
        """Whether an earlier session had runs that did not crash."""

    @property
    def runs(self) -> int:
        """Number of distinct runs answered for learning rates and pairs."""
        return sum(stage.done for stage in self.stages)

    def restore(self) -> None:
        """Restore every stage. Raises `StudyFileError` where the runs were made under other conditions."""
        self._asked = {one.run: one.cached for one in self._state.pending() if one.run}
        recorded = read_recorded(self._study, self._store, self._conditions)
        self.trusted = recorded.trusted
        for stage in (self.calibration, *self.stages):
            stage.restore(recorded.results[stage.name], ())
            stage.reopen(recorded.missing)
        self.calibration.fix(self._calibration_runs())

    def plan(self) -> Plan:
        """The plan by the calibration. Raises `VggSearchError` where an arm could not be measured."""
        study, conditions = self._study, self._conditions
        measured = self._measured()
        return Plan(
            study=study.name,
            data=conditions.data_key,
            input_shape=conditions.task.input_shape,
            num_classes=conditions.task.num_classes,
            train_images=conditions.train_images,
            device=conditions.device,
            device_model=conditions.device_model,
            arms=tuple(self._planned(arm, measured) for arm in self._design.arms),
            contrasts=tuple(map(PlannedContrast.of, self._design.contrasts)),
            primary=study.primary,
            pairs=study.seeds,
            first_seed=study.seed + FIRST_SEED,
            rates=study.rates.grid,
            rate_seeds=study.rates.seeds,
            first_rate_seed=study.seed + FIRST_RATE_SEED,
            margin=study.margin,
            alpha=study.alpha,
            evaluate_on=study.evaluate_on,
        )

    def begin(self, plan: Plan) -> None:
        """Follow `plan`."""
        self._plan = plan
        if self._rates in self.stages:
            self._rates.fix(self._rate_runs(plan))

    def select(self) -> Sequence[ListedRun]:
        """The runs of the pairs: all arms with the first seed, then with the second, and so on.

        Called once the learning rates are known.
        """
        plan = self._plan
        assert plan is not None  # `begin` was called
        rates = self._chosen_rates(plan)
        return [
            self._listed(run, rates[run.arm.name], {"pair": run.number}, final=plan.evaluate_on == "test")
            for run in plan.pair_runs()
        ]

    def _calibration_runs(self) -> Iterator[ListedRun]:
        """None where the budget is in seconds, which is how long a run takes."""
        if not self._study.budget.deterministic:
            return
        for number in range(CALIBRATION_ROUNDS):
            for arm in self._design.arms:
                key = self._calibration_key(arm, number)
                params: dict[str, Scalar] = {"arm": arm.name, "repeat": number + 1}
                yield ListedRun(key.architecture, params, key, self._asked.get(key.digest))

    def _calibration_key(self, arm: Arm, number: int) -> RunKey:
        seed = self._study.seed + FIRST_CALIBRATION_SEED + number
        return self._conditions.key(str(arm.architecture), arm.recipe, CALIBRATION, seed=seed, final=False)

    def _measured(self) -> dict[str, float]:
        """Training seconds of one step, by arm."""
        if not self._study.budget.deterministic:
            return {}
        measured = {}
        for arm in self._design.arms:
            runs = [
                self._run(self._calibration_key(arm, number).digest) for number in range(CALIBRATION_ROUNDS)
            ]
            steps_s = [run.train_s / run.steps for run in runs if run and run.steps and run.train_s > 0]
            if not steps_s:
                reason = next((run.reason for run in runs if run and run.reason), "no step was made")
                raise VggSearchError(
                    f"arm {arm.name} ({arm.architecture}) cannot be trained here: {reason}: choose a smaller "
                    "control, or leave its contrast out"
                )
            measured[arm.name] = median(steps_s)
        return measured

    def _planned(self, arm: Arm, measured: dict[str, float]) -> PlannedArm:
        step_s = measured.get(arm.name)
        budget = self._study.budget
        if arm.same_time_as is not None and step_s is not None:
            reference = self._design.arm(arm.same_time_as)
            budget = self._rescaled(reference, arm, measured[reference.name] / step_s)
        return PlannedArm(
            name=arm.name,
            architecture=str(arm.architecture),
            recipe=arm.recipe,
            budget=budget,
            seed_offset=arm.seed_offset,
            step_s=step_s,
        )

    def _rescaled(self, reference: Arm, arm: Arm, ratio: float) -> Budget:
        """The study's budget with `ratio` times the steps that it gives `reference`."""
        task = self._conditions.task
        macs, its_macs = (cost(each.architecture, task).macs for each in (arm, reference))
        return self._study.budget.for_another_net(ratio, macs, its_macs)

    def _rate_runs(self, plan: Plan) -> Iterator[ListedRun]:
        for run in plan.rate_runs():
            assert run.lr is not None  # it is tried
            yield self._listed(run, run.lr, {"repeat": run.number}, final=False)

    def _chosen_rates(self, plan: Plan) -> dict[str, float]:
        """Learning rates by arm. A rate once chosen stays; the recipe's where no run of the arm completed."""
        import pandas as pd

        from vggsearch.analysis import rate_table

        if not plan.tuned:
            return dict.fromkeys((arm.name for arm in plan.arms), plan.rates[0])
        before = self._state.rates()
        chosen = {arm.name: arm.recipe.lr for arm in plan.arms}
        rows = []
        for listed in self._rate_runs(plan):
            run = self._run(listed.key.digest)
            good = run is not None and run.outcome is Outcome.COMPLETED
            rows.append(
                (listed.params["arm"], listed.params["lr"], run.val_accuracy if run and good else None)
            )
        table = rate_table(pd.DataFrame(rows, columns=["arm", "lr", "val_accuracy"]))
        best = table[table["chosen"]]
        chosen |= dict(zip(best["arm"].astype(str), best["lr"].astype(float), strict=True))
        chosen |= {name: lr for name, lr in before.items() if name in chosen and lr in plan.rates}
        self._state.put_rates(RateChoice(rates=before | chosen))
        return chosen

    def _listed(self, run: PlannedRun, lr: float, number: dict[str, Scalar], *, final: bool) -> ListedRun:
        arm = run.arm
        recipe = arm.recipe.model_copy(update={"lr": lr})
        key = self._conditions.key(arm.architecture, recipe, arm.budget, seed=run.seed, final=final)
        params: dict[str, Scalar] = {"arm": arm.name, **number, "lr": lr}
        return ListedRun(arm.architecture, params, key, self._asked.get(key.digest))

    def _run(self, digest: Digest) -> RunRecord | None:
        return self._store.ledger.get(digest)
