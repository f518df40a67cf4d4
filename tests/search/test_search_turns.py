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
from automl.trial import Trial

PLANNED = plan_of_shares({"linear": 0.5, "tree": 0.5})
DEFAULTS = {candidate.family: candidate.portfolio[0] for candidate in PLANNED.candidates}


def claims(ledger: Ledger, spent: dict[str, int] | None = None, *waiting: str) -> list[str]:
    """Both have the same share and cost a second a trial; a default is left of those that wait."""
    prices = Prices(PLANNED, PROFILE, Clock(started=time.monotonic(), seconds=60.0, reserve=0.0))
    for family, seconds in (spent or {}).items():
        for _ in range(seconds):
            prices.note(Trial(number=0, family=family, params=DEFAULTS[family], origin="portfolio"), 1.0)
    defaults = {family: [params] if family in waiting else [] for family, params in DEFAULTS.items()}
    return Turns(PLANNED, PROFILE, ledger, prices).by_claim(defaults)


def test_who_had_more_comes_later(tmp_path: Path) -> None:
    ledger = books(tmp_path)
    for family in ("linear", "tree"):
        enter(ledger, 0.1, family=family)
    assert claims(ledger, {"linear": 5, "tree": 1}) == ["tree", "linear"]
    assert claims(ledger, {"linear": 1, "tree": 5}) == ["linear", "tree"]


def test_what_its_running_trials_will_take_counts_as_had(tmp_path: Path) -> None:
    ledger = books(tmp_path)
    for family in ("linear", "tree"):
        enter(ledger, 0.1, family=family)
    ledger.open_trial(Trial(number=2, family="linear", params=DEFAULTS["linear"], origin="search"))
    assert claims(ledger) == ["tree", "linear"]


@pytest.mark.parametrize("is_stopped", [True, False])
def test_who_is_far_behind_waits_with_a_second_default(tmp_path: Path, *, is_stopped: bool) -> None:
    ledger = books(tmp_path)
    enter(ledger, 0.1, family="linear")
    behind = enter(ledger, 0.5, family="tree")
    if is_stopped:
        ledger.end(behind.number, "pruned", "worse")
    spent = {"linear": 9, "tree": 1}
    assert claims(ledger, spent, "tree") == ["linear", "tree"]
    ledger.trials.pop(behind.number)
    assert claims(ledger, spent, "tree") == ["tree", "linear"], "of which nothing is known"
