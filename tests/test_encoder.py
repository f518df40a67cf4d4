"""The encoder: row-wise, unsupervised, the same after saving."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automl.encoder import Encoder, encode_target, fit_encoder, load_encoder
from automl.errors import DataError
from automl.family import State
from automl.features import Features
from automl.profile import ColumnProfile, NumberFormat, Profile
from automl.table import Table
from automl.task import Task

TASK = Task(kind="binary", target="y", metric="log_loss", classes=("no", "yes"))
N = 600


def column(name: str, kind: Any, storage: str = "string", **more: Any) -> ColumnProfile:
    return ColumnProfile(name=name, kind=kind, confidence=1, evidence="", storage=storage, **more)


def profile(table: Table, *columns: ColumnProfile) -> Profile:
    return Profile(
        source="x.csv",
        n_rows=table.n_rows,
        n_rows_profiled=table.n_rows,
        memory_bytes=0,
        modality="tabular",
        columns=columns,
    )


def holes(rng: np.random.Generator, values: Sequence[Any], share: float = 0.1) -> list[Any]:
    return [None if rng.random() < share else v for v in values]


def mixed(n: int = N, seed: int = 0) -> tuple[Table, Profile]:
    rng = np.random.default_rng(seed)
    jobs = ["senior data engineer", "junior data analyst", "head of sales", "sales manager (north)"]
    words = ["quick", "brown", "fox", "jumps", "lazy", "dog", "while", "rain", "falls", "on", "green", "hills", "42"]
    starts = rng.integers(1_500_000_000, 1_700_000_000, n)
    frame = pl.DataFrame(
        {
            "price": holes(rng, [f"${v:,.2f}" for v in rng.lognormal(7, 1, n)]),
            "🎈": holes(rng, rng.normal(size=n).tolist()),
            "": rng.normal(1e9, 1, n),
            "member": holes(rng, rng.choice(["Yes", "no"], n)),
            "size": rng.choice(["S", "M", "L"], n),
            "zip": rng.integers(0, 40, n),
            "city": holes(rng, rng.choice(["Zürich", "東京", "Lagos"], n)),
            "job": [f"{jobs[i % 4]} {i % 70}" for i in rng.integers(0, 400, n)],
            "start": pl.from_epoch(pl.Series(starts), "s"),
            "end": [f"2024-0{m}-1{d}" for m, d in zip(rng.integers(1, 9, n), rng.integers(0, 9, n), strict=True)],
            "review": holes(rng, [" ".join(rng.choice(words, 12)) for _ in range(n)]),
            "genres": [
                ",".join(rng.choice(["Drama", "Comedy", "War"], k, replace=False)) for k in rng.integers(1, 4, n)
            ],
            "y": rng.choice(["no", "yes"], n),
        }
    )
    table = Table(frame, "x.csv")
    columns = (
        column("price", "number", number_format=NumberFormat(thousands=",", strip="$")),
        column("🎈", "number", "number"),
        column("", "number", "number"),
        column("member", "boolean", levels=("no", "Yes")),
        column("size", "ordinal", levels=("S", "M", "L")),
        column("zip", "integer_code", "number"),
        column("city", "category"),
        column("job", "category"),
        column("start", "datetime", "datetime"),
        column("end", "datetime", date_format="%Y-%m-%d"),
        column("review", "text"),
        column("genres", "category"),
        column("y", "category", role="target"),
    )
    return table, profile(table, *columns)


@pytest.fixture(scope="module")
def fitted() -> tuple[Table, Encoder]:
    table, described = mixed()
    return table, fit_encoder(table, described, TASK)


def same(a: Features, b: Features) -> bool:
    return np.array_equal(a.x_num, b.x_num, equal_nan=True) and np.array_equal(a.x_cat, b.x_cat)


def numeric(encoder: Encoder, x: Features, name: str) -> np.ndarray:
    return x.x_num[:, encoder.layout.num_names.index(name)]


def categorical(encoder: Encoder, x: Features, name: str) -> np.ndarray:
    return x.x_cat[:, encoder.layout.cat_names.index(name)]


def test_every_feature_names_its_column(fitted: tuple[Table, Encoder]) -> None:
    table, encoder = fitted
    x, layout = encoder.encode(table), encoder.layout
    assert layout.columns == table.names[:-1]
    assert x.x_num.shape == (N, len(layout.num_names)) == (N, len(layout.num_sources))
    assert x.x_cat.shape == (N, len(layout.cat_names)) == (N, len(layout.cat_sources))
    for name, source in zip(layout.num_names, layout.num_sources, strict=True):
        assert name.split(": ")[0] == layout.columns[source]
    assert [layout.columns[s] for s in layout.cat_sources] == ["zip", "city", "job", "genres"]
    assert (x.x_cat.max(axis=0) < layout.n_levels).all()
    assert x.x_num.dtype == np.float32
    assert x.x_cat.dtype == np.int32


def test_values_mean_what_they_say(fitted: tuple[Table, Encoder]) -> None:
    table, encoder = fitted
    x = encoder.encode(table)
    row = next(i for i, v in enumerate(table.column("price").series) if v)
    price = float(table.column("price").series[row].replace("$", "").replace(",", ""))
    assert numeric(encoder, x, "price")[row] == np.float32(price)
    assert np.array_equal(np.isnan(numeric(encoder, x, "price")), table.column("price").missing)
    spread = np.diff(np.sort(numeric(encoder, x, "").astype(np.float64)))
    assert np.median(spread[spread > 0]) < 0.01  # 1e9 +- 1 keeps its digits in float32
    assert set(numeric(encoder, x, "size")) == {0, 1, 2}
    end = table.column("end").series[0]
    assert numeric(encoder, x, "end: month")[0] == int(end[5:7])
    gap = (np.datetime64(end) - np.datetime64(table.column("start").series[0])) / np.timedelta64(1, "D")
    assert abs(numeric(encoder, x, "end: days since start")[0] - gap) < 1e-2
    has = np.array(["War" in v for v in table.column("genres").series])
    assert np.array_equal(numeric(encoder, x, "genres: War") == 1, has)
    start = table.column("start").series
    assert np.array_equal(numeric(encoder, x, "start: weekday") + 1, start.dt.weekday().to_numpy())
    assert np.array_equal(numeric(encoder, x, "start: year"), start.dt.year().to_numpy())
    zips = np.array(encoder.encode(table).x_cat[:, 0])
    assert len(np.unique(np.c_[zips, table.column("zip").numbers()], axis=0)) == 40


@given(rows=st.lists(st.integers(0, N - 1), max_size=30), data=st.data())
@settings(max_examples=40, deadline=None)
def test_a_row_is_encoded_alike_in_any_company_and_any_order_of_columns(
    fitted: tuple[Table, Encoder], rows: list[int], data: st.DataObject
) -> None:
    table, encoder = fitted
    part = table.take(np.array(rows, dtype=np.intp))
    names = data.draw(st.permutations(table.names))
    assert same(encoder.encode(part.select(names)), encoder.encode(table).take(np.array(rows, dtype=np.intp)))


def test_the_loaded_encoder_gives_the_same_bits(fitted: tuple[Table, Encoder]) -> None:
    table, encoder = fitted
    state = encoder.save()
    assert all(a.dtype.kind in "fiu" for a in state.arrays.values())
    loaded = load_encoder(State(json.loads(json.dumps(state.config)), dict(state.arrays)))
    assert loaded.layout == encoder.layout
    assert same(loaded.encode(table), encoder.encode(table))


def test_the_target_is_never_looked_at() -> None:
    table, described = mixed()
    flipped = Table(table.frame.with_columns(y=pl.Series(["no"] * N)))
    a, b = fit_encoder(table, described, TASK), fit_encoder(flipped, described, TASK)
    assert same(a.encode(table), b.encode(table))
    assert "y" not in a.columns


def test_missing_unseen_and_empty_values_have_their_codes(fitted: tuple[Table, Encoder]) -> None:
    table, encoder = fitted
    for gap in (None, np.nan):
        x = encoder.encode(Table(pl.DataFrame({name: [gap, gap] for name in encoder.columns})))
        assert np.isnan(x.x_num).all()
        assert (x.x_cat == -1).all()
    odd = table.take(slice(0, 1)).frame.with_columns(
        city=pl.lit("Atlantis"), zip=pl.lit(999), job=pl.lit("ghost"), review=pl.lit("ξψω"), member=pl.lit("maybe")
    )
    x = encoder.encode(Table(odd))
    assert categorical(encoder, x, "city")[0] == -2
    assert categorical(encoder, x, "zip")[0] == -2
    assert np.isnan(numeric(encoder, x, "member")[0])
    assert numeric(encoder, x, "review: topic 1")[0] == 0
    assert encoder.encode(table.take(slice(0, 0))).n_rows == 0


def test_other_types_are_read_as_in_training(fitted: tuple[Table, Encoder]) -> None:
    table, encoder = fitted
    text = Table(table.frame.with_columns(pl.all().cast(pl.String)))
    other = table.frame.with_columns(
        pl.col("zip").cast(pl.Float64), pl.col("end").str.to_date(), pl.col("member").str.to_lowercase() == "yes"
    )
    expected = encoder.encode(table)
    assert np.allclose(encoder.encode(text).x_num, expected.x_num, equal_nan=True)
    assert np.array_equal(encoder.encode(text).x_cat, expected.x_cat)
    assert same(encoder.encode(Table(other)), expected)


def test_a_missing_column_is_named_with_its_neighbours(fitted: tuple[Table, Encoder]) -> None:
    table, encoder = fitted
    renamed = Table(table.frame.rename({"price": "prices"}).drop("city"), "new.csv")
    with pytest.raises(DataError, match=r"no column 'price' in new\.csv") as caught:
        encoder.encode(renamed)
    assert "'prices'" in str(caught.value)
    assert "'city'" in str(caught.value)
    extra = Table(table.frame.with_columns(extra=pl.lit(1)))
    assert encoder.check_columns(extra) == ("y", "extra")


def test_a_value_that_cannot_be_read_is_refused_by_row_or_taken_for_missing(fitted: tuple[Table, Encoder]) -> None:
    table, encoder = fitted
    frame = table.frame.with_columns(
        price=pl.Series([*table.frame["price"][:3], "cheap", *table.frame["price"][4:]]),
        end=pl.Series([*table.frame["end"][:5], "soon", *table.frame["end"][6:]]),
    )
    spoilt = Table(frame, "new.csv")
    with pytest.raises(DataError, match=r"new.csv, row 4, column 'price': 'cheap' is not a number"):
        encoder.encode(spoilt)
    bad = encoder.encode_rows(spoilt)[1]
    assert np.flatnonzero(bad.mask).tolist() == [3, 5]
    assert bad.reasons[5] == "column 'end': 'soon' is not a date"
    x = encoder.encode(spoilt, on_bad="null")
    assert np.isnan(numeric(encoder, x, "price")[3])
    assert same(x.take(slice(6, None)), encoder.encode(table).take(slice(6, None)))


def test_what_could_not_be_read_in_training_is_missing_then_too() -> None:
    table = Table.from_columns({"a": ["1", "2", "odd", "?", "-999"], "y": list("abaab")})
    described = profile(table, column("a", "number", missing_tokens=("?",), missing_numbers=(-999.0,)))
    encoder = fit_encoder(table, described, TASK)
    assert np.isnan(encoder.encode(table).x_num[2:]).all()


def test_a_matrix_of_numbers_is_encoded_as_its_table_is() -> None:
    rng = np.random.default_rng(0)
    x = np.c_[rng.normal(1e9, 1, 50), rng.choice([1.5, -999, np.nan, np.inf], 50), rng.normal(size=50) * 1e30]
    table = Table.from_columns({"a": x[:, 0], "b": x[:, 1], "c": x[:, 2]})
    numbers = [column(name, "number", "number", missing_numbers=(-999.0,)) for name in "abc"]
    encoder = fit_encoder(table, profile(table, *numbers), TASK)
    assert encoder.is_numeric
    assert np.isfinite(encoder.encode(table).x_num[:, [0, 2]]).all()
    assert same(encoder.encode_matrix(x[:, [2, 0, 1]], ("c", "a", "b")), encoder.encode(table))


def test_wordy_levels_are_read_by_their_terms_and_repeated_ones_once() -> None:
    jobs = [f"{rank} {work} {i}" for rank in ("chief", "junior") for work in ("cook", "clerk") for i in range(15)]
    values: list[str | None] = [job for job in jobs for _ in range(9)] + [None]
    table = Table.from_columns({"job": values}, "t.csv")
    encoder = fit_encoder(table, profile(table, column("job", "category", n_unique=60)), TASK)
    assert [block.kind for block in encoder.layout.blocks] == ["terms", "grams"], "and no words in order"
    together = encoder.encode(table)
    assert together.blocks[0].nnz
    alone = encoder.encode(table.take(np.arange(3)))
    for many, few in zip(together.blocks, alone.blocks, strict=True):
        np.testing.assert_array_equal(many[:3].toarray(), few.toarray())
        assert not many[-1].nnz, "a missing one has no term"


def test_rare_levels_share_a_code_with_unseen_ones() -> None:
    values = [f"v{i}" for i in range(60) for _ in range(5)] + [f"once{i}" for i in range(30)]
    table = Table.from_columns({"a": values})
    encoder = fit_encoder(table, profile(table, column("a", "category")), TASK)
    assert encoder.layout.n_levels == (61,)
    x = encoder.encode(Table.from_columns({"a": ["v3", "once3", "new", None]}))
    assert x.x_cat[:, 0].tolist()[1:] == [60, 60, -1]
    assert np.allclose(x.x_num[:3, 0], np.log1p([5, 1, 1]))


def test_levels_that_are_numbers_are_told_apart_by_value() -> None:
    table = Table.from_columns({"a": [0.5, 1.0, 2.0, None] * 10})
    encoder = fit_encoder(table, profile(table, column("a", "category", "number")), TASK)
    expected = [0, 1, 2, -1]
    assert encoder.encode(table).x_cat[:4, 0].tolist() == expected
    for values in (["0.5", "1", "2.0", ""], [0.5, 1, 2, np.nan]):
        assert encoder.encode(Table.from_columns({"a": values})).x_cat[:, 0].tolist() == expected
    assert encoder.encode(Table.from_columns({"a": [1, 2, 7]})).x_cat[:, 0].tolist() == [1, 2, -2]


def test_the_target_becomes_codes_or_values() -> None:
    table = Table.from_columns({"y": ["yes", "no", None, "perhaps"], "v": ["1,5", "2", "n/a", "-1"], "k": [1, 0, 1, 2]})
    told = profile(
        table,
        column("y", "category"),
        column("v", "number", number_format=NumberFormat(decimal=",")),
        column("k", "integer_code", "number"),
    )
    assert encode_target(table, told, TASK).tolist() == [1, 0, -1, -2]
    values = encode_target(table, told, Task(kind="regression", target="v", metric="rmse"))
    assert np.array_equal(values, [1.5, 2, np.nan, -1], equal_nan=True)
    task = Task(kind="multiclass", target="k", metric="log_loss", classes=("0", "1", "2"))
    codes = encode_target(table, told, task)
    assert codes.tolist() == [1, 0, 1, 2]
    assert codes.dtype == np.int64
    as_float = Table.from_columns({"k": ["1.0", "0.0", None, "2"]})
    assert encode_target(as_float, told, task).tolist() == [1, 0, -1, 2]


def test_texts_that_say_alike_are_close(fitted: tuple[Table, Encoder]) -> None:
    rng = np.random.default_rng(0)
    topics = {
        "sea": ["ship", "harbour", "sailor", "wave", "storm"],
        "food": ["bread", "butter", "cheese", "soup", "pepper"],
    }
    label = rng.choice(["sea", "food"], 300)
    table = Table.from_columns({"t": [" ".join(rng.choice(topics[t], 5)) for t in label]})
    encoder = fit_encoder(table, profile(table, column("t", "text")), TASK)
    x = encoder.encode(table).x_num
    d = sum(name.startswith("t: topic") for name in encoder.layout.num_names)
    centre = {t: x[label == t, :d].mean(axis=0) for t in topics}
    nearer = np.linalg.norm(x[:, :d] - centre["sea"], axis=1) < np.linalg.norm(x[:, :d] - centre["food"], axis=1)
    assert ((nearer) == (label == "sea")).mean() > 0.98


def test_texts_that_differ_in_few_ways_have_as_few_topics() -> None:
    """Directions in which no text lies would be noise, and noise of a next text only."""
    table = Table.from_columns({"t": ["hello world foo"] * 50 + ["bar baz"] * 50})
    encoder = fit_encoder(table, profile(table, column("t", "text")), TASK)
    assert sum(name.startswith("t: topic") for name in encoder.layout.num_names) == 2
    x = encoder.encode(table).x_num
    assert np.isfinite(x).all()
    assert not np.allclose(x[0, :2], x[50, :2])
