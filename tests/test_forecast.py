"""Learning curves carried on."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest

from automl.forecast import next_doubling, over


@pytest.mark.parametrize("level", [0.0, 5.0])
def test_a_curve_that_falls_like_the_root_is_carried_on_exactly(level: float) -> None:
    def gain(n: float) -> float:
        return level - 3.0 / math.sqrt(n)

    told = next_doubling(gain(100), gain(200), gain(400))
    assert told == pytest.approx(gain(800) - gain(400), rel=0.02)


def test_a_flat_or_falling_curve_promises_nothing() -> None:
    assert next_doubling(1.0, 1.0, 1.0) == 0.0
    assert next_doubling(1.0, 0.9, 0.8) == 0.0


def test_more_of_the_same_brings_less_and_less() -> None:
    gains = [over(1.0, factor) for factor in (1.0, 2.0, 4.0, 8.0)]
    assert gains[:2] == pytest.approx([0.0, 1.0])
    steps = [later - earlier for earlier, later in pairwise(gains)]
    assert steps == pytest.approx([1.0, 0.7, 0.49])
    assert over(1.0, 0.5) == 0.0, "the past brings nothing"
