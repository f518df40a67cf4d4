"""D010-D015, D019: columns that carry nothing, the same again, or too many different values."""

from __future__ import annotations

from shlex import quote

from automl.checks.context import Context, listed, percent
from automl.profile import ColumnProfile, Finding

_MANY_LEVELS = 50
_MOSTLY = 0.5


def all_missing(context: Context) -> list[Finding]:
    """D010: columns without a value."""
    return _about(
        [c for c in context.columns if c.kind == "constant" and c.n_unique == 0],
        "D010",
        "columns without values",
        "every value is missing in {}",
    )


def constant(context: Context) -> list[Finding]:
    """D011: columns with one value in every row."""
    return _about(
        [c for c in context.columns if c.kind == "constant" and c.n_unique > 0],
        "D011",
        "constant columns",
        "one value in every row in {}",
    )


def repeated_columns(context: Context) -> list[Finding]:
    """D012: columns that repeat another one value by value."""
    if not context.twins:
        return []
    pairs = [f"{name!r} repeats {first!r}" for name, first in list(context.twins.items())[:5]]
    more = f" and {len(context.twins) - 5} more" if len(context.twins) > 5 else ""
    return [
        Finding(
            code="D012",
            title="repeated columns",
            severity="info",
            columns=tuple(context.twins),
            evidence="; ".join(pairs) + more,
            action="left out",
        )
    ]


def id_like(context: Context) -> list[Finding]:
    """D014: columns that number or name the rows."""
    return [
        Finding(
            code="D014",
            title=f"{c.name!r} looks like an id",
            severity="info",
            columns=(c.name,),
            evidence=c.evidence,
            advice=f"--type {quote(c.name)}=number (or category) keeps it",
            action="left out",
        )
        for c in context.columns
        if c.kind == "id" and c.role == "left_out" and c.evidence != "as told"
    ]


def high_cardinality(context: Context) -> list[Finding]:
    """D015: categories of which many occur in a few rows only (more than 50, fewer than 20 rows each on average)."""
    n = context.sample.n_rows
    return [
        Finding(
            code="D015",
            title=f"{c.name!r} has many categories",
            severity="info",
            columns=(c.name,),
            evidence=f"{c.n_unique:,} categories in {n:,} rows",
            advice=f"--type {quote(c.name)}=text if words matter, --drop {quote(c.name)} if new data brings new ones",
        )
        for c in context.features
        if c.kind in ("category", "integer_code") and c.n_unique > _MANY_LEVELS and c.n_unique * 20 > n
    ]


def mostly_missing(context: Context) -> list[Finding]:
    """D019: columns with more than half of their values missing."""
    n = context.full.n_rows
    columns = [c for c in context.features if c.n_missing > _MOSTLY * n]
    if not columns:
        return []
    shares = ", ".join(f"{c.name!r} {percent(c.n_missing, n)}" for c in columns[:5])
    more = f" and {len(columns) - 5} more" if len(columns) > 5 else ""
    return [
        Finding(
            code="D019",
            title="mostly missing",
            severity="info",
            columns=tuple(c.name for c in columns),
            evidence=f"missing in {shares}{more}",
            advice="kept: that a value is missing may tell something; --drop leaves a column out",
        )
    ]


def _about(columns: list[ColumnProfile], code: str, title: str, evidence: str) -> list[Finding]:
    if not columns:
        return []
    names = tuple(c.name for c in columns)
    left_out = "left out" if all(c.role == "left_out" for c in columns) else ""
    shown = evidence.format(listed(names))
    return [Finding(code=code, title=title, severity="info", columns=names, evidence=shown, action=left_out)]
