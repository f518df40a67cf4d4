"""What is in the data: the target, findings with the gravest first, then every column."""

from __future__ import annotations

from automl.outcome import Outcome
from automl.profile import ColumnProfile, Finding, Numbers
from automl.quantities import format_bytes
from automl.report import Block, Figure, Notice, Section, Series, TableBlock, Text
from automl.typography import counted, format_number, format_share, histogram, quoted
from automl.words import extent_words, sentence

_MAX_COLUMNS = 200
_MAX_CLASSES = 20
_GRAVITY = {"danger": 0, "warning": 1, "info": 2}


def section(outcome: Outcome) -> Section:
    """The data and what was found in them."""
    profile = outcome.profile
    blocks: list[Block] = [Text(_what(outcome))]
    gravest_first = sorted(profile.findings, key=lambda f: _GRAVITY[f.severity])
    blocks += [Notice(f"{f.title} ({f.code})", _finding(f), f.severity) for f in gravest_first]
    if not profile.findings:
        blocks.append(Text("No check on the data found anything worth a warning.", "note"))
    blocks += _target(outcome)
    shown = profile.columns[:_MAX_COLUMNS]
    more = f" (the first {_MAX_COLUMNS} of {len(profile.columns):,})" if len(profile.columns) > _MAX_COLUMNS else ""
    head = ("column", "kind", "role", "missing", "distinct", "values")
    rows = tuple(_row(c, profile.n_rows_profiled) for c in shown)
    blocks.append(TableBlock(f"Columns{more}", head, rows, (False, False, False, True, True, False)))
    return Section("The data", "data", tuple(blocks))


def _what(outcome: Outcome) -> str:
    profile = outcome.profile
    parts = [
        f"{profile.source} has {counted(profile.n_rows, 'row')} and {counted(len(profile.columns), 'column')}, "
        f"{format_bytes(profile.memory_bytes)} in memory."
    ]
    if profile.n_rows_profiled < profile.n_rows:
        parts.append(f"Columns were profiled on {counted(profile.n_rows_profiled, 'row')}.")
    if profile.n_rows_without_target:
        parts.append(f"{counted(profile.n_rows_without_target, 'row')} without a target were left out.")
    if outcome.plan.task.evidence:
        parts.append(f"Read as {outcome.plan.task.kind}: {outcome.plan.task.evidence}.")
    return " ".join(parts)


def _finding(finding: Finding) -> str:
    done = f"done: {finding.action}" if finding.action else ""
    return " ".join(sentence(part) for part in (finding.evidence, done, finding.advice) if part)


def _target(outcome: Outcome) -> list[Block]:
    """How the target is spread."""
    task = outcome.plan.task
    column = next((c for c in outcome.profile.columns if c.name == task.target), None)
    if column is None:
        return []
    if not task.is_classification:
        return [_spread(column.name, column.numbers)] if column.numbers and column.numbers.counts else []
    top = column.top[:_MAX_CLASSES]
    if not top:
        return []
    some = f" The {len(top)} most frequent of {len(task.classes):,} classes." if len(top) < len(task.classes) else ""
    present = max(1, outcome.profile.n_rows_profiled - column.n_missing)
    least = min(n for _, n in top)
    counts = Series("rows", tuple(float(i) for i in range(len(top))), tuple(float(n) for _, n in top))
    return [
        Figure(
            title=f"Classes of {task.target}",
            chart="bars",
            labels=tuple(f"{name} ({format_share(n / present)})" for name, n in top),
            series=(counts,),
            x_label="rows",
            caption=f"The rarest shown has {counted(least, 'row')}.{some}",
        )
    ]


def _spread(name: str, numbers: Numbers) -> Figure:
    middles = tuple((a + b) / 2 for a, b in zip(numbers.edges, numbers.edges[1:], strict=False))
    half = f"{format_number(numbers.quantiles[2])} and {format_number(numbers.quantiles[4])}"
    return Figure(
        title=f"Spread of {name}",
        chart="histogram",
        series=(Series("rows", middles, tuple(float(n) for n in numbers.counts)),),
        x_label=name,
        y_label="rows",
        caption=f"Half of all values lie between {half}, the mean is {format_number(numbers.mean)}.",
    )


def _row(column: ColumnProfile, n_rows: int) -> tuple[str, ...]:
    missing = format_share(column.n_missing / n_rows) if column.n_missing and n_rows else ""
    role = "" if column.role == "feature" else column.role.replace("_", " ")
    return (
        quoted(column.name, 120),
        column.kind.replace("_", " "),
        role,
        missing,
        f"{column.n_unique:,}",
        _values(column),
    )


def _values(column: ColumnProfile) -> str:
    numbers = column.numbers
    if numbers is not None and column.kind in ("number", "integer_code"):
        middle = numbers.quantiles[3] if len(numbers.quantiles) == 7 else numbers.mean
        ends = " … ".join(format_number(v) for v in (numbers.minimum, middle, numbers.maximum))
        return f"{histogram(numbers.counts, 10)} {ends}"
    return extent_words(column) or ", ".join(text if len(text) <= 24 else f"{text[:23]}…" for text, _ in column.top[:4])
