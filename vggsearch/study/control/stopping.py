"""When a controller is to stop: at a signal, or when its time limit is over."""

import signal
import threading
import time
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Literal, Self

StopReason = Literal["interrupted", "time limit"]

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopping:
    """The first SIGINT or SIGTERM asks to stop, the second to stop at once, the third has its usual effect.

    Signals are handled inside the `with` block, if it is run by the main thread; in other threads only `stop`
    and the time limit have an effect.

    Args:
        time_limit_s: Seconds from now; None for no limit.
        monotonic: Clock of the limit.
    """

    def __init__(self, time_limit_s: float | None, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._end_s = None if time_limit_s is None else monotonic() + time_limit_s
        self._asked = 0
        self._before: dict[signal.Signals, Callable[[int, FrameType | None], object] | int | None] = {}

    @property
    def why(self) -> StopReason | None:
        """Why no new run may begin; None while one may."""
        if self._asked:
            return "interrupted"
        over = self._end_s is not None and self._monotonic() >= self._end_s
        return "time limit" if over else None

    @property
    def at_once(self) -> bool:
        """Whether active runs are to be killed."""
        return self._asked > 1

    def stop(self) -> None:
        """Ask to stop, as a signal does; the second time at once."""
        self._asked += 1

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._handle) for number in SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._restore()

    def _handle(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self.stop()
        if self.at_once:
            self._restore()

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}
