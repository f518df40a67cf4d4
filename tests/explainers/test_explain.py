from __future__ import annotations

import subprocess
import sys
import textwrap
import time

import msgspec
import numpy as np
import pytest
from shipped_fakes import (
    FakeMember,
    FakeShipped,
    family_with,
    gain,
    request_of,
    shipped_family,
    shipped_function,
    table_of,
    task_of,
    truth,
)

from automl import explain, explain_columns, explaining
from automl.attribution import Attribution
from automl.engines import Job, JobResult
from automl.errors import UsageError
from automl.explain import ExplainRequest, explain_model, merge
from automl.features import Layout
from automl.table import Table


@pytest.mark.parametrize("kind", ["binary", "multiclass", "regression"])
def test_everything_is_told_of_a_model_nothing_is_known_of(kind):
    shipped = shipped_function(kind)
    request = request_of(shipped, n_rows=30)
    found = explain_model(shipped, request)
    assert [each.method for each in found.importance] == ["shap", "permutation"]
    for each in found.importance:
        assert sorted(each.columns) == sorted(shipped.layout.columns)
        assert list(each.values) == sorted(each.values, reverse=True)
    assert dict(zip(found.importance[0].columns, found.importance[0].values, strict=True))["dull"] == 0
    for row in (*found.summary, *(r for r in found.chosen if r.method == "shap")):
        assert row.base + sum(row.values) == pytest.approx(row.prediction, abs=1e-6)
    assert [row.method for row in found.chosen] == ["shap", "lime"] * (len(found.chosen) // 2)
    for one, other in zip(found.chosen[::2], found.chosen[1::2], strict=True):
        assert (one.row, one.output, one.columns, one.shown, one.note) == (
            other.row,
            other.output,
            other.columns,
            other.shown,
            other.note,
        )
        assert one.note
        assert other.fidelity is not None
    assert all(-1 <= each.correlation <= 1 for each in found.agreement)
    assert {each.row for each in found.agreement} <= {row.row for row in found.chosen}
    curves = {curve.column: curve for curve in found.dependence}
    assert set(curves) == set(shipped.layout.columns)
    assert all(len(c.grid) == len(c.average) and len(c.rows) == len(c.attributions) > 0 for c in curves.values())
    assert (curves["when"].scale, curves["city"].scale, curves["size"].scale) == ("date", "category", "number")
    assert msgspec.json.decode(msgspec.json.encode(found), type=Attribution) == found


def test_chosen_rows_are_shown_as_they_stand_in_the_file():
    shipped = shipped_function("multiclass")
    rows = table_of(30, seed=1)
    found = explain_model(shipped, request_of(shipped, rows=rows, chosen=(7, 0)))
    assert [row.row for row in found.chosen] == [7, 7, 0, 0]
    row = found.chosen[0]
    city = rows.column("city").as_text()[7]
    assert row.shown[4] == ("(missing)" if city is None else city)
    assert row.shown[3] == str(rows.frame["when"][7].date())
    prediction = shipped.predict(shipped.encode(rows))[7]
    assert row.output == shipped.task.classes[int(np.argmax(prediction))]
    assert row.prediction == pytest.approx(prediction.max())
    assert row.probability == pytest.approx(prediction.max())
    with pytest.raises(UsageError, match="no row 30"):
        explain_model(shipped, request_of(shipped, rows=rows, chosen=(30,)))


def test_telling_rows_are_a_typical_a_high_and_a_wrong_one():
    shipped = shipped_function("binary")
    rows = table_of(30, seed=1)
    positive = shipped.predict(shipped.encode(rows))[:, 1]
    y = (positive > 0.5).astype(int)
    y[np.argmin(positive)] = 1
    found = explain_model(shipped, request_of(shipped, rows=rows, y=y), ("local",))
    by_note = {row.note: row.row for row in found.chosen}
    assert by_note["highest probability of yes"] == np.argmax(positive)
    assert by_note["surest wrong one: yes taken for no"] == np.argmin(positive)


def test_parts_made_apart_are_merged_and_the_same_seed_tells_the_same():
    shipped = shipped_family(family_with("boosting", "tree"), "binary", temperature=1.3)
    request = request_of(shipped, n_rows=40, seconds=60.0)
    parts = [explain_model(shipped, request, (part,)) for part in ("global", "local", "shap")]
    found, again = merge(parts[::-1]), explain_model(shipped, request)
    assert found == again
    assert found.explainer.startswith("exact tree SHAP")
    assert found.summary[0].unit == "log-odds"
    city = next((c for c in found.dependence if c.column == "rooms"), None)
    assert city is not None
    assert city.attribution_unit == "log-odds"
    assert city.unit == "probability"


def test_trees_in_a_blend_of_values_with_others_are_exact_and_the_others_sampled():
    trees = shipped_family(family_with("boosting", "tree"), "regression", n_models=2)
    other = shipped_family(family_with("distance"), "regression", n_models=1)
    members = [FakeMember(0.3, m.family, m.model) for m in trees.members]
    members += [FakeMember(0.4, m.family, m.model) for m in other.members]

    def function(x):
        return sum(m.weight * m.model.predict(x) for m in members)

    shipped = FakeShipped(trees.task, trees.layout, function, members)
    rows = table_of(40, seed=1)
    found = explain_model(shipped, request_of(shipped, rows=rows, seconds=60.0), ("shap",))
    assert found.explainer.startswith("exact tree SHAP of 2 models")
    assert "of 1 other permutation SHAP" in found.explainer
    predicted = shipped.predict(shipped.encode(rows))
    assert len(found.summary) == 40
    for row in found.summary:
        assert row.base + sum(row.values) == pytest.approx(predicted[row.row], rel=1e-3)
    sizes = dict(zip(found.importance[0].columns, found.importance[0].values, strict=True))
    assert sizes["dull"] == pytest.approx(0, abs=1e-9)
    assert sizes["rooms"] > 1


def test_without_time_nothing_is_made_up_and_every_cut_is_said():
    shipped = shipped_function("binary")
    found = explain_model(shipped, request_of(shipped, seconds=0.0))
    said = " ".join(found.skipped)
    for what in ("SHAP left out", "LIME: 0 of", "permutation importance: 0 of 5 columns", "partial dependence on 0 of"):
        assert what in said
    assert not found.summary
    assert not found.chosen
    assert not found.dependence
    assert not found.importance


def test_a_slow_model_gets_fewer_rows(monkeypatch):
    monkeypatch.setattr(explain_columns, "_SHUFFLE_PLANS", ((50, 5), (10, 2)))
    shipped = shipped_function("regression")
    cost = explain_columns.Cost(0.0, 1.0)
    assert explain_columns._plan(5, 60, cost, 5 * 250.0) == (50, 5)
    assert explain_columns._plan(5, 60, cost, 200.0) == (10, 2)
    assert explain_columns._plan(5, 4, cost, 5.0) == (4, 2)
    assert cost.seconds(10) == 10
    assert explain_model(shipped, request_of(shipped, n_rows=60), ("global",)).importance[0].n_rows == 50


def test_more_rows_are_summed_up_than_are_needed_for_the_choice():
    shipped = shipped_family(family_with("boosting", "tree"), "multiclass", n_models=1)
    found = explain_model(shipped, request_of(shipped, n_rows=450, seconds=60.0), ("shap",))
    assert len(found.summary) == 300
    assert found.importance[0].n_rows == 300
    assert not found.skipped
    assert {row.output for row in found.summary} <= set(shipped.task.classes)


def test_without_truth_or_single_rows_the_rest_is_told():
    shipped = shipped_function("regression")
    found = explain_model(shipped, request_of(shipped, n_rows=25, y=None, chosen=None))
    assert [each.method for each in found.importance] == ["shap"]
    assert any("known target" in sentence for sentence in found.skipped)
    assert not found.chosen
    assert found.summary
    assert found.dependence


def test_an_undefined_metric_is_said():
    shipped = shipped_function("binary")
    found = explain_model(shipped, request_of(shipped, score=lambda y, p: float("nan"), metric="roc_auc"), ("global",))
    assert any("roc_auc is undefined" in sentence for sentence in found.skipped)


def wide(d: int, n_rows: int) -> tuple[FakeShipped, Table]:
    names = tuple(f"g{i}" for i in range(d))
    layout = Layout(columns=names, num_names=names, num_sources=tuple(range(d)))
    x = np.random.default_rng(0).normal(size=(n_rows, d))
    shipped = FakeShipped(
        task_of("regression"),
        layout,
        lambda f: (f.x_num[:, 5] * f.x_num[:, 400] + 3 * f.x_num[:, 401]).astype(float),
        [FakeMember(1.0, family_with("neural"), None)],
    )
    return shipped, Table.from_columns(dict(zip(names, x.T, strict=True)))


def test_of_thousands_of_columns_the_foremost_are_told_apart():
    shipped, table = wide(800, 40)
    y = shipped.predict(shipped.encode(table))
    request = ExplainRequest(background=table, rows=table, y=y, score=gain, metric="gain", seconds=60.0, chosen=(3,))
    found = explain_model(shipped, request)
    by_shap, by_shuffling = found.importance
    assert by_shap.columns[0] == "g401"
    assert set(by_shap.columns[:3]) == {"g401", "g400", "g5"}
    assert by_shap.columns[-1] == "all other columns (797)"
    assert by_shap.values[-1] == pytest.approx(0, abs=1e-9)
    assert by_shuffling.columns[0] == "g401"
    assert any("told apart" in sentence for sentence in found.skipped)
    row = found.chosen[0]
    assert row.base + sum(row.values) == pytest.approx(row.prediction, abs=1e-6)
    assert row.shown[-1] == ""
    assert found.chosen[1].values[0] != 0


def one_column(kind: str, categorical: bool) -> tuple[FakeShipped, Table]:
    layout = (
        Layout(columns=("city",), cat_names=("city",), cat_sources=(0,), n_levels=(4,), cat_ordered=(False,))
        if categorical
        else Layout(columns=("",), num_names=("",), num_sources=(0,))
    )

    def function(x):
        score = x.x_cat[:, 0].astype(float) if categorical else np.nan_to_num(x.x_num[:, 0].astype(float))
        return score if kind == "regression" else np.stack([1 / (1 + np.exp(score)), 1 / (1 + np.exp(-score))], axis=1)

    shipped = FakeShipped(task_of(kind), layout, function, [FakeMember(1.0, family_with("neural"), None)])
    values = ["Bern", "Köln", None, "🏝", "new"] * 4 if categorical else [1.5, None, 3.0, 1.5, 2.0] * 4
    return shipped, Table.from_columns({"city" if categorical else "": values})


@pytest.mark.parametrize("categorical", [True, False])
@pytest.mark.parametrize("n_background", [0, 1])
def test_one_column_with_missing_values_and_hardly_a_background(categorical, n_background):
    shipped, table = one_column("binary", categorical)
    request = request_of(shipped, rows=table, y=None, background=table.take(slice(0, n_background)))
    found = explain_model(shipped, request)
    assert found.importance[0].columns == shipped.layout.columns
    assert found.summary
    assert found.dependence[0].scale == ("category" if categorical else "number")
    for row in found.summary:
        assert row.base + row.values[0] == pytest.approx(row.prediction, abs=1e-6)


def test_one_row_and_no_columns_and_no_rows():
    shipped = shipped_function("binary")
    found = explain_model(shipped, request_of(shipped, rows=table_of(1), y=np.array([1])))
    assert [row.row for row in found.summary] == [0]
    assert {row.row for row in found.chosen} == {0}
    bare = FakeShipped(task_of("regression"), Layout(columns=()), lambda x: np.zeros(x.n_rows))
    for model, rows in ((bare, table_of(5)), (shipped, table_of(0))):
        nothing = explain_model(model, request_of(shipped, rows=rows, y=np.zeros(rows.n_rows)))
        assert nothing == Attribution(skipped=nothing.skipped)
        assert len(nothing.skipped) == 1


def test_truth_that_is_not_known_is_left_out():
    shipped = shipped_function("regression")
    rows = table_of(40, seed=1)
    y = truth(shipped, rows)
    y[::2] = np.nan
    found = explain_model(shipped, request_of(shipped, rows=rows, y=y), ("global",))
    assert found.importance[0].n_rows == 20
    assert all(np.isfinite(found.importance[0].values))


def test_nothing_reaches_stderr_and_nothing_heavy_is_imported_early():
    code = """
        import sys
        import automl.explain
        early = {"shap", "lime", "sklearn", "numba", "lightgbm", "torch", "scipy"} & set(sys.modules)
        assert not early, early
        sys.path.insert(0, sys.argv[1])
        import shipped_fakes as fakes
        shipped = fakes.shipped_family(fakes.family_with("boosting", "tree"), "binary", n_models=1)
        automl.explain.explain_model(shipped, fakes.request_of(shipped, n_rows=20))
        shipped = fakes.shipped_function("multiclass")
        automl.explain.explain_model(shipped, fakes.request_of(shipped, n_rows=20))
    """
    here = __file__.rsplit("/", 1)[0]
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), here], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_every_part_is_some_workers_job():
    parts = [part for parts in explaining._JOBS.values() for part in parts]
    assert sorted(parts) == sorted(explain._STEPS)


class LateEngine:
    """Runs jobs at once, but one that is stuck in a part never comes back."""

    def __init__(self) -> None:
        self.results: list[JobResult] = []
        self.cancelled: list[int] = []

    def submit(self, job: Job) -> None:
        assert job.modules == explaining.MODULES
        try:
            value = explaining.explain_file(**job.arguments, deadline=time.monotonic() + job.seconds)
        except TimeoutError:
            return
        self.results.append(JobResult(number=job.number, outcome="done", value=value))

    def wait(self, _seconds: float) -> list[JobResult]:
        results, self.results = self.results, []
        return results

    def cancel(self, number: int) -> None:
        self.cancelled.append(number)


def test_what_was_explained_before_a_part_that_is_late_is_kept(tmp_path, monkeypatch):
    def in_turn(_predictor, _request, parts):
        for part in parts:
            if part == "global":
                raise TimeoutError
            yield Attribution(skipped=(part,))

    monkeypatch.setattr(explaining, "load_model", lambda _: None)
    monkeypatch.setattr(explaining, "explain_request", lambda *_: None)
    monkeypatch.setattr(explaining, "explain_in_turn", in_turn)
    engine, table = LateEngine(), Table.from_columns({"a": [1.0, 2.0]})
    told = {"until": time.monotonic() + 2.5, "seed": 0, "folder": tmp_path}
    pending = explaining.start_explaining(engine, tmp_path / "model", table, None, **told)
    why = "some local and global explanations are missing: not ready in the time that was left"
    assert explaining.collect(pending).skipped == ("shap", "words", "local", why)
    assert engine.cancelled == [1_000_001]
