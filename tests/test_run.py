"""A whole run in this process: splits, weights, samples, plans from files, stopping and going on."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from automl import run
from automl.bundle import load_model
from automl.context import Context
from automl.errors import BudgetError, DataError, UsageError
from automl.evaluate import evaluate_predictor
from automl.events import BestChanged, Decided, Event, Planned, StageDone, TrialEnded, TrialStarted, nowhere
from automl.outcome import Outcome
from automl.plan import Plan
from automl.policy.saved import plan_json
from automl.rundir import DONE, MODEL, RunDir
from automl.settings import Settings
from automl.table import Table

RNG = np.random.default_rng(5)
N = 240


def table(n: int = N) -> Table:
    x = RNG.normal(size=(n, 3))
    city = np.array(["Bern", "Köln", "Łódź"])[RNG.integers(0, 3, n)]
    score = x[:, 0] - x[:, 1] + (city == "Bern")
    columns = {
        "size": x[:, 0],
        "age": np.where(RNG.random(n) < 0.1, np.nan, x[:, 1]),
        "noise": x[:, 2],
        "city": city,
        "shop": [f"shop {i % 12}" for i in range(n)],
        "day": [f"2024-{1 + i // 28 % 12:02d}-{1 + i % 28:02d}" for i in range(n)],
        "weight": RNG.random(n) + 0.1,
        "bought": np.where(score + 0.3 * RNG.normal(size=n) > 0, "yes", "no"),
    }
    return Table.from_columns(columns, "shops.csv")


DATA = table()


def settings(**changes: Any) -> Settings:
    given: dict[str, Any] = {
        "data": "shops.csv",
        "target": "bought",
        "engine": "inline",
        "include": ("linear", "tree"),
        "trials": 3,
        "time_limit": 40.0,
        "deterministic": True,
        **changes,
    }
    return Settings(**given)


def fitted(folder: Path, sink: Any = nowhere, rows: Table = DATA, **changes: Any) -> Outcome:
    return run.fit_table(rows, settings(**changes), folder / "run", sink)


def test_a_run_leaves_a_model_that_beats_the_baselines_and_says_how_it_went(tmp_path: Path) -> None:
    events: list[Event] = []
    outcome = fitted(tmp_path, events.append)
    assert outcome.score.metric == "roc_auc"
    assert outcome.score.value > max(e.value for _, e in outcome.baselines)
    assert outcome.score.low < outcome.score.value < outcome.score.high
    assert sum(member.weight for member in outcome.members) == pytest.approx(1.0)
    assert outcome.verdict.winner is None
    assert "neural" in outcome.verdict.sentence
    kinds = {type(event) for event in events}
    assert {Planned, TrialEnded, BestChanged, Decided} <= kinds
    names = {path.name for path in RunDir(tmp_path / "run").path.iterdir()}
    assert {"report.html", "report.json", "report.md", MODEL, DONE, "trials.jsonl", "events.jsonl", "oof"} <= names
    assert "work" not in names


def test_the_model_predicts_new_rows_about_as_well_as_the_run_said(tmp_path: Path) -> None:
    outcome = fitted(tmp_path)
    score = evaluate_predictor(load_model(outcome.model), table(2000))[0]
    assert score.metric == "roc_auc"
    assert outcome.score.low - 0.03 < score.value < outcome.score.high + 0.03


def test_the_same_seed_gives_the_same_model(tmp_path: Path) -> None:
    predictions = []
    for name in ("a", "b"):
        outcome = run.fit_table(DATA, settings(time_limit=300.0), tmp_path / name, nowhere)
        predictions.append(load_model(outcome.model).predict_table(DATA))
    assert np.array_equal(predictions[0], predictions[1])


def test_a_deterministic_run_counts_trials_and_does_not_hang_on_how_fast_its_fits_are(tmp_path: Path) -> None:
    def dawdle(event: Event) -> None:
        time.sleep(0.3 if isinstance(event, TrialStarted) and event.number % 3 else 0.0)

    wanted = {"engine": "processes", "jobs": 2, "trials": None, "time_limit": 300.0}
    told = settings(include=("linear", "tree", "lightgbm"), **wanted)
    outcomes = [run.fit_table(DATA, told, tmp_path / sink.__name__, sink) for sink in (nowhere, dawdle)]
    trials = [[(t.family, t.params, t.value) for t in outcome.trials] for outcome in outcomes]
    assert trials[0] == trials[1]
    assert outcomes[0].plan.wishes.n_trials == sum(len(c.portfolio) for c in outcomes[0].plan.candidates if c.share)
    predictions = [load_model(outcome.model).predict_table(DATA) for outcome in outcomes]
    assert np.array_equal(predictions[0], predictions[1])


@pytest.mark.parametrize("told", [{"group": "shop"}, {"time": "age"}, {"weight": "weight"}])
def test_columns_with_a_role_are_not_features(tmp_path: Path, told: dict[str, str]) -> None:
    outcome = fitted(tmp_path, **told)
    ((role, column),) = told.items()
    assert column not in load_model(outcome.model).encoder.columns
    assert getattr(outcome.plan.task, role) == column


def test_models_of_splits_in_time_are_refitted_on_all_rows(tmp_path: Path) -> None:
    stages: list[str] = []
    outcome = fitted(tmp_path, lambda e: stages.append(e.stage) if isinstance(e, StageDone) else None, time="day")
    predictor = load_model(outcome.model)
    assert {"day"} < set(predictor.encoder.columns), "the dates' parts and season are features"
    assert outcome.refitted == tuple(sorted(member.trial for member in outcome.members))
    assert [len(entry.folders) for entry in predictor.manifest.models] == [1] * len(outcome.members)
    assert "refit" in stages
    assert "once more on all of these rows" in (tmp_path / "run" / "report.md").read_text()
    assert predictor.predict_table(DATA).shape == (N, 2)


def test_models_of_random_folds_stand_as_they_are(tmp_path: Path) -> None:
    outcome = fitted(tmp_path)
    assert outcome.refitted == ()
    folders = [len(entry.folders) for entry in load_model(outcome.model).manifest.models]
    assert min(folders) > 1, "every row is in most folds' training rows already"


@pytest.mark.parametrize(
    "told", [{"preset": "interpretable"}, {"preset": "fast"}, {"max_latency": 0.001}, {"max_size": 1e-3}]
)
def test_where_a_lean_model_is_asked_for_one_fit_of_all_rows_ships_and_what_is_missed_is_said(
    tmp_path: Path, told: dict[str, Any]
) -> None:
    outcome = fitted(tmp_path, **told)
    assert outcome.plan.validation.kind == "kfold"
    assert outcome.refitted == tuple(sorted(member.trial for member in outcome.members))
    assert {len(entry.folders) for entry in load_model(outcome.model).manifest.models} == {1}
    missed = [sentence for sentence in outcome.skipped if "more than --max-" in sentence]
    assert len(missed) == ("preset" not in told)


def test_weights_that_are_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="weights that are missing, no numbers or below 0"):
        fitted(tmp_path, weight="age")


def test_rows_without_a_group_are_groups_of_one_row(tmp_path: Path) -> None:
    frame = {c.name: c.as_text().to_list() for c in DATA.columns()}
    frame["shop"] = [None if i % 2 else v for i, v in enumerate(frame["shop"])]
    outcome = fitted(tmp_path, rows=Table.from_columns(frame, "gaps.csv"), group="shop")
    rows = np.load(tmp_path / "run" / "oof" / "blend.npz")["rows"]
    assert len(rows) == N
    assert outcome.plan.task.group == "shop"


def test_rows_without_a_target_are_left_out_and_said(tmp_path: Path) -> None:
    frame = {c.name: c.as_text().to_list() for c in DATA.columns()}
    frame["bought"] = [None if i % 10 == 0 else v for i, v in enumerate(frame["bought"])]
    outcome = fitted(tmp_path, rows=Table.from_columns(frame, "gaps.csv"))
    assert outcome.n_train == N - N // 10
    assert any(str(N // 10) in finding.evidence for finding in outcome.profile.findings)


def test_a_plan_from_a_file_is_run_as_it_is_on_the_columns_it_was_made_for(tmp_path: Path) -> None:
    plans: list[Plan] = []
    told = {"drop": ("noise",), "types": {"size": "category"}}
    outcome = fitted(tmp_path, lambda e: plans.append(e.plan) if isinstance(e, Planned) else None, **told)
    only = tuple(c for c in plans[0].candidates if c.family == "tree")
    path = tmp_path / "plan.json"
    path.write_bytes(plan_json(msgspec.structs.replace(outcome.plan, candidates=only)))
    bare = Settings(
        data="shops.csv", plan=str(path), engine="inline", time_limit=30.0, sources={"time_limit": "flag -l"}
    )
    again = run.fit_table(DATA, bare, tmp_path / "again", nowhere)
    assert {t.family for t in again.trials} == {"tree"}
    assert again.plan.task == outcome.plan.task
    assert again.profile == outcome.profile
    assert again.plan.wishes == msgspec.structs.replace(outcome.plan.wishes, seconds=30.0)
    assert load_model(again.model).encoder.columns == load_model(outcome.model).encoder.columns


def test_a_stopped_run_leaves_a_model_and_goes_on_to_the_same_end(tmp_path: Path) -> None:
    data = tmp_path / "shops.csv"
    DATA.frame.write_csv(data)
    ended: list[TrialEnded] = []

    def note(event: Event) -> None:
        if isinstance(event, TrialEnded):
            ended.append(event)

    given = settings(data=str(data), trials=5)
    stopped = run.fit(given, tmp_path / "run", note, started=time.monotonic(), stop=lambda: len(ended) >= 3)
    assert stopped.stopped == "stopped by the user"
    assert (tmp_path / "run" / MODEL).exists()
    assert not (tmp_path / "run" / DONE).exists()
    resumed = run.resume(tmp_path / "run", given, nowhere, started=time.monotonic())
    assert (tmp_path / "run" / DONE).exists()
    assert len(resumed.trials) > len(stopped.trials)
    done_before = {t.number for t in stopped.trials if t.state == "done"}
    assert done_before <= {t.number for t in resumed.trials if t.state == "done"}
    with pytest.raises(UsageError, match="is done"):
        run.resume(tmp_path / "run", given, nowhere, started=time.monotonic())


def test_a_budget_that_is_over_before_the_first_fold_says_so(tmp_path: Path) -> None:
    with pytest.raises(BudgetError, match="no model was fitted"):
        run.fit_table(DATA, settings(), tmp_path / "run", nowhere, started=time.monotonic() - 60)


def test_a_folder_that_is_there_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "x").touch()
    with pytest.raises(UsageError, match="is there already"):
        run.fit(settings(data="nowhere.csv"), tmp_path / "run", nowhere, started=time.monotonic())


def test_a_test_file_that_cannot_be_is_refused_before_anything_is_learned(tmp_path: Path) -> None:
    data = tmp_path / "shops.csv"
    DATA.frame.write_csv(data)
    events: list[Event] = []
    for name, lines in (("none.csv", None), ("other.csv", "size,age\n1,2\n3,4\n")):
        if lines:
            (tmp_path / name).write_text(lines)
        told = settings(data=str(data), test=str(tmp_path / name))
        with pytest.raises(DataError, match=name):
            run.fit(told, tmp_path / "run", events.append, started=time.monotonic())
    assert not any(isinstance(event, TrialEnded) for event in events)


def test_a_test_file_with_a_value_that_cannot_be_read_costs_its_score_and_no_more(tmp_path: Path) -> None:
    data, test = tmp_path / "shops.csv", tmp_path / "test.csv"
    DATA.frame.write_csv(data)
    text = data.read_text().splitlines()
    test.write_text("\n".join([*text[:20], ",".join(["a lot", *text[20].split(",")[1:]])]))
    outcome = run.fit(settings(data=str(data), test=str(test)), tmp_path / "run", nowhere, started=time.monotonic())
    assert outcome.test == ()
    assert any("not scored on" in sentence and "test.csv" in sentence for sentence in outcome.skipped)


def test_time_is_kept_back_for_a_test_file_by_what_encoding_took(tmp_path: Path) -> None:
    (tmp_path / "test.csv").write_text("a,b\n" + "1,2\n" * 50)
    context = Context(settings(test=str(tmp_path / "test.csv"), time_limit=100.0), nowhere, time.monotonic())
    context.seconds["encode"] = 10.0
    assert run._scoring_seconds(context, 100) == pytest.approx(5.0, abs=1.0)
    assert run._scoring_seconds(context, 10) == 20.0  # a fifth of the time limit at most
    context.settings = settings()
    assert run._scoring_seconds(context, 100) == 0.0
