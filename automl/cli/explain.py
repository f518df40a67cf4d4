"""`automl explain`: which columns matter, and why a row got its prediction."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Group, RenderableType
from rich.table import Table as Grid
from rich.text import Text

from automl.attribution import Attribution, GlobalImportance, RowAttribution
from automl.cli.parameters import ModelFile, command, model_path
from automl.cli.speech import Speech
from automl.errors import UsageError
from automl.formats.terminal import facts, listing
from automl.settings import Given
from automl.typography import bar, format_number, format_score, printable, quoted

Rows = Annotated[
    str | None, typer.Argument(metavar="[DATA]", help="Rows to explain; without it, what the run explained.")
]
_MOST_COLUMNS = 10


def explain(model: ModelFile, data: Rows = None, *, given: Given) -> None:
    """SHAP and LIME of the model that ships: which columns matter overall, and why single rows got their predictions.

    Without DATA, what the run that made the model has explained is shown. Permutation importance needs the target
    column in DATA.
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
    known = sorted({each.row for each in found.chosen})
    missing = sorted(set(rows) - set(known))
    if missing:
        raise UsageError(
            f"the run did not explain row {missing[0]} singly",
            f"it explained: {', '.join(map(str, known)) or 'none'}",
            f"try:    automl explain {path} DATA --rows {','.join(map(str, rows))}",
        )
    kept = tuple(each for each in found.chosen if not rows or each.row in rows)
    return msgspec.structs.replace(found, chosen=kept)


def _explained(path: Path, data: str, rows: tuple[int, ...], seconds: float) -> Attribution:
    from automl.bundle import load_model
    from automl.encoder import encode_target
    from automl.explain import explain_model
    from automl.explaining import explain_request
    from automl.read import read

    predictor, table = load_model(path), read(data).table
    has_target = predictor.task.target in table.names
    y = encode_target(table, predictor.profile, predictor.task) if has_target else None
    request = explain_request(predictor, table, y, rows, seconds, predictor.task.seed)
    return explain_model(predictor, request)


def attribution_view(found: Attribution) -> RenderableType:
    """Importance as bars, then each chosen row with SHAP beside LIME."""
    parts: list[RenderableType] = []
    for importance in found.importance:
        parts += [_importance(importance), Text()]
    by_lime = {(each.row, each.output): each for each in found.chosen if each.method == "lime"}
    agreed = {each.row: each for each in found.agreement}
    for each in found.chosen:
        if each.method == "shap":
            parts += [_head(each), _row_table(each, by_lime.get((each.row, each.output)))]
            if each.row in agreed:
                correlation = agreed[each.row].correlation
                parts.append(
                    Text(f"SHAP and LIME rank the columns alike to {correlation:.2f} (1 is the same)", style="dim")
                )
            parts.append(Text())
    parts += [Text(printable(sentence), style="dim") for sentence in found.skipped]
    return Group(*parts)


def _importance(importance: GlobalImportance) -> RenderableType:
    what = {
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


def _head(row: RowAttribution) -> RenderableType:
    if row.unit == "probability":
        text = f"{quoted(row.output)}: probability {row.prediction:.3f}, {row.base:.3f} on average"
    else:
        probability = f", probability {row.probability:.3f}" if row.probability is not None else ""
        output = f"{quoted(row.output)}{probability}: " if row.output else ""
        text = f"{output}{format_number(row.prediction)} ({printable(row.unit)}), {format_number(row.base)} on average"
    note = f"   {printable(row.note)}" if row.note else ""
    return facts([(f"Row {row.row}", Text(text + note))])


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
