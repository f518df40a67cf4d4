"""What the model learned: importance, effects, single rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean

from msgspec.structs import replace

from automl.attribution import Agreement, Attribution, Dependence, GlobalImportance, RowAttribution
from automl.outcome import Outcome
from automl.report import Block, Figure, Notice, Section, Series, Text
from automl.sections.parts import agreed, part_blocks, weak_fit, word_importance
from automl.typography import counted, format_number, format_share

_TOP = 15
_STEPS = 10
_SWARM = 8
_IN_PARTS = ("text", "image", "audio")
_TITLES = {"shap": "SHAP: how far each column moves the output", "permutation": "What shuffling a column costs"}
_READ = {
    "shap": "Mean size of the attributions, over {rows}; whiskers: standard error.",
    "permutation": "Loss of the score when the column is shuffled, over {rows} that the model learned from, so that "
    "what it knows by heart looks better than it is; whiskers: standard error.",
}


def section(outcome: Outcome) -> Section:
    """Attributions of the model that ships, in the columns of the file."""
    found = outcome.attribution
    if found is None or not (found.importance or found.dependence or found.chosen or found.parts):
        text = f"There was no time left to explain. `automl explain {outcome.model} DATA` does it now."
        return Section("What it learned", "learned", (Notice("not explained", text, "warning"),))
    columns = {c.name for c in outcome.profile.columns}
    words = [each for each in found.importance if each.words_of]
    blocks: list[Block] = []
    if found.importance or found.summary:
        blocks.append(Text("Which words matter" if words else "Which columns matter", "heading"))
    if found.explainer:
        blocks.append(Text(f"Explained is the model that ships: {found.explainer}.", "note"))
    ranked = sorted((each for each in found.importance if not each.words_of), key=lambda i: i.method != "shap")
    blocks += [*(word_importance(each, _TOP) for each in words), *(_importance(each, columns) for each in ranked)]
    if len(found.summary) >= _SWARM:
        blocks.append(_beeswarm(found, columns, {c.name for c in outcome.profile.columns if c.kind in _IN_PARTS}))
    if found.dependence:
        blocks.append(Text("How they move the output", "heading"))
        blocks += [_dependence(d) for d in found.dependence]
    if found.chosen or found.parts:
        blocks.append(Text("Single rows", "heading"))
        blocks.append(
            Text("Rows chosen for what they show; SHAP beside LIME, which should tell the same story.", "note")
        )
        blocks += _rows(found, columns)
    return Section("What it learned", "learned", tuple(blocks))


def _foremost(found: GlobalImportance, columns: set[str]) -> list[int]:
    """The columns that matter most; what sums up several of them comes last."""
    moved = [i for i in range(len(found.columns)) if found.values[i] or found.errors[i]] or [0]
    rest = [i for i in moved if found.columns[i] not in columns]
    return [*[i for i in moved if i not in rest][: _TOP - len(rest)], *rest]


def _importance(found: GlobalImportance, columns: set[str]) -> Figure:
    kept = _foremost(found, columns)
    n_columns = sum(found.columns[i] in columns for i in kept)
    of_all = (
        f" The first {n_columns} of {counted(len(found.columns), 'column')}." if len(kept) < len(found.columns) else ""
    )
    values, errors = [found.values[i] for i in kept], [found.errors[i] for i in kept]
    read = _READ.get(found.method, "Over {rows}.").format(rows=counted(found.n_rows, "row"))
    return Figure(
        title=_TITLES.get(found.method, found.method),
        chart="bars",
        labels=tuple(found.columns[i] for i in kept),
        series=(
            Series(
                found.method,
                tuple(float(i) for i in range(len(kept))),
                tuple(values),
                low=tuple(v - e for v, e in zip(values, errors, strict=True)),
                high=tuple(v + e for v, e in zip(values, errors, strict=True)),
            ),
        ),
        x_label=found.unit,
        caption=f"{read}{of_all}",
    )


def _beeswarm(found: Attribution, columns: set[str], in_parts: set[str]) -> Figure:
    ranked = next((i for i in found.importance if i.method == "shap"), None)
    names = [ranked.columns[i] for i in _foremost(ranked, columns)] if ranked else list(found.summary[0].columns[:_TOP])
    places = [{name: i for i, name in enumerate(row.columns)} for row in found.summary]
    names = [name for name in names if any(name in place for place in places)]
    series = []
    for name in names:
        pairs = [(row, place[name]) for row, place in zip(found.summary, places, strict=True) if name in place]
        values = tuple(row.values[i] for row, i in pairs)
        color = () if name in in_parts else _ranks([row.shown[i] for row, i in pairs])
        series.append(Series(name, values, tuple(0.0 for _ in values), color=color))
    outputs = {row.output for row in found.summary}
    output = (f" of {outputs.pop()}" if len(outputs) == 1 else " of each row's class") if any(outputs) else ""
    return Figure(
        title="SHAP, row by row",
        chart="beeswarm",
        labels=tuple(names),
        series=tuple(series),
        x_label=f"attribution{output} ({found.summary[0].unit})",
        caption="One dot a row: right of zero the column raised the output, left it lowered it. "
        "Grey where values have no order.",
    )


def _ranks(shown: Sequence[str]) -> tuple[float, ...]:
    """Each value's rank in [0, 1] where the values are numbers or dates; NaN for others."""
    keys = [_number(text) for text in shown]
    known = sorted({key for key in keys if not math.isnan(key)})
    if sum(not math.isnan(key) for key in keys) < len(keys) / 2:
        return ()
    order = {key: rank / max(len(known) - 1, 1) for rank, key in enumerate(known)}
    return tuple(order.get(key, math.nan) for key in keys)


def _number(text: str) -> float:
    try:
        value = float(text.replace(",", "").replace("−", "-"))
    except ValueError:
        digits = text[:10].replace("-", "")
        return float(digits) if len(digits) == 8 and digits.isdecimal() and digits.isascii() else math.nan
    return value if math.isfinite(value) else math.nan


def _dependence(found: Dependence) -> Figure:
    beside, told = _shap_points(found)
    of = f" of {found.output}" if found.output else ""
    figure = Figure(
        title=f"Effect of {found.column}",
        chart="bars" if found.labels else "line",
        x_label=f"{found.unit}{of}" if found.labels else found.column,
        y_label="" if found.labels else f"{found.unit}{of}",
        from_zero=False,
        dates=found.scale == "date",
        beside=beside,
        beside_label=f"SHAP, {found.attribution_unit}" if found.attribution_unit else "SHAP value",
    )
    if not found.grid:
        return _shap_alone(figure, found, told)
    dots = f"; dots: SHAP values of single rows{told}" if beside else ""
    return replace(
        figure,
        labels=tuple(found.labels[int(i)] for i in found.grid) if found.labels else (),
        series=(Series("partial dependence", _positions(found), found.average),),
        caption=f"Average {found.unit or 'output'}{of} if every row had this value{dots}.",
    )


def _positions(found: Dependence) -> tuple[float, ...]:
    return tuple(float(i) for i in range(len(found.grid))) if found.labels else found.grid


def _shap_alone(figure: Figure, found: Dependence, told: str) -> Figure:
    """Where partial dependence is missing: single rows, and for categories their mean."""
    of = f" of {found.output}" if found.output else ""
    caption = f"SHAP values{of} of single rows{told}; there was no time for partial dependence."
    if not found.labels:
        points = tuple(replace(series, mark="points") for series in figure.beside)
        return replace(figure, series=points, beside=(), y_label=figure.beside_label, caption=caption)
    by_label: list[list[float]] = [[] for _ in found.labels]
    for place, attribution in zip(found.rows, found.attributions, strict=True):
        by_label[int(place)].append(attribution)
    seen = [i for i, values in enumerate(by_label) if values]
    places = {i: float(k) for k, i in enumerate(seen)}
    return replace(
        figure,
        labels=tuple(found.labels[i] for i in seen),
        series=(Series("mean", tuple(places.values()), tuple(fmean(by_label[i]) for i in seen)),),
        x_label=f"mean {figure.beside_label}",
        beside=(Series("SHAP", found.attributions, tuple(places[int(p)] for p in found.rows)),),
        caption=caption,
    )


def _shap_points(found: Dependence) -> tuple[tuple[Series, ...], str]:
    """SHAP values over the column's values; those far outside the grid would press the rest together."""
    finite = [p for p in zip(found.rows, found.attributions, strict=True) if all(map(math.isfinite, p))]
    if found.labels:
        place = {value: float(i) for i, value in enumerate(found.grid)}
        finite = [(attribution, place[value]) for value, attribution in finite if value in place]
        kept = finite
    else:
        room = (found.grid[-1] - found.grid[0]) * 0.1 if found.grid else 0.0
        low, high = (found.grid[0] - room, found.grid[-1] + room) if found.grid else (-math.inf, math.inf)
        kept = [p for p in finite if low <= p[0] <= high]
    told = f" ({len(finite) - len(kept)} beyond the axis not drawn)" if len(kept) < len(finite) else ""
    return (Series("SHAP", tuple(x for x, _ in kept), tuple(y for _, y in kept)),) * bool(kept), told


def _rows(found: Attribution, columns: set[str]) -> list[Block]:
    """Each chosen row: what was said and why it was chosen, SHAP, LIME, and whether they agree; then its parts."""
    blocks: list[Block] = []
    agreement = {each.row: each for each in found.agreement if not each.column}
    for number in dict.fromkeys([*(row.row for row in found.chosen), *(part.row for part in found.parts)]):
        rows = [row for row in found.chosen if row.row == number]
        blocks += [Text(_told(rows, agreement.get(number)))] if rows else []
        blocks += [_waterfall(row, columns) if row.method == "shap" else _lime(row, columns) for row in rows]
        blocks += part_blocks(found, number)
    return blocks


def _told(rows: Sequence[RowAttribution], agreement: Agreement | None) -> str:
    first = rows[0]
    note = f" ({first.note})" if first.note else ""
    output = f"{first.output} " if first.output else ""
    if first.probability is not None:
        said = f"Row {first.row}{note}: {output}with probability {format_share(first.probability)}."
    else:
        shap = next((r for r in rows if r.method == "shap"), first)
        said = f"Row {first.row}{note}: {output}{format_number(shap.prediction)}."
    return said + agreed(agreement, "columns") + weak_fit([r.fidelity for r in rows])


def _strongest(row: RowAttribution, columns: set[str]) -> list[int]:
    """The columns that did most, then what sums up several."""
    order = sorted((i for i in range(len(row.columns)) if row.values[i]), key=lambda i: -abs(row.values[i]))
    rest = [i for i in order if row.columns[i] not in columns]
    return [*[i for i in order if i not in rest][: _STEPS - len(rest)], *rest]


def _named(row: RowAttribution, index: int) -> str:
    return f"{row.columns[index]} = {row.shown[index]}" if row.shown[index] else row.columns[index]


def _waterfall(row: RowAttribution, columns: set[str]) -> Figure:
    order = _strongest(row, columns)
    labels, values = [_named(row, i) for i in order], [row.values[i] for i in order]
    last = row.base + sum(row.values)
    others = len(row.columns) - len(order)
    if others:
        labels.append(f"{others} other column{'s' if others > 1 else ''}")
        values.append(last - row.base - sum(values))
    of = f" of {row.output}" if row.output else ""
    return Figure(
        title=f"Row {row.row}: SHAP",
        chart="waterfall",
        labels=tuple(labels),
        series=(Series("shap", (row.base, last), tuple(values)),),
        x_label=f"{row.unit}{of}",
        caption=f"From the average, {format_number(row.base)}, to this row, {format_number(last)}, column by column.",
    )


def _lime(row: RowAttribution, columns: set[str]) -> Figure:
    order = _strongest(row, columns)
    fit = "" if row.fidelity is None else f" It fits with R² {row.fidelity:.2f}."
    return Figure(
        title=f"Row {row.row}: LIME",
        chart="bars",
        labels=tuple(_named(row, i) for i in order),
        series=(
            Series(
                "lime",
                tuple(float(i) for i in range(len(order))),
                tuple(row.values[i] for i in order),
                color=tuple(float(row.values[i] > 0) for i in order),
            ),
        ),
        x_label=f"local weight ({row.unit})",
        caption=f"The {counted(len(order), 'strongest weight')} of a linear model of rows like this one.{fit}",
    )
