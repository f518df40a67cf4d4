"""Words of texts, patches of images and stretches of sounds: what they did in single rows, SHAP beside LIME."""

from __future__ import annotations

import math
from collections.abc import Sequence

from automl.attribution import Agreement, Attribution, GlobalImportance, PartAttribution
from automl.report import Block, Figure, Marked, Overlay, Series, Text
from automl.typography import counted, format_number, format_share
from automl.words import sentence

_TITLES = {"shap": "SHAP", "lime": "LIME"}
_SINGULAR = {"text": "word", "image": "patch", "audio": "stretch"}
_PLURAL = {"text": "words", "image": "patches", "audio": "stretches"}
_NAME = {"text": "text", "image": "image", "audio": "sound"}
_ABSENT = {"text": "without any word", "image": "where all is of the border's colour", "audio": "in silence"}
_FITS = 0.4


def word_importance(found: GlobalImportance, most: int) -> Figure:
    """The words of a column of texts that matter most, coloured by what they do where they stand."""
    values, errors = found.values[:most], found.errors[:most]
    moves = found.moves[: len(values)]
    what = f"the {'prediction' if not found.output else f'probability of {found.output}'}"
    colors = f" Orange where a word raises {what} on average, blue where it lowers it." if moves else ""
    return Figure(
        title=f"SHAP: words of {found.words_of} that matter",
        chart="bars",
        labels=found.columns[: len(values)],
        series=(
            Series(
                found.method,
                tuple(float(i) for i in range(len(values))),
                values,
                color=tuple(float(move > 0) for move in moves),
                low=tuple(v - e for v, e in zip(values, errors, strict=True)),
                high=tuple(v + e for v, e in zip(values, errors, strict=True)),
            ),
        ),
        x_label=found.unit,
        caption=f"Mean size of the attributions, over {counted(found.n_rows, 'row')}, of which most lack the word; "
        f"whiskers: standard error.{colors}",
    )


def part_blocks(found: Attribution, row: int) -> list[Block]:
    """Each column of a row that is told in parts: what was said, SHAP, LIME, and whether they agree."""
    agreement = {each.column: each for each in found.agreement if each.row == row}
    blocks: list[Block] = []
    for column in dict.fromkeys(each.column for each in found.parts if each.row == row):
        told = [each for each in found.parts if (each.row, each.column) == (row, column)]
        blocks.append(Text(_told(told, agreement.get(column))))
        blocks += [_marked(each) if each.kind == "text" else _overlay(each) for each in told]
    return blocks


def _told(parts: Sequence[PartAttribution], agreement: Agreement | None) -> str:
    first = parts[0]
    note = f" ({first.note})" if first.note else ""
    said = format_number(first.prediction)
    if first.probability is not None:
        said = f"{first.output} with probability {format_share(first.probability)}"
    text = f"Row {first.row}{note}, {first.column}: {said}."
    return text + agreed(agreement, _PLURAL[first.kind]) + weak_fit([each.fidelity for each in parts])


def agreed(agreement: Agreement | None, over: str) -> str:
    """Whether SHAP and LIME agree, in a sentence after a blank; empty where that is not known."""
    if agreement is None or not math.isfinite(agreement.correlation):
        return ""
    r = agreement.correlation
    how = "agree" if r >= 0.7 else "agree in part" if r >= 0.3 else "disagree, so take both with care"
    of = f"rank correlation {r:.2f} over the {agreement.n_columns} foremost {over}"
    return f" {sentence(f'SHAP and LIME {how} ({of})')}"


def weak_fit(fidelities: Sequence[float | None]) -> str:
    """A warning, after a blank, where LIME's local model fits poorly; else empty."""
    fits = [each for each in fidelities if each is not None and math.isfinite(each)]
    return f" LIME's local model fits poorly here (R² {fits[0]:.2f}): lean on SHAP." if fits and fits[0] < _FITS else ""


def _caption(part: PartAttribution) -> str:
    of = f" of {part.output}" if part.output else ""
    if part.method == "lime":
        fit = "" if part.fidelity is None else f" It fits with R² {part.fidelity:.2f}."
        return f"Weights of a linear model of the same {_NAME[part.kind]} with {_PLURAL[part.kind]} left out.{fit}"
    one = _SINGULAR[part.kind]
    start, end = (f"{format_number(value)}{_share(value, part.unit)}" for value in (part.base, part.prediction))
    return f"From {start}, the {part.unit}{of} {_ABSENT[part.kind]}, to {end}, {one} by {one}."


def _share(value: float, unit: str) -> str:
    """The probability that log-odds stand for, in brackets."""
    return f" (probability {format_share(1 / (1 + math.exp(-value)))})" if unit == "log-odds" else ""


def _title(part: PartAttribution) -> str:
    return f"Row {part.row}, {part.column}: {_TITLES.get(part.method, part.method)}"


def _marked(part: PartAttribution) -> Marked:
    return Marked(title=_title(part), pieces=part.pieces, weights=part.weights, unit=part.unit, caption=_caption(part))


def _overlay(part: PartAttribution) -> Overlay:
    axes = " Time runs to the right, low tones lie below." if part.kind == "audio" else ""
    return Overlay(
        title=_title(part),
        picture=part.picture,
        size=part.size,
        grid=part.grid,
        weights=part.values,
        unit=part.unit,
        caption=f"{_caption(part)}{axes}",
    )
