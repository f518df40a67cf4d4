"""Part of the explanation that speaks of words, patches of images and stretches of sounds, by row and overall."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np
from numpy.typing import NDArray

from automl.attribution import Attribution, GlobalImportance, Method, PartAttribution
from automl.explainers import lime, shap
from automl.explainers.parts import (
    N_LEVELS,
    ROWS_A_CALL,
    Ask,
    PatchParts,
    Place,
    TextParts,
    distinct_words,
    word_name,
    words_of,
)
from automl.explainers.pool import SAFE, Cost, foremost_columns
from automl.explainers.subject import ExplainRequest, Subject
from automl.models.probabilities import FLOOR
from automl.pictures import picture_of_image, picture_of_sound
from automl.table import Table

_N_COLUMNS = 3
_LIME_SAMPLES = (1000, 500, 250, 100)
_NAMES = {"text": "words", "image": "patches", "audio": "stretches"}
_N_WORDS = 40
_N_TOLD = 30
_MANY_ROWS = 20
_SLOW = 0.5  # seconds of one call


@dataclass(slots=True)
class _Done:
    """What was done of what was asked for in one column: rows (as indices or counts) and LIME's perturbed rows."""

    n_asked: int = 0
    n_shap: int = 0
    n_lime: int = 0
    n_coarse: int = 0
    n_samples: int = _LIME_SAMPLES[0]
    empty: list[int] = field(default_factory=list)

    def cuts(self, column: str, names: str) -> list[str]:
        """What is missing, in sentences."""
        said = []
        if self.empty:
            rows = ", ".join(map(str, self.empty))
            said.append(f"no {names} of {column!r} in row{'s' if len(self.empty) > 1 else ''} {rows}: nothing is there")
        for title, n_done in (("SHAP", self.n_shap), ("LIME", self.n_lime)):
            if n_done < self.n_asked:
                said.append(f"{title} of {names} of {column!r}: {n_done} of {self.n_asked} rows in the time there was")
        if self.n_samples < _LIME_SAMPLES[0]:
            said.append(
                f"LIME of {names} of {column!r}: {self.n_samples:,} perturbed rows each instead of "
                f"{_LIME_SAMPLES[0]:,}, for the time there was"
            )
        if self.n_coarse:
            said.append(f"{names} of {column!r} in fewer and larger parts, for the time there was")
        return said


def explain_parts(subject: Subject, request: ExplainRequest, deadline: float) -> Attribution:
    """SHAP and LIME of the words and patches of the chosen rows, in as many parts as there is time for.

    Probabilities are told in log-odds: in a row that the model is sure of, no single part moves the probability.
    """
    columns, skipped = _columns(subject, request, deadline)
    shap.open_shap()
    lime.open_presence()
    places = [Place(subject, row, column) for row in range(subject.n_chosen) for column in columns]
    done = {column: _Done() for column in columns}
    found: list[PartAttribution] = []
    for number, place in enumerate(places):
        now = time.monotonic()
        until = now + (deadline - now) / (len(places) - number)
        found += _explained(place, request.seed, until, done[place.column])
    for column in columns:
        skipped += done[column].cuts(column, _NAMES[subject.kinds[column]])
    return Attribution(parts=tuple(found), skipped=tuple(skipped))


def _columns(subject: Subject, request: ExplainRequest, deadline: float) -> tuple[list[str], list[str]]:
    """The columns whose parts are told, of many those that move predictions most; and what is said of the others."""
    columns = list(subject.kinds)
    if len(columns) <= _N_COLUMNS:
        return columns, []
    cost, now = subject.cost, time.monotonic()
    rows = np.concatenate([subject.background_rows, subject.pool_rows])
    order = foremost_columns(subject.pool, rows, len(subject.used), request.seed, now + 0.2 * (deadline - now), cost)
    ranked = dict.fromkeys([*(subject.pool.players[player].name for player in order), *columns])
    kept = [name for name in ranked if name in subject.kinds][:_N_COLUMNS]
    others = ", ".join(repr(name) for name in columns if name not in kept)
    return kept, [f"parts of {others} are not told, only those of the {_N_COLUMNS} columns that move predictions most"]


def _explained(place: Place, seed: int, until: float, done: _Done) -> list[PartAttribution]:
    """SHAP, then LIME, of the parts of one value until `until`: in so many parts that there is time for both."""
    parts = place.parts(0)
    if parts is None:
        done.empty.append(int(place.subject.index[place.row]))
        return []
    done.n_asked += 1
    cost = _cost(place.ask(parts), parts.n_parts)
    seconds = SAFE * (until - time.monotonic())
    for_lime = min(cost.seconds(_LIME_SAMPLES[-1]), 0.5 * seconds)
    level = 0
    while cost.seconds(2 * parts.n_parts + 1) + for_lime > seconds and level + 1 < N_LEVELS:
        level += 1
        parts = place.parts(level) or parts
    ask = _scores(place, parts)
    found = []
    a_permutation = cost.seconds(2 * parts.n_parts + 1)
    if a_permutation <= seconds:
        repeats = shap.affordable_repeats(min(0.5 * seconds, seconds - for_lime), a_permutation)
        values = shap.presence_shap(ask, parts.n_parts, repeats=repeats, seed=seed)
        output = place.subject.output_index(place.row)
        told = _Told("shap", float(values.total[0, output]), float(values.base[0, output]), values.values[0, :, output])
        found.append(_record(place, parts, told))
        done.n_shap += 1
    n_samples = _affordable_samples(cost, parts.n_parts, until)
    if n_samples:
        found.append(_by_lime(place, parts, ask, n_samples, seed))
        done.n_lime += 1
        done.n_samples = min(done.n_samples, n_samples)
    done.n_coarse += bool(found and level)
    return found


def _scores(place: Place, parts: TextParts | PatchParts) -> Ask:
    """What the model says of the row with parts away: values, or log-odds."""
    ask = place.ask(parts)
    return (lambda presence: _log_odds(ask(presence))) if place.subject.shipped.task.is_classification else ask


def _log_odds(probability: NDArray[np.float64]) -> NDArray[np.float64]:
    inside = np.clip(probability, FLOOR, 1 - FLOOR)
    return np.asarray(np.log(inside) - np.log1p(-inside))


def _affordable_samples(cost: Cost, n_parts: int, until: float) -> int:
    """Perturbed rows for LIME that end in time; 0 for none. Of few parts there are few that differ."""
    seconds = SAFE * (until - time.monotonic())
    for n_samples in _LIME_SAMPLES:
        n_distinct = min(n_samples, 2 ** min(n_parts, 20))
        if cost.seconds(n_distinct, -(-n_distinct // ROWS_A_CALL)) <= seconds:
            return n_samples
    return 0


def _cost(ask: Ask, n_parts: int) -> Cost:
    """Of asking, measured on few rows; on more only where they are cheap."""
    random = np.random.default_rng(0)
    taken = []
    for n_rows in (4, 64):
        presence = np.unique(random.random((n_rows, n_parts)) < 0.5, axis=0)
        begun = time.perf_counter()
        ask(presence)
        taken.append((len(presence), time.perf_counter() - begun))
        if taken[-1][1] > _SLOW:
            break
    return Cost.measured(taken[0], taken[-1])


@dataclass(frozen=True, slots=True)
class _Told:
    """What a method says of one output of one row; `values` (n_parts,)."""

    method: Method
    prediction: float
    base: float
    values: NDArray[np.float64]
    fidelity: float | None = None


def _by_lime(place: Place, parts: TextParts | PatchParts, ask: Ask, n_samples: int, seed: int) -> PartAttribution:
    output = place.subject.output_index(place.row)
    local = lime.explain_presence(ask, parts.n_parts, output, n_samples=n_samples, seed=seed)
    prediction = float(ask(np.ones((1, parts.n_parts), dtype=np.bool_))[0, output])
    return _record(place, parts, _Told("lime", prediction, local.intercept, local.values, local.fidelity))


def _record(place: Place, parts: TextParts | PatchParts, told: _Told) -> PartAttribution:
    subject, row = place.subject, place.row
    output, has_classes = subject.output_index(row), subject.shipped.task.is_classification
    record = PartAttribution(
        row=int(subject.index[row]),
        column=place.column,
        kind=place.kind,
        method=told.method,
        output=subject.outputs.names[output],
        prediction=told.prediction,
        base=told.base,
        values=tuple(float(value) for value in told.values),
        unit="log-odds" if has_classes else subject.outputs.unit,
        fidelity=told.fidelity,
        note=subject.notes[row],
        probability=float(subject.prediction[row, output]) if has_classes else None,
    )
    if isinstance(parts, TextParts):
        pieces, is_part = parts.pieces()
        return msgspec.structs.replace(record, pieces=pieces, is_part=is_part)
    picture, size = (picture_of_image if place.kind == "image" else picture_of_sound)(parts.values)
    return msgspec.structs.replace(record, grid=parts.grid, picture=picture, size=size)


def explain_words(subject: Subject, request: ExplainRequest, deadline: float) -> Attribution:
    """How far each word of the one column of texts moves the output: SHAP of as many rows as there is time for.

    A word is one part in all its places, so that a text without it is asked about; of a text of more than 40 words
    those are told apart whose presence goes along with predictions most, and the others are one part.
    """
    [column] = subject.kinds
    shap.open_shap()
    rows = list(range(subject.n_chosen, subject.n_seen)) or list(range(subject.n_seen))
    texts = {row: Place(subject, row, column).text() or "" for row in rows}
    words = {row: {word_name(word) for _, word in words_of(text)[0]} for row, text in texts.items()}
    strength = _strength(words, subject)
    sizes, moves = defaultdict[str, list[float]](list), defaultdict[str, list[float]](list)
    n_rows, seconds = 0, 0.0
    most = 1  # texts to ask about at a time: those of one row at first, to see what they cost
    while n_rows < len(rows):
        begun = time.monotonic()
        if begun + seconds > deadline:
            break
        split: list[tuple[TextParts, tuple[str, ...]]] = []
        while n_rows < len(rows) and sum(2 * parts.n_parts + 1 for parts, _ in split) < most:
            split.append(distinct_words(texts[rows[n_rows]], lambda name: -strength.get(name, 0.0), _N_WORDS))
            n_rows += 1
        told = [(parts, names) for parts, names in split if names]
        for (_, names), values in zip(told, _word_values(subject, column, told, request.seed), strict=True):
            for name, value in zip(names, values, strict=False):
                sizes[name].append(float(np.abs(value).mean()))
                moves[name].append(float(value[0]))
        seconds = time.monotonic() - begun
        n_asked = sum(2 * parts.n_parts + 1 for parts, _ in split)
        most = int(np.clip(_SLOW * n_asked / max(seconds, 1e-9), 1, ROWS_A_CALL))
    if not sizes:
        return Attribution(skipped=(f"no words of {column!r} overall: there was no time, or the texts are empty",))
    found = _ranked(subject, column, sizes, moves, n_rows)
    said = f"permutation SHAP of the words of {column!r}, one antithetic permutation a row, against texts without them"
    n_asked = len(rows) + subject.n_asked - subject.n_seen
    cut = f"words of {column!r}: {n_rows} of {n_asked} rows in the time there was"
    return Attribution(importance=(found,), explainer=said, skipped=(cut,) * (n_rows < n_asked))


def _word_values(
    subject: Subject, column: str, split: Sequence[tuple[TextParts, tuple[str, ...]]], seed: int
) -> list[NDArray[np.float64]]:
    """(n_parts, n_outputs) SHAP values of each text, all of them asked about at once; no other column is there."""
    asked = {n: shap.presence_rows(n, repeats=1, seed=seed) for n in {parts.n_parts for parts, _ in split}}
    texts = [parts.without(there) for parts, _ in split for there in asked[parts.n_parts]]
    distinct = {text: number for number, text in enumerate(dict.fromkeys(texts))}
    if not distinct:
        return []
    answers = subject.answers(subject.shipped.encode(Table.from_columns({column: list(distinct)})))

    def values_of(parts: TextParts) -> NDArray[np.float64]:
        def ask(presence: NDArray[np.bool_]) -> NDArray[np.float64]:
            return np.asarray(answers[[distinct[parts.without(there)] for there in presence]])

        return np.asarray(shap.presence_shap(ask, parts.n_parts, repeats=1, seed=seed).values[0])

    return [values_of(parts) for parts, _ in split]


def _strength(words: Mapping[int, set[str]], subject: Subject) -> dict[str, float]:
    """Correlation of each word's presence with predictions, the largest over outputs; words of one row are left out."""
    rows = list(words)
    if not rows:
        return {}
    away = subject.prediction[rows] - subject.prediction[rows].mean(axis=0)
    size = np.linalg.norm(away, axis=0)
    there = defaultdict[str, list[int]](list)
    for number, row in enumerate(rows):
        for name in words[row]:
            there[name].append(number)
    found = {}
    for name, at in there.items():
        spread = np.sqrt(len(at) * (1 - len(at) / len(rows)))
        if len(at) > 1 and spread > 0:
            found[name] = float((np.abs(away[at].sum(axis=0)) / np.where(size > 0, size, 1.0)).max() / spread)
    return found


def _ranked(
    subject: Subject, column: str, sizes: Mapping[str, list[float]], moves: Mapping[str, list[float]], n_rows: int
) -> GlobalImportance:
    """Words by their mean size over all rows, those of one row among many left out."""
    least = 2 if n_rows >= _MANY_ROWS and any(len(values) > 1 for values in sizes.values()) else 1
    names = [name for name, values in sizes.items() if len(values) >= least]
    means = {name: sum(sizes[name]) / n_rows for name in names}
    names = sorted(names, key=lambda name: (-means[name], name))[:_N_TOLD]
    is_single = len(subject.outputs.names) == 1
    return GlobalImportance(
        method="shap",
        columns=tuple(names),
        values=tuple(means[name] for name in names),
        errors=tuple(_error(sizes[name], n_rows) for name in names),
        unit=subject.outputs.unit,
        n_rows=n_rows,
        words_of=column,
        output=subject.outputs.names[0] if is_single else "",
        moves=tuple(float(np.mean(moves[name])) for name in names) if is_single else (),
    )


def _error(values: Sequence[float], n_rows: int) -> float:
    """Standard error of the mean over all rows, in most of which the word is not there."""
    if n_rows < 2:
        return 0.0
    return float(np.std([*values, *[0.0] * (n_rows - len(values))], ddof=1) / np.sqrt(n_rows))
