"""When a search has waited long enough, and what it waits for all the same."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace
from search_books import FOLDS, blend_of, books, enter

from automl.search.patience import Patience


def test_patience_runs_out_and_is_renewed(tmp_path: Path) -> None:
    ledger = books(tmp_path)
    trials = [enter(ledger, 0.2) for _ in range(9)]
    blend = blend_of(trials[0])
    patience = Patience(budget=10.0)
    patience.note(ledger, blend)
    for trial in trials:
        patience.count(trial)
    assert not patience.is_out(), "no time has passed"
    patience.since -= 60.0
    patience.began -= 60.0
    assert patience.is_out()
    patience.note(ledger, blend)
    assert patience.is_out(), "the same blend is no news"
    patience.note(ledger, blend_of(enter(ledger, 0.0)))
    assert not patience.is_out()


def test_a_family_that_carries_much_and_had_no_trial_in_vain_is_waited_for(tmp_path: Path) -> None:
    ledger = books(tmp_path)
    forest, linear = enter(ledger, 0.2, family="forest"), enter(ledger, 0.1)
    patience = Patience(budget=10.0)
    for _ in range(9):
        patience.count(linear)
    patience.note(ledger, blend_of(linear, forest))
    for _ in range(9):
        patience.count(forest)
    patience.since -= 60.0
    assert patience.is_out()
    assert patience.awaited() == {"linear"}, "its trials before the best blend tell nothing of what follows it"
    for _ in range(2):
        patience.count(linear)
    assert patience.awaited() == set()


def test_a_trial_that_no_comparison_stopped_is_waited_for_and_none_that_began_later(tmp_path: Path) -> None:
    ledger = books(tmp_path, FOLDS)
    patience = Patience(budget=10.0)
    patience.note(ledger, blend_of(enter(ledger, 0.2)))
    running, untold = enter(ledger, 0.1, n_folds=3), enter(ledger, 0.1, n_folds=0)
    assert patience.awaits(ledger)
    later = enter(ledger, 0.1, n_folds=1)
    ledger.end(running.number, "pruned", "behind")
    assert not patience.awaits(ledger)
    patience.renew()
    assert patience.awaits(ledger)
    for trial in (later, untold):
        ledger.end(trial.number, "pruned", "behind")
    assert not patience.awaits(ledger)


def test_more_of_the_budget_is_waited_for_where_there_is_room(tmp_path: Path) -> None:
    ledger = books(tmp_path)
    trials = [enter(ledger, 0.2) for _ in range(9)]

    def is_out(error: float) -> bool:
        patience = Patience(budget=600.0)
        patience.note(ledger, replace(blend_of(trials[0]), error=error))
        for trial in trials:
            patience.count(trial)
        patience.since -= 60.0
        return patience.is_out()

    assert is_out(error=0.15)
    assert not is_out(error=0.01)


def test_where_little_is_left_only_what_is_beyond_the_noise_of_the_score_counts(tmp_path: Path) -> None:
    ledger = books(tmp_path)
    worse, better, best = (enter(ledger, noise) for noise in (0.2, 0.1, 0.001))

    def noted(error: float) -> Patience:
        patience = Patience(budget=10.0)
        patience.note(ledger, replace(blend_of(worse), error=error))
        patience.note(ledger, replace(blend_of(better), error=error))
        return patience

    assert noted(error=0.01).best == replace(blend_of(better), error=0.01)
    little = noted(error=0.15)
    assert little.best == replace(blend_of(worse), error=0.15), "by .1, where the score is within .15"
    assert little.last == replace(blend_of(better), error=0.15)
    little.note(ledger, blend_of(best))
    assert little.best == blend_of(best)
    assert noted(error=0.01).is_worth(0.001, noise=0.01)
    assert not noted(error=0.15).is_worth(0.1, noise=0.15)
