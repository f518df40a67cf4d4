"""What the comparison of LightGBM's defaults says of its records."""

from __future__ import annotations

from typing import Any

from benchmarks.defaults import summary


def part(telling: float, **errors: float) -> dict[str, Any]:
    told = {name.replace("_", " "): {"error": error, "seconds": 2.0 * error} for name, error in errors.items()}
    return {"table": "t", "telling": telling, "defaults": told}


def test_defaults_are_held_against_the_librarys_own_where_rows_tell_alike() -> None:
    few = [part(100, **{"31_leaves": 0.2, "8_leaves": 0.1}), part(200, **{"31_leaves": 0.2, "8_leaves": 0.18})]
    many = part(10_000, **{"31_leaves": 0.2, "8_leaves": 0.3})
    lines = summary([*few, many], ()).splitlines()
    assert lines[0] == "2 parts with 0 to 300 telling rows:"
    assert "8 leaves against 31 leaves: -30.0 % mean, -30.0 % median, lower on 100% of 2, × 0.70 seconds" in lines[1]
    assert "+50.0 % mean" in lines[3]


def test_ways_to_split_on_levels_are_held_against_each_other_default_by_default() -> None:
    told = summary([part(100, **{"8_leaves_means": 0.1, "8_leaves_both": 0.2})], ("means", "both"))
    assert told.startswith("8 leaves means against 8 leaves both: -50.0 % mean")
