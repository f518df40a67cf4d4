"""Records of a profile: words of names, and that a profile survives JSON."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from automl.modalities.tabular import profile_table
from automl.profile import Profile, words_of
from automl.settings import Settings
from automl.table import Table


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("customerID", ("customer", "id")),
        ("customer_id", ("customer", "id")),
        ("Customer Id", ("customer", "id")),
        ("MSSubClass", ("ms", "sub", "class")),
        ("1stFlrSF", ("1", "st", "flr", "sf")),
        ("DRUG-TEST (2)", ("drug", "test", "2")),
        ("größe_cm", ("größe", "cm")),
        ("", ()),
        ("🙂", ()),
    ],
)
def test_words_of_a_name(name: str, words: tuple[str, ...]) -> None:
    assert words_of(name) == words


def test_a_profile_survives_json() -> None:
    table = Table.from_columns(
        {
            "": np.array([1e308, -1e308, np.inf, np.nan] * 10),
            "🙂": ["a", "b", None, "?"] * 10,
            "d": ["2020-01-31", "2020-02-01", "2020-05-09", "1999-12-31"] * 10,
            "y": [0, 1, 1, 0] * 10,
        }
    )
    profile, _ = profile_table(table, Settings(data="t", target="y"))
    assert msgspec.json.decode(msgspec.json.encode(profile), type=Profile) == profile


def test_an_unknown_column_is_a_key_error() -> None:
    profile, _ = profile_table(Table.from_columns({"a": [1, 2], "b": [3, 4]}), Settings(data="t"))
    with pytest.raises(KeyError):
        profile.column("c")
