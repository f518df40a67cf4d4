"""The stage that explains the model that ships: SHAP and LIME, what shuffling costs, and how columns move predictions.

Parts that may run in different processes are put together by `merge`. Columns of texts, images and sounds are explained
by their words and patches too; where the model sees one such column and nothing else, only so.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Literal, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from automl.attribution import Agreement, Attribution, Dependence, PartAttribution, RowAttribution
from automl.explain_columns import explain_columns
from automl.explain_parts import explain_parts, explain_words
from automl.explain_rows import explain_by_lime, explain_by_shap
from automl.explainers import Shipped
from automl.explainers.pool import used_columns
from automl.explainers.subject import ExplainRequest, Subject, look, part_kinds

__all__ = ["ExplainRequest", "Part", "explain_in_turn", "explain_model", "merge"]

Part: TypeAlias = Literal["shap", "local", "global", "parts", "words"]

_N_ROWS: dict[Part, int] = {"shap": 300, "local": 500, "global": 2000, "parts": 300, "words": 300}
_STEPS: dict[Part, Callable[[Subject, ExplainRequest, float], Attribution]] = {
    "shap": explain_by_shap,
    "local": explain_by_lime,
    "global": explain_columns,
    "parts": explain_parts,
    "words": explain_words,
}
_OF_CHOSEN: tuple[Part, ...] = ("local", "parts")
_N_DEPENDENCE = 6
_N_AGREEMENT = 10


def explain_model(shipped: Shipped, request: ExplainRequest, parts: Sequence[Part] = tuple(_STEPS)) -> Attribution:
    """Everything there is time for, or some parts of it; what was cut stands in `skipped`.

    Raises:
        UsageError: A chosen row is not there.
    """
    return merge(tuple(explain_in_turn(shipped, request, parts)))


def explain_in_turn(shipped: Shipped, request: ExplainRequest, parts: Sequence[Part]) -> Iterator[Attribution]:
    """One part after another, those that suit the model and the request, each within its share of the time.

    Args:
        shipped: The model.
        request: What is to be explained, in how many seconds.
        parts: "shap" (summary and chosen rows), "local" (LIME), "global" (permutation importance, dependence), "parts"
            (words and patches of chosen rows) or "words" (of all rows).

    Raises:
        UsageError: A chosen row is not there.
    """
    end = time.monotonic() + request.seconds
    if not used_columns(shipped.layout) or not request.rows.n_rows:
        yield Attribution(skipped=("nothing to explain: the model sees no column, or there are no rows",))
        return
    shares = _shares(shipped, request)
    left_out = _OF_CHOSEN if request.chosen is None else ()
    wanted = [part for part in shares if part in parts and part not in left_out]
    if not wanted:
        return
    subject = look(shipped, request, max(_N_ROWS[part] for part in wanted))
    for number, part in enumerate(wanted):
        now = time.monotonic()
        seconds = (end - now) * shares[part] / sum(shares[each] for each in wanted[number:])
        yield _STEPS[part](subject.first(_N_ROWS[part]), request, now + seconds)


def _shares(shipped: Shipped, request: ExplainRequest) -> dict[Part, float]:
    """The parts that there are to explain, each with its share of the time."""
    kinds = part_kinds(shipped.layout, request.profile)
    if not kinds:
        return {"shap": 0.45, "local": 0.25, "global": 0.3}
    if len(used_columns(shipped.layout)) > 1:
        return {"shap": 0.35, "local": 0.15, "global": 0.2, "parts": 0.3}
    return {"words": 0.5, "parts": 0.5} if "text" in kinds.values() else {"parts": 1.0}


def merge(parts: Sequence[Attribution]) -> Attribution:
    """Parts put together: SHAP beside LIME with their agreement, SHAP values beside partial dependence."""
    rows = [row for part in parts for row in part.chosen]
    order = {row: number for number, row in enumerate(dict.fromkeys(row.row for row in rows))}
    chosen = tuple(sorted(rows, key=lambda row: (order[row.row], row.method != "shap")))
    parts_told = tuple(each for part in parts for each in part.parts)
    return Attribution(
        importance=tuple(sorted((i for part in parts for i in part.importance), key=lambda i: i.method != "shap")),
        summary=tuple(row for part in parts for row in part.summary),
        chosen=chosen,
        dependence=_join([each for part in parts for each in part.dependence]),
        explainer="; ".join(part.explainer for part in parts if part.explainer),
        skipped=tuple(dict.fromkeys(sentence for part in parts for sentence in part.skipped)),
        agreement=_agreements(chosen, parts_told),
        parts=parts_told,
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


def _agreements(chosen: Sequence[RowAttribution], parts: Sequence[PartAttribution]) -> tuple[Agreement, ...]:
    """Of each chosen row over its columns, then of each text, image and sound over its parts."""
    found = []
    by_lime = {row.row: row for row in chosen if row.method == "lime"}
    for by_shap in chosen:
        other = by_lime.get(by_shap.row)
        if by_shap.method == "shap" and other is not None:
            theirs = dict(zip(other.columns, other.values, strict=True))
            pairs = [(v, theirs[c]) for c, v in zip(by_shap.columns, by_shap.values, strict=True) if c in theirs]
            found += _agreement(by_shap.row, pairs)
    parts_by_lime = {(each.row, each.column): each for each in parts if each.method == "lime"}
    for each in parts:
        beside = parts_by_lime.get((each.row, each.column))
        if each.method == "shap" and beside is not None:
            found += _agreement(each.row, list(zip(each.values, beside.values, strict=True)), each.column)
    return tuple(found)


def _agreement(row: int, pairs: Sequence[tuple[float, float]], column: str = "") -> list[Agreement]:
    """Over the foremost pairs; none where there are too few to say."""
    foremost = sorted(pairs, key=lambda pair: -abs(pair[0]))[:_N_AGREEMENT]
    correlation = _rank_correlation(np.asarray(foremost)) if len(foremost) > 2 else None
    return [] if correlation is None else [Agreement(row, correlation, len(foremost), column)]


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
