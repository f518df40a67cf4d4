"""What a person sees of a result in a terminal, in 80 columns: on one screen, or the whole report.

Everything that comes from the data goes through `printable` into `rich.text.Text`, never through markup.
"""

from __future__ import annotations

import io
import shlex
from collections import Counter
from collections.abc import Sequence
from typing import Literal

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text as Words

from automl.attribution import GlobalImportance
from automl.formats._numbers import signed, strongest
from automl.formats._parts import strength_of
from automl.outcome import Estimate, Outcome
from automl.quantities import format_seconds
from automl.report import Block, Figure, Marked, Notice, Overlay, Report, TableBlock, Text
from automl.typography import (
    bar,
    format_number,
    format_score,
    printable,
    quoted,
    sparkline,
)
from automl.words import more_would_bring

SEVERITY = {"danger": ("!! ", "bold red"), "warning": ("!  ", "yellow"), "info": ("·  ", "dim")}
_MOST_PARTS = 8


def facts(rows: Sequence[tuple[str, RenderableType]]) -> Table:
    """Labels on the left, text that wraps on the right."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="bold", no_wrap=True, min_width=10)
    grid.add_column(overflow="fold")
    for label, text in rows:
        grid.add_row(Words(label), text)
    return grid


def listing(head: Sequence[str], *, numeric: Sequence[int] = (), wide: int | None = None, wrap: bool = False) -> Table:
    """An empty table in the style of every table here.

    Args:
        head: Titles of the columns.
        numeric: Columns that stand right.
        wide: The column that takes the room that is left.
        wrap: Whether the text of every column may go on in a further line.
    """
    expand = wide is not None
    table = Table(
        box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold", padding=(0, 1), expand=expand
    )
    for index, title in enumerate(head):
        justify: Literal["right", "left"] = "right" if index in numeric else "left"
        is_wide = index == wide
        table.add_column(
            title,
            justify=justify,
            overflow="fold" if is_wide or wrap else "ellipsis",
            no_wrap=not (is_wide or (wrap and index not in numeric)),
            ratio=1 if is_wide else None,
            min_width=None if is_wide else len(title),
        )
    return table


def outcome_view(outcome: Outcome) -> RenderableType:
    """The result on one screen: how good, what model, what matters, what next."""
    score, baselines = outcome.score, outcome.baselines
    value = format_score(score.value, score.error)
    rows: list[tuple[str, RenderableType]] = []
    line = Words(f"{value}   {interval_words(score)}", style="default")
    line.stylize("bold green", 0, len(value))
    if baselines:
        told = ", ".join(f"{printable(title)} {format_score(e.value, score.error)}" for title, e in baselines)
        line.append(f"\n{told}", style="dim")
    rows.append((score.metric, line))
    rows += [("test file", Words(f"{format_score(e.value, e.error)}   {interval_words(e)}")) for e in outcome.test[:1]]
    rows.append(("model", _model_words(outcome)))
    importance = next(iter(outcome.attribution.importance), None) if outcome.attribution else None
    if importance is not None and importance.columns:
        rows.append(("matters", importance_words(importance)))
    more = more_would_bring(outcome.forecast, score)
    if more:
        rows.append(("more", Words(more)))
    rows += [
        ("needs", Words(f"{r.name} in the local cache wherever it predicts ({r.download})")) for r in outcome.pretrained
    ]
    rows += [("skipped", Words(printable(sentence), style="yellow")) for sentence in outcome.skipped[:3]]
    done = Words(f"done in {format_seconds(outcome.seconds)}", style="bold")
    done.append(f" ({printable(outcome.stopped)})" if outcome.stopped else "", style="default")
    return Group(done, Words(), facts(rows), Words(), _next_commands(outcome))


def _next_commands(outcome: Outcome) -> Words:
    folder = shlex.quote(printable(outcome.folder))
    proba = " --proba" if outcome.plan.task.is_classification else ""
    lines = (
        f"{printable(outcome.folder)}/report.html      open it",
        f"automl predict {folder} new.csv{proba} -o scored.csv",
        f"automl explain {folder} new.csv --rows 0",
    )
    return Words("\n".join(lines), no_wrap=True, overflow="fold")


def _model_words(outcome: Outcome) -> Words:
    weights = Counter[str]()
    for member in outcome.members:
        weights[member.family] += member.weight  # type: ignore[assignment]  # Counter adds floats as well
    counts = Counter(member.family for member in outcome.members)
    parts = [
        f"{family} {weight:.2f}".replace(" 0.", " .") + (f" ({counts[family]} models)" if counts[family] > 1 else "")
        for family, weight in weights.most_common()
    ]
    text = Words(f"blend: {', '.join(parts)}" if len(outcome.members) > 1 else outcome.members[0].family)
    return text.append(f"\n{printable(outcome.verdict.sentence)}") if outcome.verdict.sentence else text


def importance_words(importance: GlobalImportance, n_columns: int = 4, width: int = 12) -> Words:
    """The first columns as bars."""
    told = list(zip(importance.columns, importance.values, strict=True))[:n_columns]
    top = max((abs(value) for _, value in told), default=0.0) or 1.0
    text = Words()
    for name, value in told:
        if value > 0:
            text.append(quoted(name, 24) + " ").append(bar(value / top, width) + "  ", style="cyan")
    return text


def interval_words(estimate: Estimate) -> str:
    """90 % interval 0.838–0.861."""
    low, high = (format_score(value, estimate.error) for value in (estimate.low, estimate.high))
    return f"{estimate.level:.0%} interval {low}–{high} for new data".replace("%", " %")


def evaluation_view(estimates: Sequence[Estimate]) -> RenderableType:
    """Metrics of labelled data."""
    level = f"{estimates[0].level * 100:.0f} % interval" if estimates else "interval"
    table = listing(("metric", "value", level, "rows"), numeric=(1, 2, 3))
    for estimate in estimates:
        low, high = (format_score(value, estimate.error) for value in (estimate.low, estimate.high))
        value = format_score(estimate.value, estimate.error)
        table.add_row(estimate.metric, value, f"{low}–{high}", f"{estimate.n_rows:,}")
    return table


def render(report: Report) -> str:
    """A report as plain text of 100 columns; figures become sparklines and bars."""
    console = Console(file=io.StringIO(), width=100, no_color=True, markup=False, emoji=False, highlight=False)
    console.print(Words(printable(report.title), style="bold"))
    console.print(Words(printable(report.subtitle)))
    console.print(facts([(printable(name), Words(printable(value))) for name, value in report.facts]))
    for section in report.sections:
        console.print(Words(f"\n{printable(section.title)}\n{'─' * len(section.title)}", style="bold"))
        for block in section.blocks:
            console.print(_block(block))
    assert isinstance(console.file, io.StringIO)
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines()) + "\n"


def _block(block: Block) -> RenderableType:
    if isinstance(block, Text):
        indent = "    " if block.style == "code" else ""
        return Words("\n".join(indent + printable(line) for line in block.text.splitlines()) + "\n")
    if isinstance(block, Notice):
        mark, style = SEVERITY[block.severity]
        return Words(mark, style=style).append(f"{printable(block.title)}: {printable(block.text)}", style="default")
    if isinstance(block, TableBlock):
        numeric = [index for index, right in enumerate(block.numeric) if right]
        table = listing([printable(cell) for cell in block.head], numeric=numeric, wrap=True)
        for row in block.rows:
            table.add_row(*(Words(printable(cell)) for cell in row))
        return Group(Words(printable(block.title), style="bold"), table, Words())
    return _figure(block) if isinstance(block, Figure) else _parts(block)


def marked_words(pieces: Sequence[str], weights: Sequence[float]) -> Words:
    """A text whose pieces are coloured by what they raise (green) or lower (red), the stronger the bolder."""
    text = Words(overflow="fold")
    for piece, weight in zip(pieces, weights, strict=False):
        style = "green" if weight > 0 else "red"
        styles = ("", "", style, style, f"bold {style}", f"bold reverse {style}")
        shown = "\n".join(printable(line.replace("\t", " ")) for line in piece.split("\n"))
        text.append(shown, style=styles[strength_of(weight, weights)])
    return text


def _parts(block: Marked | Overlay) -> RenderableType:
    title = Words(printable(block.title), style="bold").append(f"  {printable(block.caption)}", style="default")
    pairs = strongest(block)[:_MOST_PARTS]
    top = abs(pairs[0][1]) if pairs else 1.0
    bars = [(quoted(name, 24), Words(f"{bar(abs(value) / top, 30)} {signed(value)}")) for name, value in pairs]
    shown = marked_words(block.pieces, block.weights) if isinstance(block, Marked) else Words("(drawn in html)", "dim")
    return Group(title, shown, facts(bars), Words())


def _figure(figure: Figure) -> RenderableType:
    rows: list[tuple[str, RenderableType]] = []
    if figure.chart in ("bars", "waterfall") and figure.series:
        values = figure.series[0].y
        top = max((abs(value) for value in values), default=0.0) or 1.0
        for label, value in zip(figure.labels, values, strict=False):
            rows.append((quoted(label, 24), Words(f"{bar(abs(value) / top, 30)} {format_number(value)}")))
    elif figure.chart in ("line", "histogram"):
        rows = [(printable(s.name or figure.y_label, 24), Words(sparkline(s.y, 60))) for s in figure.series if s.y]
    title = Words(printable(figure.title), style="bold").append(f"  {printable(figure.caption)}", style="default")
    return (
        Group(title, facts(rows), Words()) if rows else Group(title, Words("(drawn in the html report)", style="dim"))
    )
