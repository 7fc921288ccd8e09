"""The spent fraction of a budget: n / `total_steps` after n steps, or training seconds / seconds."""

import time
from collections.abc import Callable
from typing import Literal

import torch

from vggsearch.recipe import Budget

Clock = Callable[[], float]


class Meter:
    """Measures the spent fraction of the budget of one run.

    Training seconds are counted only between `resume` and `pause`, so without evaluation and setup. On a CPU
    they are CPU seconds of this process, on a GPU seconds of the monotonic clock.
    """

    def __init__(
        self,
        budget: Budget,
        steps: int | None,
        device: torch.device,
        *,
        cpu_clock: Clock = time.process_time,
        wall_clock: Clock = time.monotonic,
    ) -> None:
        self.seconds = budget.seconds
        self.total_steps = steps
        self.steps = 0
        self.clock: Literal["cpu", "wall"] = "cpu" if device.type == "cpu" else "wall"
        self._cpu_clock, self._wall_clock = cpu_clock, wall_clock
        self._cpu_s = self._wall_s = 0.0
        self._since: tuple[float, float] | None = None

    def resume(self) -> None:
        """Start or continue counting training seconds."""
        self._since = self._cpu_clock(), self._wall_clock()

    def pause(self) -> None:
        """Stop counting training seconds."""
        if self._since is not None:
            self._cpu_s += self._cpu_clock() - self._since[0]
            self._wall_s += self._wall_clock() - self._since[1]
            self._since = None

    def go_to(self, steps: int, *, cpu_s: float, wall_s: float) -> None:
        """Set what is spent, for a run that resumes from a checkpoint."""
        self.steps, self._cpu_s, self._wall_s, self._since = steps, cpu_s, wall_s, None

    @property
    def cpu_s(self) -> float:
        """CPU seconds of this process spent training."""
        return self._cpu_s + (self._cpu_clock() - self._since[0] if self._since else 0.0)

    @property
    def wall_s(self) -> float:
        """Seconds of the monotonic clock spent training."""
        return self._wall_s + (self._wall_clock() - self._since[1] if self._since else 0.0)

    @property
    def train_s(self) -> float:
        """Training seconds by the budget's clock."""
        return self.cpu_s if self.clock == "cpu" else self.wall_s

    @property
    def fraction(self) -> float:
        """Spent fraction of the budget, from 0 to 1."""
        if self.total_steps is not None:
            return min(1.0, self.steps / self.total_steps)
        assert self.seconds is not None
        return min(1.0, self.train_s / self.seconds)

    @property
    def midstep(self) -> float:
        """The spent fraction in the middle of the next step, which determines its learning rate.

        With a budget in seconds, the next step is expected to take the mean time of the steps before it.
        """
        fraction = self.fraction
        step = 1 / self.total_steps if self.total_steps else fraction / max(1, self.steps)
        return min(1.0, fraction + step / 2)
