"""Profiles of tables: kinds with evidence, missing values in disguise, roles, shape, and what is refused."""

from __future__ import annotations

import math
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from automl.errors import DataError, UsageError
from automl.modalities.tabular import profile_table, shape_of
from automl.profile import ColumnProfile, Finding, Profile
from automl.settings import Settings
from automl.table import Table
from automl.task import Task

N = 60
CLASSES = Task(kind="multiclass", target="y", metric="log_loss", classes=("a", "b", "c"))


def profiled(values: list[Any], name: str = "x", **asked: Any) -> ColumnProfile:
    table = Table.from_columns({name: values, "other": np.arange(len(values)) % 7 + 0.5})
    return profile_table(table, Settings(data="t", **asked))[0].column(name)


def profile(columns: dict[str, Any], **asked: Any) -> Profile:
    return profile_table(Table.from_columns(columns), Settings(data="t", **asked))[0]


def cycle(*values: Any, n: int = N) -> list[Any]:
    return [values[i % len(values)] for i in range(n)]


@pytest.mark.parametrize(
    ("name", "values", "kind"),
    [
        ("x", [i / 7 for i in range(N)], "number"),
        ("age", cycle(*range(18, 60)), "number"),
        ("x", cycle(0, 1), "boolean"),
        ("x", cycle("Yes", "No", None), "boolean"),
        ("x", cycle("T", "F"), "boolean"),
        ("x", cycle(True, False), "boolean"),
        ("x", cycle("red", "green"), "category"),
        ("x", cycle("low", "High", "med"), "ordinal"),
        ("x", cycle("<1", "1-2", "3-4", ">4"), "ordinal"),
        ("x", cycle("$0 - $24,999", "$25,000 - $49,999", "$150,000+"), "ordinal"),
        ("x", cycle("2", "4", "more"), "ordinal"),
        ("scores", cycle("2-1", "0-3", "1-1"), "category"),
        ("x", cycle("1+", "10+", "100+", "1,000+", "10,000+"), "number"),
        ("zip code", cycle(10115, 20095, 80331, 50667), "integer_code"),
        ("x", cycle("00501", "02134", "90210"), "integer_code"),
        ("customer_id", list(np.random.default_rng(0).permutation(N) * 37 + 5), "id"),
        ("row", list(range(N)), "id"),
        ("", list(range(N)), "id"),
        ("year", list(range(1950, 1950 + N)), "number"),
        ("key", [f"{i * 7919:04d}-QX{i}" for i in range(N)], "id"),
        ("x", cycle(7), "constant"),
        ("x", cycle("?", None, " "), "constant"),
        ("x", [f"the quick fox number {i} jumps over it" for i in range(N)], "text"),
        ("x", cycle(*[f"{a}|{b}" for a in "abcdefg" for b in "hijklm"], n=300), "text"),
        ("x", [f"img/{i}.png" for i in range(N)], "path"),
        ("x", [datetime(2020, 1, 1) + timedelta(hours=i) for i in range(N)], "datetime"),
        ("timestamp", [1.6e9 + 60 * i for i in range(N)], "datetime"),
        ("amount", [1_600_000_000 + 61 * i * i for i in range(N)], "number"),
    ],
)
def test_kind_is_what_the_values_mean(name: str, values: list[Any], kind: str) -> None:
    found = profiled(values, name)
    assert found.kind == kind, found.evidence
    assert found.evidence
    assert 0 < found.confidence <= 1


@pytest.mark.parametrize(
    ("values", "numbers"),
    [
        (["1,234.5", "12,000", "7", "999,999"], [1234.5, 12000, 7, 999999]),
        (["1.234,5", "12.000,25", "7,1", "3,9"], [1234.5, 12000.25, 7.1, 3.9]),
        (["3,14", "2,71", "0,5", "10,25"], [3.14, 2.71, 0.5, 10.25]),
        (["1 234", "12 000", "999", "1 000 000"], [1234, 12000, 999, 1000000]),
        (["$4.99", "0", "$1,299.00", "$2.49"], [4.99, 0, 1299, 2.49]),
        (["45%", "7.5 %", "100%", "3%"], [45, 7.5, 100, 3]),
        (["19M", "8.7M", "201k", "1.1B"], [19e6, 8.7e6, 201e3, 1.1e9]),
        (["12 kg", "7.5 kg", "80 kg", "9 kg"], [12, 7.5, 80, 9]),
        (["10,000+", "500+", "1,000,000+", "5+"], [10000, 500, 1000000, 5]),
        (["1e-3", "2.5E2", "-4", "+6"], [1e-3, 250, -4, 6]),
        (["EUR 5", "EUR 7.25", "EUR 12", "EUR 1"], [5, 7.25, 12, 1]),
    ],
)
def test_numbers_kept_as_text_are_read(values: list[str], numbers: list[float]) -> None:
    texts = cycle(*values)
    found = profiled(texts)
    assert found.kind == "number", found
    read = Table.from_columns({"x": texts}).column("x").without(found.missing_tokens).numbers(found.number_format)
    np.testing.assert_allclose(read, cycle(*numbers))


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (cycle("H1", "H2", "H13"), "category"),
        (cycle("4.0.3", "2.1.1", "10.2.7"), "category"),
        (cycle("A11", "B12", "A34"), "category"),
        (cycle("1st", "2nd", "3rd"), "ordinal"),
        (cycle("10.0.0.1", "10.0.0.2", "127.0.0.1"), "category"),
    ],
)
def test_labels_with_digits_are_not_numbers(values: list[str], kind: str) -> None:
    assert profiled(values).kind == kind


DAYS = [date(2011, 1, 3) + timedelta(days=17 * i) for i in range(N)]


@pytest.mark.parametrize(
    "how",
    [
        "%Y-%m-%d", "%m/%d/%Y", "%d/%m/%Y", "%d.%m.%Y", "%Y/%m/%d", "%B %d, %Y", "%d %b %Y", "%d-%b-%y", "%m/%d/%y",
        "%d/%m/%Y %H:%M", "%m/%d/%Y %I:%M:%S %p", "%Y-%m-%dT%H:%M:%SZ", "%a, %d %b %Y %H:%M:%S +0000", "%Y%m%dT%H%M%S",
    ],
)  # fmt: skip
def test_dates_are_read_in_their_format(how: str) -> None:
    # shuffled, so that nothing but the values tells day from month
    days = [DAYS[i] for i in np.random.default_rng(1).permutation(N)]
    texts = [datetime(d.year, d.month, d.day).strftime(how) for d in days]
    found = profiled(texts, "when")
    assert found.kind == "datetime", found
    seconds = Table.from_columns({"when": texts}).column("when").datetimes(found.date_format)
    np.testing.assert_array_equal(seconds, [(d - date(1970, 1, 1)).days * 86400 for d in days])


def test_day_and_month_are_told_apart_by_the_order_of_rows_or_the_doubt_is_said() -> None:
    days = [date(2012, month, day) for month in range(1, 9) for day in range(1, 9)]
    by_order = profiled([d.strftime("%d/%m/%Y") for d in days])
    assert by_order.date_format == "%d/%m/%Y"
    assert "order of the rows" in by_order.evidence
    shuffled = [days[i].strftime("%d/%m/%Y") for i in np.random.default_rng(0).permutation(len(days))]
    doubtful = profiled(shuffled)
    assert doubtful.date_format == "%m/%d/%Y"
    assert "ambiguous" in doubtful.evidence
    assert doubtful.confidence < by_order.confidence


def test_levels_are_in_order() -> None:
    assert profiled(cycle(">20", "10", "<1", "2")).levels == ("<1", "2", "10", ">20")
    assert profiled(cycle("10000+", "<10", "10/49", "50-99")).levels == ("<10", "10/49", "50-99", "10000+")
    assert profiled(cycle("never", "1", ">4", "4")).levels == ("never", "1", "4", ">4")
    assert profiled(cycle("vhigh", "low", "med")).levels == ("low", "med", "vhigh")
    assert profiled(cycle("Yes", "No")).levels == ("No", "Yes")


def test_missing_values_in_disguise() -> None:
    assert profiled(cycle("a", "b", "?", "N/A", "")).n_missing == 3 * N // 5
    numbers = profiled(cycle(*map(str, range(30)), "NA", "unknown"))
    assert numbers.kind == "number"
    assert numbers.missing_tokens == ("NA", "unknown")
    kept = profiled(cycle("Gravel", "Paved", "NA"))
    assert kept.n_missing == 0
    assert "'NA' kept as a value" in kept.evidence
    signs = profiled(cycle("+", "-"))
    assert signs.missing_tokens == ()
    assert signs.n_unique == 2
    mostly = profiled([*(f"{i}M" for i in range(40)), *cycle("Varies with device", n=15)])
    assert mostly.kind == "number"
    assert mostly.missing_tokens == ("Varies with device",)


def test_numbers_far_off_stand_for_missing() -> None:
    rng = np.random.default_rng(0)
    ages = rng.integers(18, 90, 500)
    for sentinel in (-1, -999, 9999):
        values = np.where(np.arange(500) % 9 == 0, sentinel, ages)
        found = profiled(list(values))
        assert found.missing_numbers == (sentinel,)
        assert found.n_missing == int((values == sentinel).sum())
        assert found.numbers is not None
        assert found.numbers.minimum >= 18
        assert profiled(list(values), types={"x": "number"}).missing_numbers == ()
    temperatures = np.round(rng.normal(0, 3, 500))
    assert profiled(list(temperatures)).missing_numbers == ()
    assert profiled(list(np.minimum(ages, 60))).missing_numbers == ()


def test_distribution_is_that_of_numpy() -> None:
    values = np.random.default_rng(0).exponential(size=2001) * 1e3
    found = profiled(list(values)).numbers
    assert found is not None
    assert found.mean == pytest.approx(values.mean())
    assert found.deviation == pytest.approx(values.std())
    assert found.skew == pytest.approx(((values - values.mean()) ** 3).mean() / values.std() ** 3)
    assert found.quantiles[3] == np.median(values)
    counts, edges = np.histogram(values, bins=20)
    assert found.counts == tuple(counts)
    np.testing.assert_allclose(found.edges, edges)


def test_huge_numbers_have_finite_moments() -> None:
    found = profiled(cycle(-1.7e308, 1.7e308, 3.0)).numbers
    assert found is not None
    assert all(map(math.isfinite, (found.mean, found.deviation, found.skew, *found.edges)))


def test_the_user_insists() -> None:
    assert profiled(cycle(3, 1, 2), types={"x": "category"}).kind == "category"
    told = profiled(cycle(3, 1, 20), types={"x": "ordinal"})
    assert told.levels == ("1", "3", "20")
    assert told.confidence == 1
    assert profiled(cycle("a", "b"), types={"x": "boolean"}).levels == ("a", "b")
    assert profiled(cycle("12", "x", "y", "z"), types={"x": "number"}).number_format is not None
    assert profiled(list(range(N)), types={"x": "number"}).role == "feature"
    with pytest.raises(UsageError, match="no column kind 'numeric'") as refused:
        profiled(cycle(1, 2), types={"x": "numeric"})
    assert "integer_code" in refused.value.hints[0]
    with pytest.raises(DataError, match="no column 'z'"):
        profiled(cycle(1, 2), types={"z": "number"})
    for kind in ("number", "datetime", "boolean"):
        with pytest.raises(DataError, match="'x'"):
            profiled(cycle("a", "b", "c"), types={"x": kind})


def test_roles() -> None:
    columns = {
        "id": list(range(N)),
        "a": cycle(1.5, 2.5, 4.0),
        "again": cycle(1.5, 2.5, 4.0),
        "b": cycle("x", "y", "z"),
        "c": cycle(5),
        "g": cycle(*"abcdef"),
        "w": cycle(1.0, 2.0),
        "t": DAYS,
        "y": cycle(0, 1),
    }
    found = profile(columns, target="y", group="g", weight="w", time="t", drop=("b",))
    roles = {c.name: c.role for c in found.columns}
    assert roles == {
        "id": "left_out", "a": "feature", "again": "left_out", "b": "left_out", "c": "left_out", "g": "group",
        "w": "weight", "t": "time", "y": "target",
    }  # fmt: skip
    assert found.shape is not None
    n_date_parts = 8
    sizes = (found.shape.d_num, found.shape.d_cat, found.shape.n_rows, found.shape.n_outputs)
    assert sizes == (1 + n_date_parts, 0, N, 2), "dates that rows are split by are features all the same"
    kept = profile(columns, target="y", drop=("a",))
    assert kept.column("again").role == "feature", "the twin of a dropped column stays"


def test_a_copy_of_the_target_is_kept_and_named() -> None:
    found = profile(
        {"y": cycle(0, 1), "copy": cycle(0, 1), "x": list(np.random.default_rng(0).normal(size=N))}, target="y"
    )
    assert found.column("copy").role == "feature"
    assert [f.severity for f in found.findings if f.code == "D024"] == ["danger"]


def test_shape_counts_as_the_encoder_does() -> None:
    kinds = ("number", "boolean", "ordinal", "datetime", "text", "category", "integer_code", "id")
    columns = [
        ColumnProfile(name=k, kind=k, confidence=1, evidence="", storage="string", n_unique=5, role="feature")  # type: ignore[arg-type]
        for k in kinds
    ]
    shape = shape_of(columns, 10, CLASSES)
    assert (shape.d_num, shape.d_cat, shape.n_levels, shape.n_rows, shape.n_outputs) == (29, 2, 10, 10, 3), (
        "of a text 8 topics, 4 counts and 2 scores a class"
    )


@pytest.mark.parametrize(
    ("values", "metric", "is_amount"),
    [
        ([0.0, 1.0, 2.0, 30.0], "rmse", True),
        ([0.0, 1.0, 2.0, 30.0], "rmsle", False),
        ([-1.0, 1.0, 2.0, 30.0], "rmse", False),
        ([30.0, 29.0, 28.0, 1.0], "rmse", False),
    ],
)
def test_amounts_have_a_tail_upwards_from_zero(values: list[float], metric: str, is_amount: bool) -> None:
    y = [value + i / N for i, value in enumerate(cycle(*values))]
    found = profile({"y": y, "x": cycle(1, 2)}, target="y", task="regression", metric=metric)
    assert found.size.is_amount == is_amount


def test_large_tables_are_sampled_and_counted_in_full() -> None:
    n = 130_000
    rng = np.random.default_rng(0)
    text = np.where(rng.random(n) < 0.1, "?", rng.choice(["a", "b"], n))
    y = np.array(["common"] * (n - 2) + ["rare"] * 2)
    found, task = profile_table(Table.from_columns({"x": text, "y": y}), Settings(data="t", target="y"))
    assert found.n_rows == n
    assert found.n_rows_profiled == 100_000
    assert found.column("x").n_missing == int((text == "?").sum())
    assert task is not None
    assert task.classes == ("common", "rare"), "classes outside the sample are found"


def test_findings_of_the_reader_come_first() -> None:
    first = Finding(code="D001", title="read", severity="info", evidence="e")
    table = Table.from_columns({"c": cycle(1), "x": cycle(1.5, 2.5), "y": cycle(0, 1)})
    found, _ = profile_table(table, Settings(data="t", target="y"), (first,))
    assert found.findings[0] is first
    assert len(found.findings) > 1


def test_no_rows_and_no_target() -> None:
    with pytest.raises(DataError, match="no rows"):
        profile({"a": [], "b": []})
    alone, task = profile_table(Table.from_columns({"a": [1], "b": ["x"]}), Settings(data="t"))
    assert task is None
    assert alone.shape is None


ODD = ["?", "NA", "-", "1,5", "$3", "5%", "2020-01-31", "3/4/2020", "yes", "<1"]
CELLS = st.one_of(st.none(), st.text(max_size=6), st.sampled_from(ODD))
NAMES = st.one_of(st.text(max_size=4), st.sampled_from(["id", "count", "date", "🙂"]))
COLUMNS = st.one_of(
    st.lists(CELLS, min_size=7, max_size=7),
    st.lists(st.one_of(st.none(), st.floats(width=64)), min_size=7, max_size=7),
    st.lists(st.one_of(st.none(), st.integers(-(2**62), 2**62)), min_size=7, max_size=7),
    st.lists(st.one_of(st.none(), st.booleans()), min_size=7, max_size=7),
    st.lists(st.one_of(st.none(), st.dates()), min_size=7, max_size=7),
)


@hypothesis_settings(deadline=None, max_examples=60)
@given(st.dictionaries(NAMES, COLUMNS, min_size=1, max_size=5), st.randoms())
def test_any_table_is_profiled_and_column_order_changes_no_kind(columns: dict[str, list[Any]], random: Any) -> None:
    columns = {**columns, "the target": [0, 1, 0, 1, 1, 0, 0]}
    table = Table.from_columns(columns)
    found, _ = profile_table(table, Settings(data="t", target="the target"))
    assert [c.name for c in found.columns] == list(table.names)
    for column in found.columns:
        assert 0 <= column.n_missing <= table.n_rows
        assert column.n_unique <= table.n_rows
    names = list(table.names)
    random.shuffle(names)
    other, _ = profile_table(table.select(names), Settings(data="t", target="the target"))
    for column in found.columns:
        again = other.column(column.name)
        assert (again.kind, again.evidence, again.n_missing) == (column.kind, column.evidence, column.n_missing)


@hypothesis_settings(deadline=None, max_examples=40)
@given(st.dictionaries(NAMES, COLUMNS, min_size=1, max_size=4))
def test_a_target_is_guessed_or_not_but_never_fails(columns: dict[str, list[Any]]) -> None:
    found, task = profile_table(Table.from_columns(columns), Settings(data="t"))
    assert (task is None) == (found.shape is None)


def test_groups_that_are_found_are_split_by_unless_the_user_says_none() -> None:
    rng = np.random.default_rng(0)
    told = {
        "patient_id": np.arange(320) // 8,
        "pulse": rng.normal(size=320),
        "ill": (rng.random(40) > 0.5).astype(int).repeat(8),
    }
    table = Table.from_columns(told)
    profile, task = profile_table(table, Settings(data="x.csv", target="ill"))
    assert task is not None
    assert task.group == "patient_id"
    assert profile.column("patient_id").role == "group"
    assert next(f for f in profile.findings if f.code == "D025").action
    profile, task = profile_table(table, Settings(data="x.csv", target="ill", group="none"))
    assert task is not None
    assert task.group is None
    assert profile.column("patient_id").role != "group"


def test_whole_numbers_that_number_things_are_codes_and_measures_are_not() -> None:
    rng = np.random.default_rng(0)
    n, n_things = 4_000, 300
    popular = rng.dirichlet(np.full(n_things, 2.0))
    found = profile(
        {
            "lecturer": rng.choice(np.arange(1, n_things + 1), n, p=popular),
            "minutes": np.clip(rng.normal(150, 45, n).round(), 0, None),
            "visits": rng.geometric(0.01, n),
            "offset": rng.choice(np.arange(5_000, 5_000 + n_things), n, p=popular),
            "y": cycle("a", "b", n=n),
        },
        target="y",
    )
    codes = {column.name for column in found.columns if column.kind == "integer_code"}
    assert codes == {"lecturer"}
