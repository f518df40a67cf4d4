"""What a fold may take, and which trials there is time for."""

from __future__ import annotations

import time
from pathlib import Path

import msgspec
import pytest
from search_books import FOLDS, HOLDOUT, PARAMS, PROFILE, blend_of, books, enter, plan

from automl import registry
from automl.profile import Shape
from automl.search.best import improvement
from automl.search.budget import Clock
from automl.search.prices import Prices
from automl.trial import Score, Trial


def prices(seconds: float) -> Prices:
    made = plan(FOLDS, *("linear", "svm", "tree", "knn", "forest"), seconds=seconds)
    for candidate in made.candidates:
        assert candidate.cost.seconds == 1.0
    return Prices(made, PROFILE, Clock(started=time.monotonic(), seconds=seconds, reserve=0.0))


def trial(n_done: int = 0) -> Trial:
    return Trial(number=0, family="linear", params=PARAMS, origin="portfolio", scores=()[:n_done])


def test_a_fold_may_take_what_it_should_and_half_more_where_all_folds_then_fit() -> None:
    assert prices(20.0).limit(trial(), 4) == pytest.approx(2.0), "its share: a fifth of 40 s over 4 folds"
    measured = prices(20.0)
    measured.note(trial(), 3.0)
    assert measured.limit(trial(), 4) == pytest.approx(4.5, rel=0.05), "it took three times as long as expected"
    measured.note(trial(), 60.0)
    assert measured.limit(trial(), 4) == pytest.approx(10.0, rel=0.05), "20 s for two rounds of two folds"


def test_a_deterministic_run_takes_what_was_expected_for_what_fits_took() -> None:
    made = plan(FOLDS, "linear", "tree", seconds=20.0)
    counted = msgspec.structs.replace(made, wishes=msgspec.structs.replace(made.wishes, deterministic=True))
    measured = Prices(counted, PROFILE, Clock(started=time.monotonic() - 10.0, seconds=20.0, reserve=0.0))
    measured.note(trial(), 3.0)
    assert (measured.price("linear", PARAMS), measured.total) == (1.0, 40.0)
    assert measured.limit(trial(), 4) == pytest.approx(10.0, rel=0.05), "only the end of the search cuts it short"


def test_a_first_trial_may_start_cut_short_and_a_later_one_needs_the_time() -> None:
    made = prices(3.0)
    assert made.no_time("linear", PARAMS, 4, is_first=True) == ""
    assert made.no_time("linear", PARAMS, 4, is_first=False) == ""
    made.note(trial(), 5.0)
    assert "are left" in made.no_time("linear", PARAMS, 4, is_first=False)


def test_a_fold_does_not_begin_in_a_small_part_of_the_time_that_the_others_took() -> None:
    made = prices(20.0)
    one, two = (Score(fold=i, value=1.0, seconds=seconds) for i, seconds in enumerate((60.0, 80.0)))
    assert made.can_begin(msgspec.structs.replace(trial(), scores=(one,))), "18 of 60 s"
    assert not made.can_begin(msgspec.structs.replace(trial(), scores=(one, two))), "20 of 70 s"


def test_what_refits_may_take_is_no_time_for_any_but_a_first_trial() -> None:
    made = plan(HOLDOUT, "linear", "tree", seconds=10.0)
    clock = Clock(started=time.monotonic() - 6.0, seconds=10.0, reserve=0.0)
    measured = Prices(made, PROFILE, clock)
    assert measured.total == pytest.approx(1.0, abs=0.1), "half a second of each worker"
    measured.note(trial(), 2.0)
    why = "a fit of 2 s and a refit as long leave nothing of the 4, and one runs that may be refitted, too"
    assert "0.5 s are left" in measured.no_time("linear", PARAMS, 1, is_first=False, running=[trial()]), why
    assert measured.no_time("linear", PARAMS, 1, is_first=True, running=[trial()]) == ""
    clock.held = 3.5
    assert "0.5 s are left" in measured.no_time("linear", PARAMS, 1, is_first=False)


def test_a_short_fit_leaves_time_for_no_more_refits_than_its_own() -> None:
    clock = Clock(started=time.monotonic() - 6.0, seconds=10.0, reserve=0.0)
    measured = Prices(plan(HOLDOUT, "linear", "tree", seconds=10.0), PROFILE, clock)
    measured.note(trial(), 1.5)
    assert measured.no_time("linear", PARAMS, 1, is_first=False) == "", "3 s of the 4, though refits may take 3.5"
    measured.note(trial(), 3.3)
    assert "1.6 s are left" in measured.no_time("linear", PARAMS, 1, is_first=False), "2.4 s and as many of the 4"


def test_a_first_forest_is_worth_a_third_of_its_trees_and_a_first_kernel_machine_is_all_or_nothing() -> None:
    found = msgspec.structs.replace(PROFILE, shape=Shape(n_rows=60, d_num=1, d_cat=0, n_levels=0, n_outputs=1))
    params = {name: registry.family(name).default(found)[0] for name in ("forest", "svm")}
    base = plan(FOLDS, *params, seconds=1.0)
    candidates = tuple(msgspec.structs.replace(c, portfolio=(params[c.family],)) for c in base.candidates)
    clock = Clock(started=time.monotonic(), seconds=1.0, reserve=0.0)
    made = Prices(msgspec.structs.replace(base, candidates=candidates), found, clock)
    assert made.no_time("forest", params["forest"], 4, is_first=True) == ""
    assert "are left" in made.no_time("svm", params["svm"], 4, is_first=True)
    assert "are left" in made.no_time("forest", params["forest"], 4, is_first=False)


def test_improvement_is_told_more_precisely_than_a_score(tmp_path: Path) -> None:
    ledger = books(tmp_path, FOLDS)
    bad, good = enter(ledger, 0.5), enter(ledger, 0.45)
    gain, error = improvement(ledger, blend_of(bad), blend_of(good))
    assert gain == pytest.approx(0.05, abs=0.04)
    assert 0 < error < 0.05
    assert improvement(ledger, blend_of(bad), blend_of(bad)) == (0.0, 0.0)
