"""Every check: it finds what it is for, and is silent on sound data."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from automl.checks import CHECKS
from automl.checks.leaks import explained
from automl.checks.privacy import luhn_holds
from automl.checks.splits import between
from automl.modalities.tabular import profile_table
from automl.profile import Finding, Profile
from automl.settings import Settings
from automl.table import Table

N = 400
RNG = np.random.default_rng(0)
X = RNG.normal(size=N)
Y = (X + RNG.normal(size=N) > 0).astype(int)
DAYS = np.datetime64("2020-01-01", "us") + np.arange(N) * np.timedelta64(86_400_000_000, "us")


def profiled(columns: dict[str, Any], **asked: Any) -> Profile:
    table = Table.from_columns({"x": X, "u": RNG.normal(size=N), **columns})
    return profile_table(table, Settings(data="t", **{"target": "y", **asked}))[0]


def findings(code: str, columns: dict[str, Any], **asked: Any) -> list[Finding]:
    return [f for f in profiled({**columns, "y": columns.get("y", Y)}, **asked).findings if f.code == code]


CASES: list[tuple[str, dict[str, Any], tuple[str, ...]]] = [
    ("D010", {"a": [None] * N}, ("a",)),
    ("D011", {"a": ["k"] * N}, ("a",)),
    ("D012", {"a": X}, ("a",)),
    ("D013", {"x": np.arange(N) // 2 / 7, "u": [1.5] * N, "y": np.arange(N) // 2 % 2}, ()),
    ("D014", {"user_id": RNG.permutation(N) * 31}, ("user_id",)),
    ("D015", {"a": [f"k{v}" for v in RNG.integers(0, 100, N)]}, ("a",)),
    ("D016", {"a": [str(v) if v % 2 else f"k{v}" for v in RNG.integers(0, 40, N)]}, ("a",)),
    ("D017", {"a": [f"${v:,}" for v in RNG.integers(0, 10**6, N)]}, ("a",)),
    ("D018", {"a": [str(d)[:10] for d in DAYS]}, ("a",)),
    ("D019", {"a": np.where(np.arange(N) % 4 == 0, X, np.nan)}, ("a",)),
    ("D020", {"y": [None if i % 10 == 0 else int(v) for i, v in enumerate(Y)]}, ("y",)),
    ("D021", {"y": (np.arange(N) % 40 == 0).astype(int)}, ("y",)),
    ("D022", {"y": ["rare"] * 3 + ["single"] + ["a", "b"] * ((N - 4) // 2)}, ("y",)),
    ("D023", {"y": np.exp(3 * X)}, ("y",)),
    ("D024", {"a": np.where(Y == 1, "won", "lost")}, ("a",)),
    ("D025", {"patient_id": np.arange(N) // 8, "y": (RNG.random(N // 8) > 0.5).astype(int).repeat(8)}, ("patient_id",)),
    ("D026", {"a": DAYS}, ("a",)),
    ("D027", {"x": np.arange(N) // 4, "u": [0.5] * N}, ()),
    ("D030", {"a": [f"user{i}@example.org" for i in range(N)]}, ("a",)),
    ("D031", {"a": ["?" if i % 9 == 0 else "k" if i % 2 else "l" for i in range(N)]}, ("a",)),
    ("D032", {"a": np.where(np.arange(N) % 9 == 0, -999, RNG.integers(0, 50, N))}, ("a",)),
    ("D033", {"a": np.where(np.arange(N) % 9 == 0, np.inf, X)}, ("a",)),
    ("D034", {"a": ["k" * 40_000, *["l", "m", "n"] * 133]}, ("a",)),
]


@pytest.mark.parametrize(("code", "columns", "about"), CASES, ids=[case[0] for case in CASES])
def test_each_check_finds_what_it_is_for(code: str, columns: dict[str, Any], about: tuple[str, ...]) -> None:
    found = findings(code, columns)
    assert len(found) == 1, found
    assert found[0].columns == about
    assert found[0].evidence
    assert found[0].title


def test_every_check_has_a_case() -> None:
    in_tables = [check for check in CHECKS if check.__module__ != "automl.checks.media"]
    assert len({code for code, _, _ in CASES}) == len(in_tables)


def test_sound_data_has_no_findings() -> None:
    columns = {"a": RNG.choice(["r", "g", "b"], N), "n": RNG.integers(0, 30, N), "y": Y}
    assert profiled(columns).findings == ()
    assert profiled({**columns, "y": X + RNG.normal(size=N)}).findings == ()


def test_a_check_of_the_target_does_not_apply_without_one() -> None:
    table = Table.from_columns({"a": ["same"] * N, "b": [f"row {i} has words" for i in range(N)]})
    profile, task = profile_table(table, Settings(data="t"))
    assert task is None
    assert {f.code for f in profile.findings} == {"D011"}


def test_a_leak_is_found_in_any_guise() -> None:
    value = np.exp(X)
    guises: dict[str, Any] = {
        "scaled": value * -3 + 1,
        "ranked": np.argsort(np.argsort(value)) / 7,
        "as text": [f"{v:.4f} EUR" for v in value],
    }
    for name, column in guises.items():
        found = findings("D024", {"a": column, "y": np.where(value > np.median(value), "up", "down")})
        assert [f.columns for f in found if "a" in f.columns] == [("a",)], name
    cancelled = np.where(Y == 1, "2020-01-0" + np.char.mod("%d", np.arange(N) % 9 + 1), None)
    assert findings("D024", {"ended": list(cancelled)}), "that a value is there at all gives the target away"
    assert findings("D024", {"a": RNG.normal(size=N) * 0.001 + X, "y": X}), "regression"


def test_a_good_feature_and_a_row_name_are_no_leaks() -> None:
    assert not findings("D024", {"good": Y + RNG.normal(size=N) * 0.3})
    assert not findings("D024", {"name": [f"k{i}" for i in range(N)]}, types={"name": "category"})


def test_explained_variance_is_that_of_unseen_rows() -> None:
    half = RNG.permutation(N) % 2
    codes = np.stack([Y, RNG.integers(0, 100, N), np.zeros(N, dtype=int)], axis=1).astype(np.intp)
    shares = explained(codes, Y[:, None].astype(float), half)
    assert shares[0] == pytest.approx(1.0)
    assert shares[1] < 0.05, "many groups do not explain noise"
    assert abs(shares[2]) < 0.05


def test_between_groups_is_corrected_for_their_number() -> None:
    groups = np.repeat(np.arange(100), 4)
    assert between(groups, RNG.normal(size=(N, 1))) < 0.15
    assert between(groups, np.repeat(RNG.normal(size=100), 4)[:, None]) == pytest.approx(1.0)


def test_groups_and_a_drift_in_time_are_split_by() -> None:
    groups = {"store": RNG.normal(size=N), "session_id": np.arange(N) // 5, "y": RNG.normal(size=N // 5).repeat(5)}
    found = profiled(groups)
    assert found.suggested_group == "session_id"
    assert found.column("session_id").role == "group"
    assert profiled(groups, group="none").column("session_id").role == "feature"
    assert profiled(groups, group="session_id").suggested_group is None
    unrelated = profiled(
        {"when": RNG.permutation(N) * 86400.0 + 1.5e9, "y": np.arange(N) * 1.0}, types={"when": "datetime"}
    )
    assert unrelated.suggested_time is None, "dates without an order and a target without a drift"
    sorted_by_time = {"when": DAYS, "y": Y}
    assert [f.severity for f in findings("D026", sorted_by_time)] == ["info"], "an order alone is no drift"
    assert profiled(sorted_by_time).column("when").role == "feature"
    assert not findings("D026", sorted_by_time, time="when")


def drifting(order: NDArray[np.intp]) -> Table:
    days = np.datetime64("2020-01-01", "us") + order * np.timedelta64(86_400_000_000, "us")
    return Table.from_columns({"when": days, "x": RNG.normal(size=1000), "y": order + RNG.normal(size=1000)})


def test_rows_in_the_order_of_a_date_that_the_target_moves_with_are_split_by_it() -> None:
    found, task = profile_table(drifting(np.arange(1000)), Settings(data="t", target="y"))
    assert found.suggested_time == "when"
    assert task is not None
    assert task.time == "when"
    assert found.column("when").role == "time"
    assert found.column("when").is_feature, "its season and its parts are learned from"
    at_random, task = profile_table(drifting(np.arange(1000)), Settings(data="t", target="y", time="none"))
    assert task is not None
    assert task.time is None
    assert at_random.suggested_time == "when", "refused, and still said"


def test_a_date_that_rows_do_not_follow_is_told_and_not_split_by() -> None:
    found, task = profile_table(drifting(RNG.permutation(1000)), Settings(data="t", target="y"))
    assert task is not None
    assert task.time is None
    assert [(f.severity, f.title) for f in found.findings if f.code == "D026"] == [
        ("info", "the target moves with 'when'")
    ]


PERSONAL: dict[str, list[str]] = {
    "social security": [f"{100 + i % 500:03d}-{10 + i % 89:02d}-{1000 + i:04d}" for i in range(N)],
    "phone": [f"+49 30 {1000000 + 7919 * i}" for i in range(N)],
    "IP": [f"10.0.{i % 256}.{i // 256}" for i in range(N)],
    "IBAN": ["DE89370400440532013000", "GB82WEST12345698765432"] * (N // 2),
    "card": ["4111 1111 1111 1111", "5500005555555559", "340000000000009", "6011-0000-0000-0004"] * (N // 4),
    "e-mail addresses in its texts": [f"please write to me{i}@mail.example.com about it, thanks" for i in range(N)],
}


@pytest.mark.parametrize("what", PERSONAL)
def test_personal_data_is_named_and_never_shown(what: str) -> None:
    profile = profiled({"a": PERSONAL[what], "y": Y})
    found = [f for f in profile.findings if f.code == "D030"]
    assert [f.columns for f in found] == [("a",)]
    assert what in found[0].title
    assert profile.column("a").top == ()
    said = " ".join((f.title + f.evidence + f.advice) for f in profile.findings)
    assert not any(value in said for value in PERSONAL[what])


def test_card_numbers_need_their_check_digit() -> None:
    assert luhn_holds("4111 1111 1111 1111")
    assert not luhn_holds("4111 1111 1111 1112")
    assert not luhn_holds("0000 0000 0000 0000")
    numbers = RNG.integers(10**15, 10**16, N)
    assert not findings("D030", {"order number": numbers})


def test_many_alike_findings_become_one() -> None:
    columns = {f"c{i}": ["?" if j % 9 == i else f"v{j % 3}" for j in range(N)] for i in range(8)}
    found = findings("D031", columns)
    assert len(found) == 1
    assert set(found[0].columns) == set(columns)
    assert "7 more columns likewise" in found[0].title
