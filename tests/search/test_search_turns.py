"""Which family has the next seconds."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from search_books import PROFILE, books, enter, plan_of_shares

from automl.search.budget import Clock
from automl.search.ledger import Ledger
from automl.search.prices import Prices
from automl.search.turns import Turns
from automl.trial import State, Trial

PLANNED = plan_of_shares({"linear": 0.5, "tree": 0.5})
DEFAULTS = {candidate.family: candidate.portfolio[0] for candidate in PLANNED.candidates}


def turns_of(ledger: Ledger, earned: dict[str, float] | None = None) -> Turns:
    """Both families have the same share and cost a second a trial."""
    prices = Prices(PLANNED, PROFILE, Clock(started=time.monotonic(), seconds=60.0, reserve=0.0))
    turns = Turns(PLANNED, PROFILE, ledger, prices)
    turns.earned = earned or {}
    return turns


def claims(ledger: Ledger, *waiting: str, earned: dict[str, float] | None = None) -> list[str]:
    """A default is left of those that wait."""
    defaults = {family: [params] if family in waiting else [] for family, params in DEFAULTS.items()}
    return turns_of(ledger, earned).by_claim(defaults)


def begin(ledger: Ledger, family: str, state: State) -> None:
    ledger.open_trial(
        Trial(number=len(ledger.trials), family=family, params=DEFAULTS[family], origin="search", state=state)
    )


@pytest.mark.parametrize("state", ["done", "pruned", "running"])
def test_who_had_more_trials_comes_later(tmp_path: Path, state: State) -> None:
    ledger = books(tmp_path)
    for family in ("linear", "tree"):
        enter(ledger, 0.1, family=family)
    assert claims(ledger) == ["linear", "tree"]
    begin(ledger, "linear", state)
    assert claims(ledger) == ["tree", "linear"]
    begin(ledger, "tree", "skipped")
    assert claims(ledger) == ["tree", "linear"], "which was no trial"


def test_what_a_family_has_earned_counts_once_it_was_tried(tmp_path: Path) -> None:
    ledger = books(tmp_path)
    enter(ledger, 0.1, family="linear")
    assert claims(ledger, "tree", earned={"linear": 1.0}) == ["tree", "linear"], "0.5 / 2 and (0.5 + 1) / 2 / 6"
    enter(ledger, 0.2, family="tree")
    enter(ledger, 0.2, family="linear")
    assert claims(ledger, "tree", earned={"linear": 0.9, "tree": 0.1}) == ["linear", "tree"], "0.7 / 12 and 0.3 / 6"


def test_a_family_is_not_tuned_before_one_of_its_trials_has_ended(tmp_path: Path) -> None:
    ledger = books(tmp_path)
    begin(ledger, "tree", "running")
    begin(ledger, "linear", "running")
    assert claims(ledger, "linear") == ["linear"]


def test_who_brought_the_blend_less_waits_with_its_second_default(tmp_path: Path) -> None:
    ledger = books(tmp_path)
    for family in ("linear", "tree"):
        begin(ledger, family, "pruned")
    defaults = {family: [params] for family, params in DEFAULTS.items()}
    for first, second in (("linear", "tree"), ("tree", "linear")):
        turns = turns_of(ledger, {first: 0.9, second: 0.1})
        assert turns.next_default(defaults, lambda _: True, only_baselines=False) == first
