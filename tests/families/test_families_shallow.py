"""What single shallow families promise beyond the contract that all of them keep."""

from __future__ import annotations

import time
from dataclasses import replace

import msgspec
import numpy as np
import pytest
from sklearn.svm import SVC

from automl import registry
from automl.errors import ModelFileError, Unsuitable
from automl.family import Limits, Model, Rows, State
from automl.features import Features, Layout
from automl.modalities.tabular import profile_table
from automl.profile import ColumnProfile, Numbers
from automl.settings import Settings
from automl.table import Table
from automl.task import Task
from automl.testing.examples import Example, example, only


def _fit(name: str, case: Example, seconds: float = 60, **params: object) -> tuple:
    family = registry.family(name)
    model = family.build(family.default(case.profile)[0] | params, case.task, case.layout)
    return model, model.fit(case.train, case.valid, Limits(deadline=time.monotonic() + seconds, seed=0))


def _numeric(n: int, d: int, seed: int = 0) -> tuple[Features, np.ndarray]:
    x = np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)
    names = tuple(f"c{i}" for i in range(d))
    layout = Layout(columns=names, num_names=names, num_sources=tuple(range(d)))
    return Features(x, np.zeros((n, 0), dtype=np.int32), layout), x


def test_majority_is_the_median_for_absolute_errors_and_the_mean_for_squared_ones() -> None:
    x, _ = _numeric(5, 1)
    y = np.array([0.0, 1.0, 2.0, 3.0, 100.0])
    limits = Limits(deadline=float("inf"))
    found = {}
    for metric in ("mae", "rmse"):
        model = registry.family("majority").build({}, Task(kind="regression", target="y", metric=metric), x.layout)
        model.fit(Rows(x, y), None, limits)
        found[metric] = model.predict(x)[0]
    assert found == pytest.approx({"mae": 2.0, "rmse": 21.2})
    weighted = registry.family("majority").build({}, Task(kind="regression", target="y", metric="mae"), x.layout)
    weighted.fit(Rows(x, y, np.array([1.0, 1, 1, 1, 10])), None, limits)
    assert weighted.predict(x)[0] == 100.0


def test_boosting_stops_early_and_says_where() -> None:
    model, log = _fit("lightgbm", example("binary", 900))
    assert 1 <= log.n_iterations < 1000
    assert 1 < len(log.curve) <= 100
    assert model.save().texts["trees"].count("\nTree=") == log.n_iterations


@pytest.mark.parametrize("levels", ["means", "both"])
def test_boosting_learns_from_categories_of_few_rows_each(levels: str) -> None:
    rng = np.random.default_rng(0)
    names = ("who", "what")
    codes = rng.integers(0, 250, size=(3_000, 2)).astype(np.int32)
    effects = rng.normal(size=(2, 250))
    y = effects[0][codes[:, 0]] + effects[1][codes[:, 1]] + 0.5 * rng.normal(size=len(codes))
    layout = Layout(columns=names, cat_names=names, cat_sources=(0, 1), n_levels=(250, 250), cat_ordered=(False, False))
    x = Features(np.zeros((len(codes), 0), dtype=np.float32), codes, layout)
    parts = [Rows(x.take(np.arange(*ends)), y[slice(*ends)]) for ends in ((0, 2_000), (2_000, 2_500), (2_500, 3_000))]
    family, task = registry.family("lightgbm"), Task(kind="regression", target="y", metric="rmse")
    params = family.default(example("regression", 900).profile)[0] | {"levels": levels, "link": "identity"}
    model = family.build(params, task, layout)
    model.fit(parts[0], parts[1], Limits(deadline=float("inf"), seed=0))
    assert _error(model, parts[2]) < 0.6 * float(y.std()), "8 rows a level, of which noise and the other leave 0.5"
    again = family.build(params, task, layout)
    state = model.save()
    again.load(state)
    np.testing.assert_array_equal(again.predict(x), model.predict(x))
    with pytest.raises(ModelFileError):
        again.load(replace(state, arrays={}))
    with pytest.raises(ModelFileError):
        again.load(replace(state, arrays=state.arrays | {"mean_table": state.arrays["mean_table"][1:]}))


def test_boosting_past_its_deadline_keeps_the_round_it_has() -> None:
    case = example("regression", 2000)
    model, log = _fit("lightgbm", case, seconds=0)
    assert log.truncated
    assert log.n_iterations == 1
    assert log.learning_rate is None
    assert np.isfinite(model.predict(case.test.x)).all()


def test_boosting_takes_larger_steps_where_time_is_short() -> None:
    from automl.models.boosting import Rounds, _hurry

    class Steps:
        rate = 0.02

        def reset_parameter(self, parameters: dict[str, float]) -> None:
            self.rate = parameters["learning_rate"]

    found = []
    for n_affordable in (10_000.0, 100.0, 3.0):
        steps = Steps()
        _hurry(steps, Rounds(0.02, 5000, 0.0, False), n_affordable)
        found.append(steps.rate)
    assert found == [0.02, 0.1, 0.3]


@pytest.mark.parametrize("unit", [1e-6, 1e7])
def test_penalties_of_boosting_do_not_depend_on_the_unit_of_the_target(unit: float) -> None:
    case = example("regression")
    small = replace(
        case, train=replace(case.train, y=unit * case.train.y), valid=replace(case.valid, y=unit * case.valid.y)
    )
    plain, _ = _fit("lightgbm", case, lambda_l1=0.8)
    other, _ = _fit("lightgbm", small, lambda_l1=0.8)
    np.testing.assert_allclose(other.predict(case.test.x) / unit, plain.predict(case.test.x), rtol=1e-3)


def test_a_tampered_booster_is_refused() -> None:
    case = example("multiclass")
    model, _ = _fit("lightgbm", case)
    text = model.save().texts["trees"].replace("split_feature=", "split_feature=9", 1)
    other = registry.family("lightgbm").build(
        registry.family("lightgbm").default(case.profile)[0], case.task, case.layout
    )
    for state in (State({}, texts={"trees": text}), State({})):
        with pytest.raises(ModelFileError):
            other.load(state)


@pytest.mark.parametrize("name", ["majority", "one_rule", "forest", "linear", "svm", "knn", "naive_bayes"])
def test_states_that_lack_or_bend_an_array_are_refused(name: str) -> None:
    case = example("multiclass")
    model, _ = _fit(name, case)
    state = model.save()
    family = registry.family(name)
    for array in state.arrays:
        if array.startswith("design."):
            continue
        kept = {key: value for key, value in state.arrays.items() if key != array}
        bent = state.arrays | {array: state.arrays[array][:-1]}
        for arrays in (kept, bent):
            fresh = family.build(family.default(case.profile)[0], case.task, case.layout)
            with pytest.raises(ModelFileError):
                fresh.load(replace(state, arrays=arrays))


def _amounts() -> Example:
    """A target that features multiply, as they do prices."""
    rng = np.random.default_rng(0)
    x, values = _numeric(900, 3)
    y = np.exp(1.5 * values[:, 0] - values[:, 1] + 0.2 * rng.normal(size=900) + 10)
    case = example("regression", 900)
    numbers = Numbers(float(y.min()), float(y.max()), float(y.mean()), float(y.std()), 6.0, 0.0, 0.0, (), (), ())
    column = ColumnProfile(
        name="y", kind="number", confidence=1.0, evidence="", storage="number", role="target", numbers=numbers
    )
    shape = msgspec.structs.replace(case.profile.size, is_amount=True)
    profile = msgspec.structs.replace(case.profile, columns=(column,), shape=shape)
    train, valid, test = (Rows(x.take(part), y[part]) for part in (slice(0, 500), slice(500, 700), slice(700, 900)))
    return Example(case.task, profile, x.layout, train, valid, test)


def _error(model: Model, rows: Rows) -> float:
    return float(np.sqrt(np.mean((model.predict(rows.x) - rows.y) ** 2)))


def test_boosting_with_a_log_link_learns_what_multiplies_and_keeps_the_mean() -> None:
    case = _amounts()
    params = registry.family("lightgbm").default(case.profile)[0]
    assert params["link"] == "log"
    logged, log = _fit("lightgbm", case)
    plain, _ = _fit("lightgbm", case, link="identity")
    assert _error(logged, case.test) < 0.9 * _error(plain, case.test)
    assert logged.predict(case.train.x).mean() == pytest.approx(case.train.y.mean(), rel=0.05)
    assert log.curve[-1] == pytest.approx(_error(logged, case.valid), rel=0.1), "the curve is in the target's unit"
    again = registry.family("lightgbm").build(params, case.task, case.layout)
    again.load(logged.save())
    np.testing.assert_array_equal(again.predict(case.test.x), logged.predict(case.test.x))
    assert (logged.tree_link, plain.tree_link) == ("log", "identity")


def test_a_log_link_refuses_targets_below_zero() -> None:
    case = example("regression")
    below = replace(case, train=replace(case.train, y=case.train.y - 1e6))
    with pytest.raises(Unsuitable, match="0 and above"):
        _fit("lightgbm", below, link="log")


def _rates() -> Example:
    """A target that is the ratio of two features."""
    rng = np.random.default_rng(0)
    x, values = _numeric(900, 5)
    values[:, :2] = 0.5 + np.abs(values[:, :2])
    y = values[:, 0] / values[:, 1] + 0.02 * rng.normal(size=900)
    case = example("regression", 900)
    train, valid, test = (Rows(x.take(part), y[part]) for part in (slice(0, 500), slice(500, 700), slice(700, 900)))
    return Example(case.task, case.profile, x.layout, train, valid, test)


def test_boosting_with_pairs_learns_a_ratio() -> None:
    case = _rates()
    (plain, _), (paired, _) = (_fit("lightgbm", case, link="identity", pairs=pairs) for pairs in (False, True))
    assert _error(paired, case.test) < 0.85 * _error(plain, case.test)
    sources = paired.tree_sources()
    assert (sources[:5] == np.arange(5)[:, None]).all()
    assert [0, 1] in np.sort(sources[5:], axis=1).tolist()


def test_boosting_with_pairs_is_loaded_as_it_was_saved() -> None:
    case = _rates()
    model, _ = _fit("lightgbm", case, link="identity", pairs=True)
    family, state = registry.family("lightgbm"), model.save()
    params = family.default(case.profile)[0] | {"link": "identity", "pairs": True}
    other = family.build(params, case.task, case.layout)
    other.load(state)
    np.testing.assert_array_equal(other.predict(case.test.x), model.predict(case.test.x))
    few = {name: values[:-1] if name.startswith("pair_") else values for name, values in state.arrays.items()}
    with pytest.raises(ModelFileError):
        family.build(params, case.task, case.layout).load(replace(state, arrays=few))


def test_boosting_without_a_pair_that_tells_anything_has_none() -> None:
    x, _ = _numeric(20_000, 2)
    y = np.zeros(20_000)
    y[:2] = 1.0  # few enough that the rows that pairs are chosen by hold none
    params = registry.family("lightgbm").default(_amounts().profile)[0] | {
        "link": "log",
        "pairs": True,
        "n_iterations": 5,
    }
    model = registry.family("lightgbm").build(params, example("regression").task, x.layout)
    model.fit(Rows(x, y), None, Limits(deadline=float("inf"), seed=0))
    assert not model.save().arrays["pair_first"].size
    assert model.predict(x).mean() > 0


def test_boosting_tries_pairs_where_there_are_some_and_not_too_many() -> None:
    family, case = registry.family("lightgbm"), example("multiclass")

    def n_paired(**size: int) -> int:
        shape = msgspec.structs.replace(case.profile.size, **size)
        profile = msgspec.structs.replace(case.profile, shape=shape)
        tried = [params for params in family.default(profile) if params["pairs"]]
        assert ("pairs" in family.space(profile)) == bool(tried)
        return len(tried)

    assert n_paired(d_num=2) == n_paired(d_num=200, n_outputs=30) == 1
    assert n_paired(d_num=1) == n_paired(d_num=201) == n_paired(d_num=9, n_outputs=31) == 0


def test_linear_learns_a_skewed_target_on_the_log_scale() -> None:
    skewed = _amounts()
    train, test = skewed.train, skewed.test
    logged, _ = _fit("linear", skewed)
    plain, _ = _fit("linear", skewed, target="plain")
    assert _error(logged, test) < 0.5 * _error(plain, test)
    assert abs(logged.predict(train.x).mean() / train.y.mean() - 1) < 0.1
    with pytest.raises(Unsuitable):
        logged.linear_terms()


def test_linear_tries_to_leave_columns_out_early_where_they_outnumber_the_rows() -> None:
    assert [_default("linear", n, d) for n, d in ((300, 3000), (3000, 30))] == [[0.0, 0.5, 0.0], [0.0, 0.0, 0.5]]


def _default(name: str, n_rows: int, d: int) -> list[float]:
    noise = np.random.default_rng(0).normal(size=(d, n_rows))
    columns = {f"x{j}": noise[j] for j in range(d)} | {"y": np.arange(n_rows) % 2}
    settings = Settings(data="t.csv", target="y")
    found = profile_table(Table.from_columns(columns, "t.csv"), settings)[0]
    return [float(params["l1_ratio"] or 0) for params in registry.family(name).default(found)]


def test_linear_finds_few_columns_among_thousands() -> None:
    x, values = _numeric(300, 3000)
    y = (values[:, :2].sum(axis=1) > 0).astype(np.int64)
    task = Task(kind="binary", target="y", metric="roc_auc", classes=("a", "b"))
    parts = (slice(0, 200), slice(200, 300))
    family = registry.family("linear")
    params = {"scaling": "standard", "l1_ratio": 1.0}
    model = family.build(params, task, x.layout)
    model.fit(*(Rows(x.take(part), y[part]) for part in parts), Limits(deadline=float("inf")))
    slopes = np.abs(model.linear_terms()[0][:, 0])
    assert set(np.argsort(-slopes)[:2]) == {0, 1}
    assert (slopes > 1e-6).sum() < 300


@pytest.mark.parametrize("kind", ["binary", "multiclass"])
def test_kernel_scores_rank_classes_as_the_library_does(kind: str) -> None:
    case = only(example(kind, 500), [0, 1, 4], [0, 1])
    model, _ = _fit("svm", case)
    design = np.ascontiguousarray(model._design.transform(case.train.x))
    reference = SVC(C=2.0, gamma=model.machine_.gamma, decision_function_shape="ovo").fit(design, case.train.y)
    duels = reference.decision_function(design)
    scores = model.machine_.scores(design)
    if kind == "binary":
        np.testing.assert_allclose(scores[:, 0], duels, atol=1e-8)
    else:
        expected = np.stack([duels[:, 0] + duels[:, 1], duels[:, 2] - duels[:, 0], -duels[:, 1] - duels[:, 2]], axis=1)
        np.testing.assert_allclose(scores, expected, atol=1e-8)


def test_families_say_what_they_cannot_take() -> None:
    case = example("regression")
    large = msgspec.structs.replace(case.profile, shape=msgspec.structs.replace(case.profile.size, n_rows=10**6))
    for name in ("svm", "knn"):
        assert "1,000,000 rows" in str(registry.family(name).eligible(large, case.task))
    assert "classes only" in str(registry.family("naive_bayes").eligible(case.profile, case.task))
