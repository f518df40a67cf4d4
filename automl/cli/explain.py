"""`automl explain`: which columns and words matter, and why a row got its prediction."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Group, RenderableType
from rich.table import Table as Grid
from rich.text import Text

from automl.attribution import Attribution, GlobalImportance, PartAttribution, RowAttribution
from automl.cli.parameters import ModelFile, command, model_path
from automl.cli.speech import Speech
from automl.errors import UsageError
from automl.formats.terminal import facts, listing, marked_words
from automl.settings import Given
from automl.typography import bar, format_number, format_score, printable, quoted

Rows = Annotated[
    str | None, typer.Argument(metavar="[DATA]", help="Rows to explain; without it, what the run explained.")
]
_MOST_COLUMNS = 10
_PARTS = {"text": "words", "image": "patches", "audio": "sound"}


def explain(model: ModelFile, data: Rows = None, *, given: Given) -> None:
    """SHAP and LIME of the model that ships: which columns matter overall, and why single rows got their predictions.

    Of texts, images and sounds the words and patches are told too. Without DATA, what the run that made the model has
    explained is shown. Permutation importance needs the target column in DATA.
    """
    speech = Speech.of(given)
    path = model_path(model)
    rows, seconds = given.values["rows"], given.values["explain_limit"]
    found = _stored(path, rows) if data is None else _explained(path, data, rows, seconds)
    speech.answer(found, attribution_view(found))


def _stored(path: Path, rows: tuple[int, ...]) -> Attribution:
    stored = path.with_name("attribution.json")
    if not stored.exists():
        raise UsageError(f"{path} has no explanations beside it", f"try:    automl explain {path} DATA")
    found = msgspec.json.decode(stored.read_bytes(), type=Attribution)
    known = sorted(_rows(found))
    missing = sorted(set(rows) - set(known))
    if missing:
        raise UsageError(
            f"the run did not explain row {missing[0]} singly",
            f"it explained: {', '.join(map(str, known)) or 'none'}",
            f"try:    automl explain {path} DATA --rows {','.join(map(str, rows))}",
        )
    chosen = tuple(each for each in found.chosen if not rows or each.row in rows)
    parts = tuple(each for each in found.parts if not rows or each.row in rows)
    return msgspec.structs.replace(found, chosen=chosen, parts=parts)


def _explained(path: Path, data: str, rows: tuple[int, ...], seconds: float) -> Attribution:
    from automl.bundle import load_model
    from automl.encoder import encode_target
    from automl.explain import explain_model
    from automl.explaining import explain_request
    from automl.read import read

    predictor = load_model(path)
    table = predictor.prepare(read(data).table)
    has_target = predictor.task.target in table.names
    y = encode_target(table, predictor.profile, predictor.task) if has_target else None
    request = explain_request(predictor, table, y, rows, seconds, predictor.task.seed)
    return explain_model(predictor, request)


def attribution_view(found: Attribution) -> RenderableType:
    """Importance as bars, then each chosen row, and each text and picture in it, with SHAP beside LIME."""
    views: list[RenderableType] = []
    for importance in found.importance:
        views += [_importance(importance), Text()]
    agreed = {(each.row, each.column): each.correlation for each in found.agreement}
    for row in _rows(found):
        views += _row_views([each for each in found.chosen if each.row == row], agreed.get((row, "")))
        parts = [each for each in found.parts if each.row == row]
        for column in dict.fromkeys(each.column for each in parts):
            views += _part_views([each for each in parts if each.column == column], agreed.get((row, column)))
    views += [Text(printable(sentence), style="dim") for sentence in found.skipped]
    return Group(*views)


def _rows(found: Attribution) -> list[int]:
    """Rows that are explained singly."""
    return list(dict.fromkeys([*(each.row for each in found.chosen), *(each.row for each in found.parts)]))


def _row_views(told: list[RowAttribution], correlation: float | None) -> list[RenderableType]:
    by_shap = next((each for each in told if each.method == "shap"), None)
    if by_shap is None:
        return []
    by_lime = next((each for each in told if each.method == "lime"), None)
    return [_head(by_shap), _row_table(by_shap, by_lime), *_agreed(correlation, "columns"), Text()]


def _agreed(correlation: float | None, over: str) -> list[RenderableType]:
    if correlation is None:
        return []
    return [Text(f"SHAP and LIME rank the {over} alike to {correlation:.2f} (1 is the same)", style="dim")]


def _importance(importance: GlobalImportance) -> RenderableType:
    words = f"words of {quoted(importance.words_of)}, " if importance.words_of else ""
    what = words + {
        "shap": f"mean |SHAP value| in {printable(importance.unit)}",
        "permutation": f"{printable(importance.unit)} lost when the column is shuffled",
    }.get(importance.method, importance.method)
    top = max((abs(value) for value in importance.values), default=0.0) or 1.0
    grid = Grid.grid(padding=(0, 2, 0, 0))
    told = [each for each in zip(importance.columns, importance.values, importance.errors, strict=True) if each[1] > 0]
    for name, value, error in told[:_MOST_COLUMNS]:
        shown = format_score(value, error) + (f" ± {error:.2g}" if error > 0 else "")
        grid.add_row("  " + quoted(name, 28), Text(f"{bar(value / top, 24):<24}", style="cyan"), shown)
    rest = len(importance.columns) - min(len(told), _MOST_COLUMNS)
    if rest:
        less = "less" if len(told) > _MOST_COLUMNS else "nothing"
        grid.add_row(Text(f"  {rest} more: {less}", style="dim"))
    return Group(Text(f"What matters: {what}, {importance.n_rows:,} rows", style="bold"), grid)


def _part_views(told: list[PartAttribution], correlation: float | None) -> list[RenderableType]:
    """A text with its words coloured; then the strongest words or patches, SHAP beside LIME."""
    first = told[0]
    what, over = ("word", "words") if first.kind == "text" else ("patch", "patches")
    by_method = {each.method: each.values for each in told}
    top = max((abs(value) for value in first.values), default=0.0) or 1.0
    table = listing((what, "SHAP", "", "LIME"), numeric=(1, 3))
    for i in sorted(range(len(first.values)), key=lambda i: -abs(first.values[i]))[:_MOST_COLUMNS]:
        by_shap, by_lime = (f"{by_method[m][i]:+.3g}" if m in by_method else "–" for m in ("shap", "lime"))
        size = Text(bar(abs(first.values[i]) / top, 12), style="green" if first.values[i] > 0 else "red")
        table.add_row(Text(quoted(" ".join(first.names[i].split()))), by_shap, size, by_lime)
    text = [marked_words(first.pieces, first.weights), Text()] if first.kind == "text" else []
    return [_head(first), *text, table, *_agreed(correlation, over), Text()]


def _head(row: RowAttribution | PartAttribution) -> RenderableType:
    usual = f"without its {_PARTS[row.kind]}" if isinstance(row, PartAttribution) else "on average"
    if row.unit == "probability":
        text = f"{quoted(row.output)}: probability {row.prediction:.3f}, {row.base:.3f} {usual}"
    else:
        probability = f", probability {row.probability:.3f}" if row.probability is not None else ""
        output = f"{quoted(row.output)}{probability}: " if row.output else ""
        text = f"{output}{format_number(row.prediction)} ({printable(row.unit)}), {format_number(row.base)} {usual}"
    note = f"   {printable(row.note)}" if row.note else ""
    column = f"{quoted(row.column)}: " if isinstance(row, PartAttribution) else ""
    return facts([(f"Row {row.row}", Text(column + text + note))])


def _row_table(row: RowAttribution, lime: RowAttribution | None) -> RenderableType:
    theirs = dict(zip(lime.columns, lime.values, strict=True)) if lime is not None else {}
    entries = sorted(zip(row.columns, row.values, row.shown, strict=True), key=lambda entry: -abs(entry[1]))
    top = max((abs(value) for value in row.values), default=0.0) or 1.0
    table = listing(("column", "value", "SHAP", "", "LIME"), numeric=(2, 4))
    for name, value, shown in entries[:_MOST_COLUMNS]:
        color = "green" if value > 0 else "red"
        other = f"{theirs[name]:+.3g}" if name in theirs else "–"
        table.add_row(
            Text(quoted(name, 24)),
            Text(printable(shown, 16)),
            f"{value:+.3g}",
            Text(bar(abs(value) / top, 12), style=color),
            other,
        )
    return table


COMMAND = command("explain", explain)
