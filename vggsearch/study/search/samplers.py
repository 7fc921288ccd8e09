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

from collections.abc import Callable
from typing import Literal

import optuna
from optuna.samplers import BaseSampler, GPSampler, NSGAIISampler, RandomSampler, TPESampler

MIN_STARTUP = 10
"""Trials that every history-based sampler draws uniformly first (Optuna's default)."""

MAX_POPULATION = 50

SamplerName = Literal["grid", "random", "tpe", "nsga2", "gp"]


def population_size(quota: int) -> int:
    """Trials in a generation of NSGA-II in a search of `quota` runs."""
    return max(MIN_STARTUP, min(MAX_POPULATION, quota // 5))


def startup(name: SamplerName, quota: int) -> int:
    """How many trials are drawn uniformly, and told, before the sampler suggests."""
    return population_size(quota) if name == "nsga2" else MIN_STARTUP


def sampler_maker(name: SamplerName, quota: int) -> Callable[[int], BaseSampler]:
    """Makes a sampler from a seed; `grid` and `random` never suggest and get a stand-in."""

    def tpe(seed: int) -> BaseSampler:
        return TPESampler(seed=seed, n_startup_trials=MIN_STARTUP, multivariate=False)

    def nsga2(seed: int) -> BaseSampler:
        return NSGAIISampler(seed=seed, population_size=population_size(quota))

    def gp(seed: int) -> BaseSampler:
        return GPSampler(seed=seed, n_startup_trials=MIN_STARTUP, warn_independent_sampling=False)

    def random(seed: int) -> BaseSampler:
        return RandomSampler(seed=seed)

    makers = {"tpe": tpe, "nsga2": nsga2, "gp": gp, "grid": random, "random": random}
    return makers[name]


def quiet() -> None:
    """Keep Optuna's own log lines off the terminal: the controller says what happens."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
