"""What the terminal shows of the data and of the decision, before anything is learned.

Everything that comes from the data goes through `printable` into `rich.text.Text`, never through markup.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text as Words

from automl.formats.terminal import SEVERITY, facts, listing
from automl.plan import Plan, Validation
from automl.profile import ColumnProfile, Finding, Profile
from automl.quantities import format_bytes, format_seconds
from automl.task import Task
from automl.typography import counted, format_number, format_share, histogram, listed, printable, quoted
from automl.words import extent_words, scheme

_KINDS = {
    "number": ("number", "numbers"),
    "integer_code": ("code", "codes"),
    "category": ("category", "categories"),
    "ordinal": ("ordinal", "ordinals"),
    "boolean": ("boolean", "booleans"),
    "datetime": ("date", "dates"),
    "text": ("text", "texts"),
    "image": ("image", "images"),
    "audio": ("sound", "sounds"),
    "id": ("id", "ids"),
    "constant": ("constant", "constants"),
    "path": ("path", "paths"),
}
_RANK = {"danger": 0, "warning": 1, "info": 2}


def data_line(profile: Profile) -> tuple[str, Words]:
    """File, size and what its columns are."""
    size = f"{counted(profile.n_rows, 'row')} × {counted(len(profile.columns), 'column')}"
    sampled = profile.n_rows_profiled < profile.n_rows
    note = f" ({counted(profile.n_rows_profiled, 'row')} looked at)" if sampled else ""
    line = f"{size}, {format_bytes(profile.memory_bytes)}{note}   {_what(profile)}"
    return printable(profile.source.rpartition("/")[2], 30), Words(line)


def _what(profile: Profile) -> str:
    """What is learned from: images, sounds or texts and how large they are, or the kinds of columns of a table."""
    features = profile.features
    if profile.modality in ("image", "audio", "text") and len(features) == 1 and extent_words(features[0]):
        return f"{_KINDS[features[0].kind][1]} of {extent_words(features[0])}"
    kinds = Counter(column.kind for column in profile.columns if column.role != "target")
    return "table: " + ", ".join(counted(n, *_KINDS[kind]) for kind, n in kinds.most_common())


def target_line(task: Task, *, guessed: bool) -> tuple[str, Words]:
    """What is learned, and why that."""
    text = Words(quoted(task.target), style="bold")
    text.append(f"  ->  {task.kind}, scored by {task.metric}", style="not bold")
    if guessed:
        text.append("     --target to change", style="not bold dim")
    if task.evidence:
        text.append(f"\n{printable(task.evidence)}", style="not bold dim")
    return "target", text


def finding_words(finding: Finding) -> Words:
    """One finding in a paragraph."""
    mark, style = SEVERITY[finding.severity]
    text = Words(mark, style=style)
    text.append(f"{finding.code} ", style="bold" if finding.severity == "danger" else "default")
    text.append(f"{printable(finding.title)}: {printable(finding.evidence)}", style="default")
    if finding.action:
        text.append(f"; {printable(finding.action)}", style="default")
    elif finding.advice:
        text.append(f" -> {printable(finding.advice)}", style="dim")
    return text


def findings_rows(findings: Sequence[Finding], limit: int, more: str = "") -> list[tuple[str, Words]]:
    """The gravest findings, one a row, and how many more there are."""
    ordered = sorted(findings, key=lambda finding: _RANK[finding.severity])
    rows = [finding_words(finding) for finding in ordered[:limit]]
    if len(ordered) > limit:
        rows.append(Words(f"and {len(ordered) - limit} more{more}", style="dim"))
    return [("findings" if index == 0 else "", row) for index, row in enumerate(rows)]


def decided_rows(plan: Plan) -> list[tuple[str, Words]]:
    """Which kinds race, how they are compared, what was ruled out."""
    rows = [Words(f"{printable(reason.sentence)} ({reason.rule})") for reason in plan.reasons[-1:]]
    rows += [
        Words(f"{printable(each.name)} reads {listed(list(map(quoted, each.columns)))}     --pretrained off to change")
        for each in plan.pretrained
    ]
    rows.append(Words(printable(plan.validation.sentence) or validation_words(plan.validation)))
    missed = [out for out in plan.ruled_out if not out.is_expected]
    if missed:
        first, *others = missed
        more = f"; and {', '.join(out.family for out in others)}" if others else ""
        rows.append(Words(f"ruled out: {first.family} ({first.rule}: {printable(first.sentence, 120)}){more}"))
    return [("decided" if index == 0 else "", row) for index, row in enumerate(rows)]


def profile_view(profile: Profile, task: Task | None, limit: int = 50) -> RenderableType:
    """Columns with their kinds and distributions, then findings."""
    head = [data_line(profile)]
    if task is not None:
        head.append(target_line(task, guessed=bool(task.evidence)))
    table = listing(("column", "kind", "missing", "unique", "values"), numeric=(2, 3), wide=4)
    for column in profile.columns[:limit]:
        table.add_row(*_column_cells(column, profile.n_rows_profiled))
    parts: list[RenderableType] = [facts(head), Words(), table]
    if len(profile.columns) > limit:
        parts.append(
            Words(f"and {counted(len(profile.columns) - limit, 'more column')} (--verbose shows all)", style="dim")
        )
    if profile.findings:
        parts += [Words(), facts(findings_rows(profile.findings, len(profile.findings)))]
    return Group(*parts)


def _column_cells(column: ColumnProfile, n_rows: int) -> tuple[RenderableType, ...]:
    name = Words(quoted(column.name, 22), style="bold" if column.role == "target" else "")
    kind = _KINDS[column.kind][0]
    if column.role != "feature":
        kind = f"{kind} ({column.role.replace('_', ' ')})"
    elif column.confidence < 0.9:
        kind = f"{kind} {format_share(column.confidence)}"
    missing = format_share(column.n_missing / max(1, n_rows)) if column.n_missing else "–"
    values = _values(column, n_rows)
    values.no_wrap, values.overflow = True, "ellipsis"
    return name, Words(kind), Words(missing), Words(f"{column.n_unique:,}"), values


def _values(column: ColumnProfile, n_rows: int) -> Words:
    numbers = column.numbers
    if numbers is not None and column.kind in ("number", "datetime", "integer_code"):
        shown = [
            numbers.minimum,
            numbers.quantiles[3] if len(numbers.quantiles) == 7 else numbers.mean,
            numbers.maximum,
        ]
        if column.kind == "datetime":
            return Words(" … ".join(quoted(value, 19) for value, _ in column.top[:2]))
        text = Words(histogram(numbers.counts), style="cyan")
        return text.append("  " + " … ".join(format_number(value) for value in shown), style="default")
    if size := extent_words(column):
        return Words(size)
    present = max(1, n_rows - column.n_missing)
    many = column.n_unique > present / 2
    parts = [printable(value, 18) + ("" if many else f" {format_share(n / present)}") for value, n in column.top[:3]]
    return Words(", ".join(parts))


def plan_view(plan: Plan, profile: Profile | None = None) -> RenderableType:
    """The decision: what will be tried, what was ruled out, and the whole trace."""
    head = [data_line(profile)] if profile is not None else []
    resources = f"{counted(plan.n_workers, 'fit')} side by side, {counted(plan.threads_per_fit, 'thread')} each"
    machine = f"{counted(plan.hardware.n_cores, 'core')}, {format_bytes(plan.hardware.memory_bytes)} free"
    devices = ", ".join(f"{a.count} × {a.title or a.name}" for a in plan.hardware.accelerators) or "no accelerator"
    head += [
        target_line(plan.task, guessed=bool(plan.task.evidence)),
        ("validated", Words(printable(plan.validation.sentence) or validation_words(plan.validation))),
        ("resources", Words(f"{resources}; {machine}, {devices}; {format_seconds(plan.wishes.seconds)}")),
    ]
    table = listing(("family", "kind", "share", "one fit", "memory", "defaults", "rules"), numeric=(2, 3, 4, 5), wide=6)
    for candidate in plan.candidates:
        table.add_row(
            candidate.family,
            candidate.kind,
            format_share(candidate.share),
            format_seconds(candidate.cost.seconds),
            format_bytes(candidate.cost.memory_bytes),
            str(len(candidate.portfolio)),
            " ".join(candidate.reasons),
        )
    out = [(r.family, Words(f"{r.rule}  {printable(r.sentence)}")) for r in plan.ruled_out if not r.is_expected]
    aside = ", ".join(r.family for r in plan.ruled_out if r.is_expected)
    out += [("others", Words(f"{aside}: for other data, or not proven yet", style="dim"))] if aside else []
    why = [(reason.rule, Words(printable(reason.sentence))) for reason in plan.reasons]
    parts: list[RenderableType] = [facts(head), Words(), table]
    parts += [Words(), Words("Ruled out", style="bold underline"), facts(out)] if out else []
    parts += [Words(), Words("Why", style="bold underline"), facts(why)] if why else []
    return Group(*parts)


def validation_words(validation: Validation) -> str:
    """How models are compared, in a line."""
    named = (("stratified", validation.stratify), (f"by group {validation.group}", validation.group))
    ways = [way for way, holds in (*named, (f"in the order of {validation.time}", validation.time)) if holds]
    return printable(", ".join([scheme(validation), *ways]))
