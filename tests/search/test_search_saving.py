"""The model file follows the search."""

from __future__ import annotations

import math
import time

import pytest

from automl.search import saving
from automl.search.best import Blend
from automl.search.saving import Saver


def blend(value: float) -> Blend:
    return Blend(trials=(), weights=(), value=value, error=math.nan)


def test_a_better_model_that_came_too_soon_is_written_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saving, "_LEAST_SECONDS", 0.2)
    written: list[float] = []
    saver = Saver(lambda each: written.append(each.value), budget=1.0)
    assert saver.offer(blend(1.0))
    assert not saver.offer(blend(2.0))
    assert not saver.offer(blend(3.0)), "the last one counts"
    time.sleep(0.25)
    assert saver.catch_up()
    assert not saver.catch_up()
    saver.close()
    assert written == [1.0, 3.0]


def test_what_a_write_raised_is_raised() -> None:
    def full(_: Blend) -> None:
        raise OSError("no space left on device")

    saver = Saver(full, budget=1.0)
    saver.offer(blend(1.0))
    saver.close()
    with pytest.raises(OSError, match="no space left"):
        saver.result()
