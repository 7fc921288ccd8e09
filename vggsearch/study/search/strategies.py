"""The strategies of this package, in one table."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from vggsearch.study.file import Model, Rungs, Screen, StrategySettings, full_runs
from vggsearch.study.search.model import ModelStrategy
from vggsearch.study.search.rungs import RungsStrategy
from vggsearch.study.search.screen import ScreenStrategy
from vggsearch.study.search.strategy import Goal, Strategy


def _rungs(settings: StrategySettings, goal: Goal, quotas: tuple[int, ...]) -> Strategy:
    assert isinstance(settings, Rungs)
    return RungsStrategy(goal, quotas, settings.eta)


def _screen(settings: StrategySettings, goal: Goal, quotas: tuple[int, ...]) -> Strategy:
    assert isinstance(settings, Screen)
    return ScreenStrategy(goal, quotas)


def _model(settings: StrategySettings, goal: Goal, quotas: tuple[int, ...]) -> Strategy:
    assert isinstance(settings, Model)
    return ModelStrategy(goal, quotas)


MAKERS: Mapping[str, Callable[[StrategySettings, Goal, tuple[int, ...]], Strategy]] = MappingProxyType(
    {"rungs": _rungs, "screen": _screen, "model": _model}
)
"""Makes a strategy from its settings, what is looked for, and the runs of each rung."""


def make_strategy(settings: StrategySettings, goal: Goal, trials: int) -> Strategy:
    """The strategy of a search that may cost `trials` full runs."""
    members = goal.space.count
    quotas = (*settings.short_runs(trials, members), full_runs(settings, trials, members))
    return MAKERS[settings.name](settings, goal, quotas)
