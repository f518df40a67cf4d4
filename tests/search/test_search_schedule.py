"""What runs next."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace
from numpy.typing import NDArray
from search_books import FOLDS, HOLDOUT, PROFILE, Y, books, enter, plan, plan_of_shares

from automl.search.budget import Clock
from automl.search.ledger import Ledger
from automl.search.objective import FoldResult
from automl.search.schedule import Schedule
from automl.search.study import FamilyStudy
from automl.space import Params
from automl.trial import Trial


def order(folder: Path, is_ready: Callable[[str], bool]) -> list[str]:
    made = plan(HOLDOUT, "mlp", "linear", "tabm", "seriesnet")
    schedule = Schedule(made, PROFILE, books(folder), Clock(started=time.monotonic(), seconds=60.0, reserve=0.0))
    assigned = [schedule.next(is_ready) for _ in made.candidates]
    return [each.trial.family for each in assigned if each is not None]


def test_defaults_that_cannot_start_yet_wait_for_those_that_can(tmp_path: Path) -> None:
    assert order(tmp_path / "all", lambda _: True) == ["mlp", "linear", "tabm", "seriesnet"]
    ready = ("linear", "seriesnet")
    assert order(tmp_path / "some", lambda family: family in ready) == ["linear", "seriesnet", "mlp", "tabm"]
    assert order(tmp_path / "none", lambda _: False) == ["mlp", "linear", "tabm", "seriesnet"]


def of_shares(
    ledger: Ledger, shares: dict[str, float], *, seconds: float = 60.0, n_trials: int | None = None
) -> Schedule:
    made = plan_of_shares(shares, seconds=seconds, n_trials=n_trials)
    return Schedule(made, PROFILE, ledger, Clock(started=time.monotonic(), seconds=seconds, reserve=0.0))


def run(schedule: Schedule, ledger: Ledger, most: int = 9) -> list[str]:
    """Families and origins of the trials that begin, each of which ends in a second with the same predictions."""
    found: list[str] = []
    while len(found) < most and (each := schedule.next()) is not None:
        if each.share < 1.0:  # a point of the curve over rows
            continue
        found.append(f"{each.trial.family} {each.trial.origin}")
        result = ended(np.zeros(len(ledger.splits[0].valid)))
        schedule.fold_ended(ledger.add_fold(each.trial.number, each.fold, result), each.fold, 1.0)
    return found


def ended(prediction: NDArray[np.float64]) -> FoldResult:
    return FoldResult(prediction=prediction, value=1.0, seconds=1.0, n_iterations=None, curve=(), truncated=False)


def test_whose_share_pays_first_begins_and_baselines_come_third(tmp_path: Path) -> None:
    ledger = books(tmp_path)
    schedule = of_shares(ledger, {"majority": 0.0, "knn": 0.2, "linear": 0.5, "tree": 0.3})
    assert run(schedule, ledger, 4) == ["linear portfolio", "tree portfolio", "majority baseline", "knn portfolio"]


def test_a_default_beyond_its_share_waits_until_tuning_brings_less_for_the_time(tmp_path: Path) -> None:
    ledger = books(tmp_path)
    begun = run(of_shares(ledger, {"knn": 0.04, "linear": 0.96}, seconds=10.0), ledger, 60)
    # A seventh linear model brings 0.96 / (7 * 8) of the blend in a second, and a first of neighbours 0.04 / 2.
    assert begun[:7] == ["linear portfolio"] + ["linear search"] * 5 + ["knn portfolio"]


def test_a_first_boosted_model_is_beyond_its_share_only_where_that_is_small(tmp_path: Path) -> None:
    ledger = books(tmp_path)
    schedule = of_shares(ledger, {"knn": 0.16, "lightgbm": 0.16, "linear": 0.6}, seconds=3.0)
    assert run(schedule, ledger, 2) == ["linear portfolio", "lightgbm portfolio"]
    little = books(tmp_path / "little")
    schedule = of_shares(little, {"knn": 0.1, "lightgbm": 0.1, "linear": 0.8}, seconds=3.0)
    assert run(schedule, little, 2) == ["linear portfolio", "linear search"], "one that is expected to count for little"


def test_a_second_net_waits_for_its_share(tmp_path: Path) -> None:
    shares = {"mlp": 0.2, "tabm": 0.18, "linear": 0.62}
    ledger = books(tmp_path)
    found = run(of_shares(ledger, shares, seconds=2.25), ledger)
    assert found[:3] == ["linear portfolio", "mlp portfolio", "linear search"]
    assert "tabm portfolio" in found, "its turn comes when the others had their shares"


def test_no_more_trials_begin_than_were_asked_for_but_baselines_do(tmp_path: Path) -> None:
    ledger = books(tmp_path)
    schedule = of_shares(ledger, {"majority": 0.0, "knn": 0.5, "linear": 0.5}, n_trials=1)
    assert run(schedule, ledger) == ["knn portfolio", "majority baseline"]
    assert schedule.is_full


def test_families_whose_turn_never_came_are_told(tmp_path: Path) -> None:
    ledger = books(tmp_path)
    schedule = of_shares(ledger, {"knn": 0.5, "linear": 0.5})
    run(schedule, ledger, 1)
    assert [(t.family, t.state, t.reason) for t in schedule.offers.untried()] == [
        ("linear", "skipped", "the search ended before its turn")
    ]
    assert schedule.offers.untried() == []


def test_unfinished_baselines_are_baselines_after_resume_and_what_was_asked_for_is_not_told(tmp_path: Path) -> None:
    ledger = books(tmp_path)
    for number, origin in enumerate(("baseline", "portfolio", "search")):
        ledger.open_trial(Trial(number=number, family="linear", params={"l1_ratio": 0.1 * number}, origin=origin))
    of_shares(ledger, {"linear": 1.0}).resume()
    assert [trial.origin for trial in ledger.trials.values()] == ["baseline", "portfolio", "portfolio"]


def test_the_sampler_is_told_gains_over_one_trial_of_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    added: dict[object, float] = {}
    told: list[float | None] = []

    class Recorder(FamilyStudy):
        def add(self, params: Params, gain: float) -> None:
            added[params["l1_ratio"]] = gain

        def tell(self, number: int, gain: float | None) -> None:
            told.append(gain)

    monkeypatch.setattr("automl.search.studies.FamilyStudy", Recorder)
    ledger = books(tmp_path, FOLDS)
    schedule = of_shares(ledger, {"linear": 1.0})
    for number, noise in enumerate((0.3, 0.6)):
        ledger.open_trial(
            replace(enter(ledger, noise), params={"scaling": "standard", "l1_ratio": 0.01 * (1 + number)})
        )
    schedule.resume()
    while (each := schedule.next()) is not None and len(told) < 2:
        if each.share == 1.0:
            rows = ledger.splits[each.fold].valid
            schedule.fold_ended(ledger.add_fold(each.trial.number, each.fold, ended(Y[rows] + 0.1)), each.fold, 1.0)
    assert added.pop(0.01) == 0.0
    assert added.pop(0.02) == pytest.approx(-0.3, abs=0.1)
    assert [*told, *added.values()] == pytest.approx([0.2] * 3, abs=0.1), (
        "those asked for, and a default that came later"
    )


def test_a_family_in_haste_has_the_next_trial_and_one_at_a_time(tmp_path: Path) -> None:
    ledger = books(tmp_path)
    schedule = of_shares(ledger, {"mlp": 0.4, "linear": 0.3, "tree": 0.3})
    run(schedule, ledger, most=3)

    def begun() -> str:
        schedule.hasten({"tree"})
        return next(each.trial.family for each in iter(schedule.next, None) if each.share == 1.0)

    assert begun() == "tree"
    assert begun() != "tree", "one runs"


def test_haste_is_of_use_while_a_trial_runs_or_another_is_affordable(tmp_path: Path) -> None:
    ledger = books(tmp_path)
    made, clock = plan_of_shares({"mlp": 0.5, "naive_bayes": 0.5}, seconds=3.0), Clock(time.monotonic(), 3.0, 0.0)
    schedule = Schedule(made, PROFILE, ledger, clock)
    assert schedule.hasten({"mlp"})
    for _ in range(2):
        assert schedule.next() is not None
    clock.reserve = 2.9
    assert schedule.hasten({"mlp"}), "it runs"
    for trial in list(ledger.trials.values()):
        schedule.close(trial)
    assert not schedule.hasten({"mlp"})
