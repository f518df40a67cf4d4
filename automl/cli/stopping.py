"""Signals: the first asks a run to stop and keep the best model so far, the second ends it at once."""

from __future__ import annotations

import signal
from types import FrameType
from typing import Any, Self

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopFlag:
    """Called, says whether a signal asked to stop. A context manager: the handlers stand while it is entered.

    Attributes:
        number: The signal that came; None before.
    """

    def __init__(self) -> None:
        self.number: int | None = None
        self._previous: dict[int, Any] = {}

    def __call__(self) -> bool:
        """Whether to stop."""
        return self.number is not None

    def __enter__(self) -> Self:
        self._previous = {each: signal.signal(each, self._stop) for each in _SIGNALS}
        return self

    def __exit__(self, *exception: object) -> None:
        for each, handler in self._previous.items():
            signal.signal(each, handler)

    @property
    def exit_code(self) -> int:
        """0 where no signal came, 130 or 143 otherwise."""
        return 0 if self.number is None else 128 + self.number

    def _stop(self, number: int, _frame: FrameType | None) -> None:
        if self.number is not None:
            raise SystemExit(128 + number)
        self.number = number
