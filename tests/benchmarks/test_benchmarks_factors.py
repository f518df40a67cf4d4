"""Learning the policy's factors: what made the races is found again."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.factors import JUDGED, TERMS, Seen, learn, left_out, seen, surprise

TRUTH = np.random.default_rng(0).normal(size=len(TERMS))
JUDGED_LOGS = np.log([JUDGED[code][trait] for code, trait in TERMS])


def races(n: int) -> list[Seen]:
    """Races of six families whose shares follow the truth."""
    rng = np.random.default_rng(1)
    made = []
    for _ in range(n):
        design = rng.integers(0, 2, size=(6, len(TERMS))).astype(float)
        weights = np.exp(design @ TRUTH)
        made.append(Seen(design, np.zeros(6), weights / weights.sum()))
    return made


def test_the_factors_behind_many_races_are_found() -> None:
    found = learn(races(200), JUDGED_LOGS, pull=1e-6)
    assert found == pytest.approx(TRUTH, abs=0.05)


def test_a_hard_pull_keeps_what_was_judged() -> None:
    assert learn(races(20), JUDGED_LOGS, pull=1e3) == pytest.approx(JUDGED_LOGS, abs=0.01)


def test_learning_beats_judging_on_races_left_out() -> None:
    made = races(30)
    assert left_out(made, JUDGED_LOGS, pull=0.01).mean() < surprise(JUDGED_LOGS, made)


def test_a_recorded_race_becomes_numbers_by_trait_and_strength() -> None:
    lanes = {"lightgbm": {"share": 3.0}, "mlp": {"share": 1.0}, "tree": {"share": 0.0}}
    race = seen({"lanes": lanes, "rules": {"P001": 1.0, "P002": 2.0}})
    at = {term: i for i, term in enumerate(TERMS)}
    assert race.shares.tolist() == [0.75, 0.25, 0.0]
    assert race.design[0, at["P001", "boosting"]] == 1.0
    assert race.design[0, at["P001", "tree"]] == 0.0, "a booster is no single tree"
    assert race.design[2, at["P001", "tree"]] == 1.0
    assert race.design[1, at["P002", "neural"]] == 2.0
    assert race.design[1, at["P005", "neural"]] == 0.0, "the rule did not speak"
    assert race.fixed[1] < 0 == race.fixed[0]
