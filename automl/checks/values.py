"""D016-D018, D031-D034: values that are not written as what they are."""

from __future__ import annotations

from shlex import quote

from automl.checks.context import Context, listed, percent
from automl.profile import ColumnProfile, Finding, NumberFormat

_NUMBER = r"^[-+]?\d+(?:[.,]\d+)*$"
_HUGE = 32_768  # bytes


def mixed_types(context: Context) -> list[Finding]:
    """D016: numbers and words in one column of categories or text (5 % of each or more)."""
    found = []
    for c in context.features:
        if c.storage != "string" or c.kind not in ("category", "text") or c.n_unique < 5:
            continue
        share = context.small_columns[c.name].without(c.missing_tokens).share_matching(_NUMBER)
        if 0.05 <= share <= 0.95:
            found.append(
                Finding(
                    code="D016",
                    title=f"{c.name!r} mixes numbers and words",
                    severity="warning",
                    columns=(c.name,),
                    evidence=f"{100 * share:.0f} % of the values are numbers",
                    advice=f"read as {c.kind}; --type {quote(c.name)}=number reads the words as missing",
                )
            )
    return found


def numbers_as_text(context: Context) -> list[Finding]:
    """D017: numbers with signs, units or words between them, which the file keeps as text."""
    return [
        Finding(
            code="D017",
            title=f"{c.name!r} is numbers kept as text",
            severity="info",
            columns=(c.name,),
            evidence=_how(c),
            advice=f"--type {quote(c.name)}=category keeps the text",
            action="read as numbers",
        )
        for c in context.columns
        if c.number_format is not None
        and c.evidence != "as told"
        and (c.number_format != NumberFormat() or not c.missing_tokens)
    ]


def dates_as_text(context: Context) -> list[Finding]:
    """D018: dates that the file keeps as text."""
    return [
        Finding(
            code="D018",
            title=f"{c.name!r} is dates kept as text",
            severity="warning" if "ambiguous" in c.evidence else "info",
            columns=(c.name,),
            evidence=c.evidence,
            advice="if day and month are swapped, write the dates as 2018-01-31" if "ambiguous" in c.evidence else "",
            action="read as dates",
        )
        for c in context.columns
        if c.kind == "datetime" and c.storage == "string"
    ]


def disguised_missing(context: Context) -> list[Finding]:
    """D031: words such as ? and N/A that stand for missing."""
    columns = {column.name: column for column in context.full.columns()}
    found = []
    for c in context.columns:
        if not c.missing_tokens:
            continue
        column = columns[c.name]
        n = int(column.without(c.missing_tokens).missing.sum()) - int(column.missing.sum())
        shown = ", ".join("blank" if token == "" else repr(token[:30]) for token in c.missing_tokens[:5])
        found.append(
            Finding(
                code="D031",
                title=f"missing values in disguise in {c.name!r}",
                severity="info",
                columns=(c.name,),
                evidence=f"{shown}: {n:,} of {context.full.n_rows:,} rows ({percent(n, context.full.n_rows)})",
                action="read as missing",
            )
        )
    return found


def sentinel_numbers(context: Context) -> list[Finding]:
    """D032: numbers such as -999 that stand for missing."""
    found = []
    for c in context.columns:
        if not c.missing_numbers:
            continue
        n = c.n_missing
        shown = ", ".join(f"{number:g}" for number in c.missing_numbers)
        rest = f", all others from {c.numbers.minimum:g} to {c.numbers.maximum:g}" if c.numbers else ""
        found.append(
            Finding(
                code="D032",
                title=f"{shown} in {c.name!r} looks like missing",
                severity="warning",
                columns=(c.name,),
                evidence=f"{n:,} values missing with it ({percent(n, context.full.n_rows)}){rest}",
                advice=f"--type {quote(c.name)}=number keeps it as a number",
                action="read as missing",
            )
        )
    return found


def infinities(context: Context) -> list[Finding]:
    """D033: values that are infinite."""
    counts = {}
    for column in context.full.columns():
        if column.storage == "number" and not column.is_whole and (n := int(column.series.is_infinite().sum())):
            counts[column.name] = n
    if not counts:
        return []
    return [
        Finding(
            code="D033",
            title="infinite values",
            severity="warning",
            columns=tuple(counts),
            evidence=f"{sum(counts.values()):,} in {listed(list(counts))}",
            advice="most come from a division by zero; mend them where they arise",
            action="read as missing",
        )
    ]


def huge_cells(context: Context) -> list[Finding]:
    """D034: texts of more than 32 kB in one cell."""
    columns = {column.name: column for column in context.full.columns()}
    longest = {}
    for c in context.columns:
        # a column smaller than that holds no such cell
        if c.storage == "string" and columns[c.name].series.estimated_size() > _HUGE:
            size = columns[c.name].as_text().str.len_bytes().max()
            if isinstance(size, int) and size > _HUGE:
                longest[c.name] = size
    if not longest:
        return []
    sizes = ", ".join(f"{name!r} {size / 1e6:.2g} MB" for name, size in list(longest.items())[:5])
    return [
        Finding(
            code="D034",
            title="huge cells",
            severity="warning",
            columns=tuple(longest),
            evidence=f"longest cell: {sizes}",
            advice="often a quote that was never closed; look at the file there",
        )
    ]


def _how(column: ColumnProfile) -> str:
    how = column.number_format
    marks = []
    if how is not None:
        marks += [f"{how.thousands!r} between thousands"] if how.thousands else []
        marks += [f"{how.decimal!r} before decimals"] if how.decimal != "." else []
        marks += [f"{how.strip!r} around them"] if how.strip else []
        marks += ["k, M, B for thousands, millions, billions"] if how.suffixes else []
    if column.missing_tokens:
        marks.append(f"and words: {', '.join(repr(token[:30]) for token in column.missing_tokens[:3])}")
    return ", ".join(marks) or "plain numbers, but the file says text"
