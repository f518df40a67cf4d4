"""What the comparison of priors of a blend says of its records."""

from __future__ import annotations

from benchmarks.blends import summary


def test_priors_are_told_beside_none_by_the_number_of_rows() -> None:
    parts = [
        {
            "n_learned": n_rows,
            "blends": {"0": {"error": 0.2, "members": 3}, "5": {"error": error, "members": 6}},
        }
        for n_rows, error in ((200, 0.1), (200, 0.26), (1_000, 0.19))
    ]
    assert summary(parts).splitlines() == [
        "2 parts of 200 rows:",
        "  a prior of 0 rows: +0.00 % mean, +0.00 % median, lower on 0%, 3.0 members",
        "  a prior of 5 rows: -10.00 % mean, -10.00 % median, lower on 50%, 6.0 members",
        "1 parts of 1,000 rows:",
        "  a prior of 0 rows: +0.00 % mean, +0.00 % median, lower on 0%, 3.0 members",
        "  a prior of 5 rows: -5.00 % mean, -5.00 % median, lower on 100%, 6.0 members",
    ]
