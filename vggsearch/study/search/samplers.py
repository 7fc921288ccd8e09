"""Optuna's samplers as the search uses them.

A sampler lives for one suggestion: it is made afresh for every trial, with a seed of its own, so that what is
suggested depends on the study's seed, the trial's number and the history told so far, and on nothing that a
restart would lose.

- `tpe`: each parameter alone, which handles parameters that apply only to some architectures. Running trials
  count as bad ones (constant liar), so that several workers do not ask the same.
- `nsga2`: a generation is a fifth of the trials, from 10 to 50, as Optuna's 50 would leave a study of 54
  trials without evolution. Parameters that do not apply to every architecture are drawn at random (Optuna's
  limit).
- `gp`: the same limit; running trials are considered.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import optuna
from optuna.samplers import BaseSampler, GPSampler, NSGAIISampler, RandomSampler, TPESampler

from vggsearch.study.file import Sampler

MIN_STARTUP = 10
"""Trials that every history-based sampler draws uniformly first (Optuna's default)."""

MAX_POPULATION = 50


def population_size(quota: int) -> int:
    """Trials in a generation of NSGA-II in a search of `quota` runs."""
    return max(MIN_STARTUP, min(MAX_POPULATION, quota // 5))


def startup(name: Sampler, quota: int) -> int:
    """How many trials are drawn uniformly, and told, before the sampler suggests."""
    return population_size(quota) if name == "nsga2" else MIN_STARTUP


def _tpe(seed: int, quota: int) -> BaseSampler:
    del quota
    return TPESampler(seed=seed, n_startup_trials=MIN_STARTUP, multivariate=False)


def _nsga2(seed: int, quota: int) -> BaseSampler:
    return NSGAIISampler(seed=seed, population_size=population_size(quota))


def _gp(seed: int, quota: int) -> BaseSampler:
    del quota
    return GPSampler(seed=seed, n_startup_trials=MIN_STARTUP, warn_independent_sampling=False)


MAKERS: Mapping[Sampler, Callable[[int, int], BaseSampler]] = MappingProxyType(
    {"tpe": _tpe, "nsga2": _nsga2, "gp": _gp}
)
"""Makes a sampler from a seed and the runs wanted; for those of `SAMPLERS` that learn."""


def make_sampler(name: Sampler, seed: int, quota: int) -> BaseSampler:
    """A sampler for one suggestion; one that never suggests is represented by Optuna's random sampler."""
    return MAKERS[name](seed, quota) if name in MAKERS else RandomSampler(seed=seed)


def quiet() -> None:
    """Keep Optuna's own log lines off the terminal: the controller says what happens."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
