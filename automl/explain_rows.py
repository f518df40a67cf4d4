"""Parts of the explanation that speak of single rows: SHAP over many and for chosen ones, LIME for chosen ones."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import msgspec
import numpy as np
from numpy.typing import NDArray

from automl.attribution import Attribution, Dependence, GlobalImportance, Method, RowAttribution
from automl.explainers import Member, lime, shap
from automl.explainers.pool import Cost, Player, RowPool, foremost_columns, players_of, rest_name
from automl.explainers.shap import Refused, ShapValues
from automl.explainers.subject import ExplainRequest, Subject
from automl.features import Features
from automl.typography import counted

_N_PLAYERS = 30
# (players, background rows, rows that are enough) of permutation SHAP, dearest first; the first that has enough is
# taken. Importance and dependence are means over rows: a hundred tell more than a longer background of each.
_SHAP_PLANS = ((30, 50, 100), (30, 25, 60), (30, 10, 30), (15, 10, 30), (8, 10, 30))
_LIME_SAMPLES = (5000, 2000, 1000, 500, 200)


@dataclass(frozen=True, slots=True)
class _Told:
    """SHAP values of players, and what was cut to get them, in sentences."""

    found: ShapValues
    players: tuple[Player, ...]
    skipped: tuple[str, ...] = ()


def explain_by_shap(subject: Subject, request: ExplainRequest, deadline: float) -> Attribution:
    """SHAP values of the chosen and other rows: exact where that explains what ships, else by permutation, or both."""
    background = subject.pool.features.take(subject.background_rows)
    try:
        x = subject.x(subject.n_seen)
        exact = shap.exact_shap(subject.shipped, x, background, subject.outputs.positive, deadline)
        told = _Told(replace(exact, values=exact.values[:, list(subject.used)]), subject.pool.players)
    except Refused as refusal:
        try:
            in_two = _in_two(subject, request.seed, deadline, str(refusal))
            told = in_two or _by_permutation(subject, request.seed, deadline, str(refusal))
        except Refused as too_dear:
            return Attribution(skipped=(str(too_dear),))
    return _shap_records(subject, told)


def _in_two(subject: Subject, seed: int, deadline: float, why: str) -> _Told | None:
    """The sum of exact values of boosted trees and of permutation values of other members; None where it has no sense.

    A blend of values is a sum, and so are its SHAP values. Asking the others alone is cheap where the trees are slow.

    Raises:
        Refused: There is not the time for one row.
    """
    shipped, trees, others = subject.shipped, list[Member](), list[Member]()
    for member in shipped.members:
        (trees if "boosting" in member.family.traits else others).append(member)
    if shipped.task.is_classification or not trees or not others or subject.pool.n_players > _N_PLAYERS:
        return None
    background, half = subject.pool.features.take(subject.background_rows), 0.5 * (deadline - time.monotonic())
    try:
        exact = shap.members_shap(trees, subject.x(subject.n_seen), background, time.monotonic() + half)
    except Refused:
        return None

    def predict(x: Features) -> NDArray[np.float64]:
        return subject.outputs.of(np.sum([member.weight * member.model.predict(x) for member in others], axis=0))

    sampled = _by_permutation(subject.answered_by(predict), seed, deadline, why)
    n_rows = min(len(exact.values), len(sampled.found.values))
    owned = [exact.values[:n_rows, list(player.columns)].sum(axis=1) for player in sampled.players]
    values = np.stack(owned, axis=1) + sampled.found.values[:n_rows]
    base = exact.base[:n_rows] + sampled.found.base[:n_rows]
    explainer = f"{exact.explainer}; of {counted(len(others), 'other')} {sampled.found.explainer}"
    found = replace(sampled.found, values=values, base=base, total=base + values.sum(axis=1), explainer=explainer)
    return replace(sampled, found=found)


def _by_permutation(subject: Subject, seed: int, deadline: float, why: str) -> _Told:
    """Permutation SHAP on as many columns, background rows and rows as there is time for.

    Raises:
        Refused: There is not the time for one row.
    """
    shap.open_shap()
    cost = subject.cost
    n_columns, n_rows = subject.pool.n_players, subject.n_seen
    n_background = len(subject.background_rows)
    seconds = 0.7 * (deadline - time.monotonic())
    for n_players, n_masks, enough in _SHAP_PLANS:
        at_once = min(n_players + 1, n_columns) if n_columns > n_players else n_columns
        asked = (2 * at_once + 1) * min(n_masks, n_background)
        each = cost.seconds(asked) + 1e-3
        affordable = int(seconds / each)
        if affordable >= min(n_rows, enough):
            break
    if affordable < 1:
        raise Refused(f"SHAP left out: one row takes {each:.1f} s, and {max(0.0, seconds):.1f} s are left")
    pool, skipped = narrowed(subject, n_players, seed, "SHAP", time.monotonic() + 0.25 * seconds, cost)
    found = shap.permutation_shap(
        pool,
        subject.pool_rows[:n_rows],
        subject.background_rows[:n_masks],
        repeats=shap.affordable_repeats(0.9 * (deadline - time.monotonic()), each * n_rows),
        seed=seed,
        deadline=deadline,
    )
    explainer = f"{found.explainer} ({why})"
    return _Told(replace(found, unit=subject.outputs.unit, explainer=explainer), pool.players, skipped)


def narrowed(
    subject: Subject, n_players: int, seed: int, what: str, deadline: float, cost: Cost
) -> tuple[RowPool, tuple[str, ...]]:
    """The pool with at most so many columns told apart, the others as one player; and the sentence that says so."""
    n_columns = subject.pool.n_players
    if n_columns <= n_players:
        return subject.pool, ()
    rows = np.concatenate([subject.background_rows, subject.pool_rows])
    found = foremost_columns(subject.pool, rows, n_players, seed, deadline, cost)
    foremost = [subject.used[player] for player in found]
    pool = subject.pool.with_players(players_of(subject.shipped.layout, foremost))
    rest = n_columns - len(found)
    said = f"{what}: the {len(found)} columns that move predictions most were told apart, the other {rest:,} as one"
    return pool, (said,)


def _shap_records(subject: Subject, told: _Told) -> Attribution:
    found = told.found
    n_rows = len(found.values)
    size = np.abs(found.values).mean(axis=2)
    means = size.mean(axis=0)
    errors = size.std(axis=0, ddof=1) / np.sqrt(n_rows) if n_rows > 1 else np.zeros(len(means))
    alone = np.array([len(player.columns) == 1 for player in told.players])
    order = np.lexsort((-means, ~alone))
    importance = GlobalImportance(
        method="shap",
        columns=tuple(told.players[k].name for k in order),
        values=tuple(float(means[k]) for k in order),
        errors=tuple(float(errors[k]) for k in order),
        unit=found.unit,
        n_rows=n_rows,
    )
    short = _shortened(told, order)
    values = _Shown.of(subject, short.players, n_rows)
    rows = [_shap_row(subject, short.found, values, row) for row in range(n_rows)]
    n_chosen = min(subject.n_chosen, n_rows)
    cut = [] if n_rows == subject.n_asked else [f"SHAP: {n_rows} of {subject.n_asked} rows in the time there was"]
    return Attribution(
        importance=(importance,),
        summary=tuple(rows),
        chosen=tuple(rows[:n_chosen]),
        dependence=_shap_dependence(subject, short),
        explainer=found.explainer,
        skipped=(*told.skipped, *cut),
    )


def _shortened(told: _Told, order: NDArray[np.intp]) -> _Told:
    """The foremost columns, in the order of the file, and the sum of the others."""
    if len(told.players) <= _N_PLAYERS + 1:
        return told
    kept, others = np.sort(order[:_N_PLAYERS]), np.sort(order[_N_PLAYERS:])
    values = told.found.values
    rest = Player(rest_name(len(others)), tuple(column for k in others for column in told.players[k].columns))
    summed = np.concatenate([values[:, kept], values[:, others].sum(axis=1, keepdims=True)], axis=1)
    return _Told(replace(told.found, values=summed), (*(told.players[k] for k in kept), rest), told.skipped)


@dataclass(frozen=True, slots=True)
class _Shown:
    """Names of players, and their values as text: one list a player, empty text for several columns at once."""

    names: tuple[str, ...]
    texts: tuple[list[str], ...]

    @classmethod
    def of(cls, subject: Subject, players: tuple[Player, ...], n_rows: int) -> _Shown:
        """Of the first sampled rows."""
        single = [subject.shown(p.columns[0], n_rows) if len(p.columns) == 1 else [""] * n_rows for p in players]
        return cls(tuple(player.name for player in players), tuple(single))


def _shap_row(subject: Subject, found: ShapValues, shown: _Shown, row: int) -> RowAttribution:
    output = subject.output_index(row)
    return _record(
        subject,
        shown,
        row,
        method="shap",
        prediction=float(found.total[row, output]),
        base=float(found.base[row, output]),
        values=found.values[row, :, output],
        unit=found.unit,
    )


def _record(
    subject: Subject,
    shown: _Shown,
    row: int,
    *,
    method: Method,
    prediction: float,
    base: float,
    values: NDArray[np.float64],
    unit: str,
) -> RowAttribution:
    output = subject.output_index(row)
    classes = subject.shipped.task.is_classification
    return RowAttribution(
        method=method,
        row=int(subject.index[row]),
        output=subject.outputs.names[output],
        prediction=prediction,
        base=base,
        columns=shown.names,
        values=tuple(float(value) for value in values),
        shown=tuple(texts[row] for texts in shown.texts),
        unit=unit,
        note=subject.notes[row] if row < subject.n_chosen else "",
        probability=float(subject.prediction[row, output]) if classes else None,
    )


def _shap_dependence(subject: Subject, told: _Told) -> tuple[Dependence, ...]:
    """SHAP values against the column's values, most important column first; no grid yet."""
    found = told.found
    output = subject.focus
    order = np.argsort(-np.abs(found.values[:, :, output]).mean(axis=0), kind="stable")
    dependences = []
    for player in (told.players[k] for k in order):
        axis = subject.axis(player.columns[0], len(found.values)) if len(player.columns) == 1 else None
        if axis is None:
            continue
        there = np.flatnonzero(~np.isnan(axis.values))
        values = found.values[there, told.players.index(player), output]
        dependences.append(
            Dependence(
                column=player.name,
                output=subject.outputs.names[output],
                labels=axis.labels,
                grid=(),
                average=(),
                rows=tuple(axis.values[there].tolist()),
                attributions=tuple(values.tolist()),
                unit=subject.outputs.unit,
                attribution_unit=found.unit,
                scale=axis.scale,
            )
        )
    return tuple(dependences)


def explain_by_lime(subject: Subject, request: ExplainRequest, deadline: float) -> Attribution:
    """LIME of the chosen rows, with as many perturbed rows as there is time for."""
    cost = subject.cost
    lime.open_lime()
    seconds = deadline - time.monotonic()
    pool, skipped = narrowed(subject, _N_PLAYERS, request.seed, "LIME", time.monotonic() + 0.25 * seconds, cost)
    codes = lime.column_codes(pool)
    shown = _Shown.of(subject, pool.players, subject.n_chosen)
    seconds = 0.8 * (deadline - time.monotonic())
    fitting = [n for n in _LIME_SAMPLES if subject.n_chosen * cost.seconds(n) <= seconds]
    n_samples = fitting[0] if fitting else _LIME_SAMPLES[-1]
    rows: list[RowAttribution] = []
    for row in range(subject.n_chosen):
        if time.monotonic() + cost.seconds(n_samples) > deadline:
            break
        output = subject.output_index(row)
        around = int(subject.pool_rows[row])
        local = lime.explain_row(pool, codes, around, output, n_samples=n_samples, seed=request.seed)
        record = _record(
            subject,
            shown,
            row,
            method="lime",
            prediction=float(subject.prediction[row, output]),
            base=local.intercept,
            values=local.values,
            unit=subject.outputs.unit,
        )
        rows.append(msgspec.structs.replace(record, fidelity=local.fidelity))
    return Attribution(chosen=tuple(rows), skipped=(*skipped, *_lime_cuts(subject.n_chosen, len(rows), n_samples)))


def _lime_cuts(n_asked: int, n_done: int, n_samples: int) -> list[str]:
    cuts = []
    if n_done < n_asked:
        cuts.append(f"LIME: {n_done} of {n_asked} chosen rows in the time there was")
    if n_done and n_samples < _LIME_SAMPLES[0]:
        cuts.append(f"LIME: {n_samples:,} perturbed rows each instead of {_LIME_SAMPLES[0]:,}, for the time there was")
    return cuts
