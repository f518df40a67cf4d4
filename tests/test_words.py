"""Estimates and lists in words."""

from __future__ import annotations

import pytest

from automl.forecast import Forecast
from automl.outcome import Estimate
from automl.plan import Validation
from automl.words import interval, level, listed, more_would_bring, scheme, scored, sentence, span


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


@pytest.mark.parametrize(
    ("metric", "rows", "said"),
    [
        ("roc_auc", 0.02, "twice the time +0.003, twice the rows +0.02 roc_auc (the score is ± 0.007)"),
        ("rmse", None, "twice the time −0.003 rmse (the score is ± 0.007)"),
        ("rmse", 0.00001, "twice the time −0.003, twice the rows next to nothing rmse (the score is ± 0.007)"),
    ],
)
def test_what_more_would_bring_is_told_beside_the_error(metric: str, rows: float | None, said: str) -> None:
    score = Estimate(metric=metric, value=0.85, low=0.84, high=0.86, error=0.007, n_rows=10)
    told = Forecast(seconds=10, value=0.85, to_limit=0.001, twice_time=0.003, twice_rows=rows)
    assert more_would_bring(told, score) == said
    assert more_would_bring(None, score) == ""


@pytest.mark.parametrize(
    ("validation", "words"),
    [
        (Validation(kind="kfold", n_folds=8), "8 folds"),
        (Validation(kind="kfold", n_folds=5, n_repeats=3), "5 folds, repeated 3 times"),
        (Validation(kind="holdout", n_folds=1, fraction=0.125), "a holdout of 12 %"),
        (Validation(kind="holdout", n_folds=2), "2 holdouts of 20 %"),
    ],
)
def test_how_models_are_compared_is_said_in_few_words(validation: Validation, words: str) -> None:
    assert scheme(validation) == words
