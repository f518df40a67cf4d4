"""The gate of the pretrained net: what passes it, and what does not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from toy_weights import first_weights

from automl.nets.weight_files import VARIABLE
from benchmarks.pretrained import RIVAL, bout, gains, is_for_gate, summary
from benchmarks.tables import BenchTable, bench_tables


def one(table: str, net: float, rival: float, blend: tuple[float, float] | None = None, n: int = 300) -> dict[str, Any]:
    told = {"without": blend[0], "with": blend[1]} if blend else {}
    alone = {"net": net, "lightgbm": rival, "forest": rival, RIVAL: rival}
    return {"table": table, "metric": "roc_auc", "n_learned": n, "alone": alone, "blend": told}


BETTER = [one(f"t{i}", 0.92, 0.90, (0.930, 0.933)) for i in range(12)]


def test_better_alone_and_in_the_blend_passes():
    assert summary(BETTER).endswith("gate: PASSED")
    assert "12 tables, better on 100%, loss lower by 20.0%" in summary(BETTER)


@pytest.mark.parametrize(
    "bouts",
    [
        [one(f"t{i}", 0.92, 0.90, (0.930, 0.930)) for i in range(12)],
        [one(f"t{i}", 0.90, 0.92, (0.930, 0.940)) for i in range(12)],
        [one(f"t{i}", 0.92, 0.90) for i in range(12)],
        [one(f"t{i}", 0.99 if i == 0 else 0.899, 0.90, (0.930, 0.933)) for i in range(12)],
        [one("t", 0.92, 0.90, (0.930, 0.933), n) for n in range(100, 1_400, 100)],
        [{**b, "alone": {"net": 0.92, "lightgbm": 0.90}} for b in BETTER],
        [],
    ],
    ids=["useless", "worse", "not blended", "one table", "one table at many sizes", "no rival", "nothing"],
)
def test_anything_less_does_not(bouts: list[dict[str, Any]]):
    assert summary(bouts).endswith("gate: NOT PASSED")


def test_gains_are_shares_of_the_loss_and_a_table_counts_once():
    bouts = [one("a", 0.95, 0.90, n=100), one("a", 0.90, 0.90, n=300), one("b", 0.80, 0.90)]
    bouts.append({**one("c", 2.0, 4.0), "metric": "rmse"})
    found = gains(bouts, lambda b: (b["alone"]["net"], b["alone"][RIVAL]))
    np.testing.assert_allclose(found, [0.25, -1.0, 0.5])


def test_tables_of_the_gate_are_told_from_those_to_choose_by():
    chosen = [table for table in bench_tables() if is_for_gate(table)]
    assert 30 < len(chosen) < len(bench_tables()) - 30
    assert [t.name for t in chosen if t.name.startswith("sklearn")] == ["sklearn/diabetes", "sklearn/wine"]


def test_the_net_and_its_rivals_meet_on_a_table(tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(first_weights(tmp_path)))
    met = bout(BenchTable("sklearn/wine", "target"), 100, with_blend=False)
    assert met is not None
    assert met.n_learned == 100
    assert {"net", "lightgbm", "forest"} <= set(met.alone)
    assert all(0 < score < 5 for score in met.alone.values())
    assert bout(BenchTable("sklearn/wine", "target"), 5_000, with_blend=False) is None
