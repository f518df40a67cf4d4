"""The model file kept up with the search, written beside it."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from automl.search.best import Blend

_LEAST_SECONDS = 5.0
_SHARE = 0.05


class Saver:
    """Writes models in a thread, never two at a time and not more often than is worth it.

    Args:
        save: Writes the model file for a blend.
        budget: Seconds of the command; a twentieth lies between two writes.
    """

    def __init__(self, save: Callable[[Blend], None], budget: float) -> None:
        self._save = save
        self._seconds_between = max(_LEAST_SECONDS, _SHARE * budget)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="save")
        self._saving: Future[None] | None = None
        self._waiting: Blend | None = None
        self._saved_at = float("-inf")

    def offer(self, blend: Blend) -> bool:
        """Begin to write a blend, or keep it for `catch_up`; whether it was begun.

        Raises:
            OSError: An earlier write failed.
        """
        self._waiting = blend
        return self.catch_up()

    def catch_up(self) -> bool:
        """Begin to write the last blend offered, unless one was written a moment ago or still is; whether it was begun.

        Raises:
            OSError: An earlier write failed.
        """
        is_writing = self._saving is not None and not self._saving.done()
        if self._waiting is None or is_writing or time.monotonic() - self._saved_at < self._seconds_between:
            return False
        self.result()
        self._saved_at = time.monotonic()
        self._saving = self._thread.submit(self._save, self._waiting)
        self._waiting = None
        return True

    def close(self) -> None:
        """Wait for what is being written."""
        self._thread.shutdown(wait=True)

    def result(self) -> None:
        """Raise what the last write raised."""
        if self._saving is not None:
            self._saving.result()
