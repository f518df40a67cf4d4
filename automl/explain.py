"""The stage that explains the model that ships: SHAP and LIME, what shuffling costs, and how columns move predictions.

Three parts that may run in different processes (`explain_part`) are put together by `merge`.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from automl.attribution import Agreement, Attribution, Dependence, RowAttribution
from automl.explain_columns import explain_columns
from automl.explain_rows import explain_by_lime, explain_by_shap
from automl.explainers import Shipped
from automl.explainers.pool import used_columns
from automl.explainers.subject import ExplainRequest, look

__all__ = ["ExplainRequest", "Part", "explain_model", "explain_part", "merge"]

Part: TypeAlias = Literal["shap", "local", "global"]

_SHARES: dict[Part, float] = {"shap": 0.45, "local": 0.2, "global": 0.35}
_N_ROWS: dict[Part, int] = {"shap": 300, "local": 500, "global": 2000}
_STEPS = {"shap": explain_by_shap, "local": explain_by_lime, "global": explain_columns}
_N_DEPENDENCE = 6
_N_AGREEMENT = 10


def explain_model(shipped: Shipped, request: ExplainRequest) -> Attribution:
    """Everything there is time for, one part after another; what was cut stands in `skipped`.

    Raises:
        UsageError: A chosen row is not there.
    """
    end = time.monotonic() + request.seconds
    parts, left = [], 1.0
    for part, share in _SHARES.items():
        seconds = max(0.0, end - time.monotonic()) * share / left
        parts.append(explain_part(part, shipped, replace(request, seconds=seconds)))
        left -= share
    return merge(parts)


def explain_part(part: Part, shipped: Shipped, request: ExplainRequest) -> Attribution:
    """One part: "shap" (summary and chosen rows), "local" (LIME) or "global" (permutation importance, dependence).

    Raises:
        UsageError: A chosen row is not there.
    """
    deadline = time.monotonic() + request.seconds
    if not used_columns(shipped.layout) or not request.rows.n_rows:
        return Attribution(skipped=("nothing to explain: the model sees no column, or there are no rows",))
    if part == "local" and request.chosen is None:
        return Attribution()
    return _STEPS[part](look(shipped, request, _N_ROWS[part]), request, deadline)


def merge(parts: Sequence[Attribution]) -> Attribution:
    """Parts put together: SHAP beside LIME with their agreement, SHAP values beside partial dependence."""
    rows = [row for part in parts for row in part.chosen]
    order = {row: number for number, row in enumerate(dict.fromkeys(row.row for row in rows))}
    chosen = tuple(sorted(rows, key=lambda row: (order[row.row], row.method != "shap")))
    return Attribution(
        importance=tuple(sorted((i for part in parts for i in part.importance), key=lambda i: i.method != "shap")),
        summary=tuple(row for part in parts for row in part.summary),
        chosen=chosen,
        dependence=_join([each for part in parts for each in part.dependence]),
        explainer="; ".join(part.explainer for part in parts if part.explainer),
        skipped=tuple(dict.fromkeys(sentence for part in parts for sentence in part.skipped)),
        agreement=_agreements(chosen),
    )


def _join(found: Sequence[Dependence]) -> tuple[Dependence, ...]:
    """Partial dependence with the SHAP values of the same column; SHAP values alone where there is no other."""
    by_shap = {each.column: each for each in found if not each.grid}
    by_grid = [each for each in found if each.grid]
    if not by_grid:
        return tuple(by_shap.values())[:_N_DEPENDENCE]
    return tuple(_with_shap(each, by_shap.get(each.column)) for each in by_grid)


def _with_shap(grid: Dependence, told: Dependence | None) -> Dependence:
    if told is None or told.scale != grid.scale:
        return grid
    position = {label: float(number) for number, label in enumerate(grid.labels)}
    points = [
        (position.get(told.labels[int(value)]) if told.labels else value, attribution)
        for value, attribution in zip(told.rows, told.attributions, strict=True)
    ]
    kept = [(value, attribution) for value, attribution in points if value is not None]
    return msgspec.structs.replace(
        grid,
        rows=tuple(value for value, _ in kept),
        attributions=tuple(attribution for _, attribution in kept),
        attribution_unit=told.attribution_unit,
    )


def _agreements(chosen: Sequence[RowAttribution]) -> tuple[Agreement, ...]:
    by_lime = {row.row: row for row in chosen if row.method == "lime"}
    found = []
    for by_shap in chosen:
        other = by_lime.get(by_shap.row)
        if by_shap.method != "shap" or other is None:
            continue
        theirs = dict(zip(other.columns, other.values, strict=True))
        pairs = [(v, theirs[c]) for c, v in zip(by_shap.columns, by_shap.values, strict=True) if c in theirs]
        pairs = sorted(pairs, key=lambda pair: -abs(pair[0]))[:_N_AGREEMENT]
        correlation = _rank_correlation(np.asarray(pairs)) if len(pairs) > 2 else None
        if correlation is not None:
            found.append(Agreement(by_shap.row, correlation, len(pairs)))
    return tuple(found)


def _rank_correlation(pairs: NDArray[np.float64]) -> float | None:
    """Spearman's of (n, 2) values, ties sharing their mean rank; None where one side says the same of all."""
    ranks = np.stack([_ranks(pairs[:, 0]), _ranks(pairs[:, 1])])
    away = ranks - ranks.mean(axis=1, keepdims=True)
    spread = float(np.sqrt((away[0] ** 2).sum() * (away[1] ** 2).sum()))
    return float((away[0] * away[1]).sum()) / spread if spread > 0 else None


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2)[inverse])
