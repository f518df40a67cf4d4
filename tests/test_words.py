"""Estimates and lists in words."""

from __future__ import annotations

from automl.outcome import Estimate
from automl.words import interval, level, listed, scored, sentence, span


def an_estimate(value: float, low: float, high: float, error: float) -> Estimate:
    return Estimate(metric="m", value=value, low=low, high=high, error=error, n_rows=10)


def test_digits_follow_the_error() -> None:
    assert interval(an_estimate(0.85, 0.83812, 0.861, 0.007)) == "0.850 (90 % interval 0.838–0.861)"
    assert scored(an_estimate(0.99961, 0.9995, 0.9997, 0.0004)) == "0.9996"
    assert scored(an_estimate(48.149, 45.9, 50.2, 1.3)) == "48.1"


def test_negative_ends_are_told_apart() -> None:
    assert span(an_estimate(0.1, -0.2, 0.3, 0.1)) == "-0.200 to 0.300"
    assert level(an_estimate(1, 1, 1, 0)) == "90 % interval"


def test_lists_and_sentences() -> None:
    assert [listed(["a", "b", "c"][:n]) for n in range(4)] == ["", "a", "a and b", "a, b and c"]
    assert listed([str(i) for i in range(1009)], 2) == "0, 1 and 1,007 more"
    assert [sentence(text) for text in ("", " done ", "Is it?", "ärger")] == ["", "Done.", "Is it?", "Ärger."]
