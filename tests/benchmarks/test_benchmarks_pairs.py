"""What the comparison of boosting with pairs and without says of its records."""

from __future__ import annotations

from benchmarks.pairs import summary


def test_what_pairs_change_is_told_of_defaults_blends_and_seconds() -> None:
    tables = [
        {
            "default": {"without": 0.2, "with": with_pairs},
            "blend": {"without": 0.2, "with": 0.2},
            "seconds": {"without": 1.0, "with": 1.5},
        }
        for with_pairs in (0.1, 0.16)
    ]
    assert summary(tables).splitlines() == [
        "2 parts:",
        "  default: -35.00 % mean, -35.00 % median, lower on 100%, -50.0 to -20.0 %",
        "  blend: +0.00 % mean, +0.00 % median, lower on 0%, +0.0 to +0.0 %",
        "  seconds: +50.00 % mean, +50.00 % median, lower on 0%, +50.0 to +50.0 %",
    ]
