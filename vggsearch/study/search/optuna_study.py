"""The Optuna study of a search: translates `Space` and outcomes into Optuna's trials and values.

The study lives in memory and is made again from the store's trial files at every start; Optuna's database is
a copy for people and dashboards (`optuna_copy.py`). So a kill at any moment leaves no incomplete suggestion,
and a lost database costs nothing. Trial n here is trial n of the stage and trial n in the database.

What Optuna is told of a trial, with one value for each objective:

| outcome | told as |
|---|---|
| completed | its values |
| diverged, out_of_memory, timed_out | complete: accuracy of chance, worst latency so far, its costs |
| infeasible, for lack of memory | the same |
| infeasible, by a constraint, to NSGA-II and GP | complete: its costs, and the median of unknown values |
| infeasible, by a constraint, to the others | pruned |
| pruned | pruned |
| crashed, preempted | failed: nothing was learnt of the candidate |

Every trial has its constraints, computed from its costs, before it is trained. TPE learns them from pruned
trials too; NSGA-II and GP learn them from complete ones only, and rank every infeasible trial below every
feasible one.
"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.samplers import NSGAIISampler
from optuna.trial import FrozenTrial, TrialState, create_trial

from vggsearch.arch import Architecture
from vggsearch.costs import cost
from vggsearch.errors import StudyFileError
from vggsearch.runs import METRICS, Outcome, RunRecord
from vggsearch.space import Scalar, Space
from vggsearch.study.file import SAMPLERS, Objective, Sampler
from vggsearch.study.search.optuna_copy import OptunaCopy
from vggsearch.study.search.random_members import stream_seed
from vggsearch.study.search.samplers import make_sampler, quiet

_LEARNT_AS_BAD = frozenset({Outcome.DIVERGED, Outcome.OUT_OF_MEMORY, Outcome.TIMED_OUT})


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One candidate: trial `number` of the search."""

    number: int
    architecture: Architecture
    params: dict[str, Scalar]


class Search:
    """Asks Optuna for candidates and tells it their results.

    Args:
        space: The space that is searched.
        sampler: Name of the sampler.
        quota: Number of runs of the search.
        objectives: Their names; the first is an accuracy on validation and maximised, the others are
            minimised.
        seed: Seed of the study.
    """

    def __init__(
        self,
        space: Space,
        sampler: Sampler,
        *,
        quota: int,
        objectives: Sequence[Objective],
        seed: int,
    ) -> None:
        quiet()
        self.space = space
        self.num_scored = 0
        """Number of trials told with an accuracy."""
        self.sampler = sampler
        self.seed = seed
        self._quota = quota
        self._objectives = tuple(objectives)
        self._copy: OptunaCopy | None = None
        self._study = optuna.create_study(
            directions=["maximize" if METRICS[name].better == "higher" else "minimize" for name in objectives]
        )
        self._known: dict[Objective, list[float]] = {name: [] for name in objectives}

    @property
    def trials(self) -> list[FrozenTrial]:
        """All trials, by number; not to be changed."""
        return self._study.get_trials(deepcopy=False)

    @property
    def criterion(self) -> Objective:
        """The accuracy that is the first objective."""
        return self._objectives[0]

    @property
    def count(self) -> int:
        """Number of trials asked so far, which is the number of the next one."""
        return len(self.trials)

    def suggest(self) -> Suggestion:
        """The next suggestion of the sampler: an architecture of the space, feasible or not."""
        trial = self._prepare().ask()

        def choose(name: str, options: Sequence[Scalar]) -> Scalar:
            value = trial.suggest_categorical(name, list(options))
            assert value is not None  # no option is None
            return value

        architecture = self.space.build(choose)
        for name, value in self.space.violations(architecture).items():
            trial.set_constraint(name, value)
        trial.set_user_attr("architecture", str(architecture))
        return self._asked(architecture)

    def insert(self, architecture: Architecture) -> Suggestion:
        """Make `architecture`, a randomly chosen or recorded member of the space, the next trial."""
        params = self.space.params_of(architecture)
        self._prepare().add_trial(
            create_trial(
                state=TrialState.RUNNING,
                params=params,
                distributions=distributions(self.space, params),
                user_attrs={"architecture": str(architecture)},
                constraints=self.space.violations(architecture),
            )
        )
        return self._asked(architecture)

    def tell(self, number: int, outcome: Outcome, run: RunRecord | None) -> None:
        """Tell Optuna the result of trial `number`; `run` is None where a constraint is violated."""
        if outcome is Outcome.INFEASIBLE and run is not None:
            outcome = Outcome.OUT_OF_MEMORY  # no constraint shows the sampler that it cannot be trained
        trial = self.trials[number]
        values = self._values(Architecture.parse(trial.user_attrs["architecture"]), outcome, run)
        state = TrialState.COMPLETE
        if values is None:
            learnt = outcome in (Outcome.INFEASIBLE, Outcome.PRUNED)
            state = TrialState.PRUNED if learnt else TrialState.FAIL
        self._study.tell(number, values, state)
        if values is not None and outcome is not Outcome.INFEASIBLE:
            self.num_scored += 1
            for name, value in zip(self._objectives, values, strict=True):
                self._known[name].append(value)
        if self._copy is not None:
            self._copy.finish(self.trials[number])

    def attach(self, copy: OptunaCopy) -> None:
        """Make `copy` hold the trials so far, and keep it up to date from now on."""
        copy.reconcile(self.trials)
        self._copy = copy

    def _prepare(self) -> optuna.Study:
        seed = stream_seed(self.seed, "search/sampler", self.count)
        self._study.sampler = make_sampler(self.sampler, seed, self._quota)
        return self._study

    def _asked(self, architecture: Architecture) -> Suggestion:
        trial = self.trials[-1]
        sampler = self._study.sampler
        if isinstance(sampler, NSGAIISampler):
            # Trials with given parameters would belong to no generation; parents are chosen at the first
            # trial of a generation. Both happen here, so that a restored study evolves as it did before.
            sampler.get_parent_population(self._study, sampler.get_trial_generation(self._study, trial))
        if self._copy is not None:
            self._copy.add(trial)
        return Suggestion(trial.number, architecture, dict(trial.params))

    def _reached(self, run: RunRecord) -> float | None:
        """What the run reached in the first objective."""
        if self._objectives[0] == "val_accuracy":
            return run.val_accuracy
        if run.val_balanced_accuracy is None:
            raise StudyFileError(
                "metric: balanced_accuracy is measured only where validation classes are uneven, and run "
                f"{run.key.digest[:12]} has none: write metric: accuracy, or name another --store if an "
                "earlier version made the run"
            )
        return run.val_balanced_accuracy

    def _values(
        self, architecture: Architecture, outcome: Outcome, run: RunRecord | None
    ) -> list[float] | None:
        criterion = self._objectives[0]
        if outcome is Outcome.COMPLETED and run is not None:
            found = {criterion: self._reached(run), "latency_ms": run.latency_ms}
        elif outcome in _LEARNT_AS_BAD:
            worst = max(self._known.get("latency_ms", []), default=None)
            found = {criterion: 1 / self.space.task.num_classes, "latency_ms": worst}
        elif outcome is Outcome.INFEASIBLE and not SAMPLERS[self.sampler].learns_constraints_from_pruned:
            found = {
                name: statistics.median(values) if (values := self._known.get(name)) else None
                for name in (criterion, "latency_ms")
            }
        else:
            return None
        costs = cost(architecture, self.space.task)
        found |= {"macs": costs.macs, "params": costs.params}
        known = [float(value) for name in self._objectives if (value := found[name]) is not None]
        return known if len(known) == len(self._objectives) else None


def distributions(space: Space, params: dict[str, Scalar]) -> dict[str, BaseDistribution]:
    """Optuna's distribution of every parameter that applies to the architecture of `params`."""
    found: dict[str, BaseDistribution] = {}

    def choose(name: str, options: Sequence[Scalar]) -> Scalar:
        found[name] = CategoricalDistribution(tuple(options))
        return params[name]

    space.build(choose)
    return found
