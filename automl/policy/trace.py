"""A plan in plain text: what was decided, why, what will be tried, what was ruled out. Fits 80 columns."""

from __future__ import annotations

import textwrap
import unicodedata

from automl.plan import Plan, RuledOut
from automl.policy.cost import search_seconds
from automl.policy.units import seconds_text
from automl.quantities import format_bytes
from automl.report import Block, TableBlock, Text
from automl.typography import counted, format_share

WIDTH = 80
_HEAD = ("family", "kind", "share", "defaults", "one fold", "memory", "moved by")
_NUMERIC = (False, False, True, True, True, True, False)


def plan_lines(plan: Plan, width: int = WIDTH) -> list[str]:
    """The plan for a terminal, no colour; no line is wider than `width` unless one word is."""
    lines: list[str] = []
    for name, fact in plan_facts(plan):
        lines += _wrapped(f"{name:<12}", fact, width)
    lines += ["", "to be tried, in this order"]
    lines += _columns(_HEAD, _candidate_rows(plan), width)
    if plan.ruled_out:
        lines += ["", "ruled out"]
        for names, rule, sentence in _grouped(plan.ruled_out):
            lines += _wrapped(f"  {rule}  ", f"{names}: {sentence}", width)
    lines += ["", "why"]
    for reason in plan.reasons:
        effect = f"  [{reason.effect}]" if reason.effect else ""
        lines += _wrapped(f"  {reason.rule}  ", reason.sentence + effect, width)
    return lines


def explain_plan(plan: Plan) -> tuple[Block, ...]:
    """The plan for a report: facts, candidates, what was ruled out, and the trace."""
    blocks: list[Block] = [Text("\n".join(f"{name}: {fact}" for name, fact in plan_facts(plan)))]
    blocks.append(TableBlock("To be tried, in this order", _HEAD, _candidate_rows(plan), _NUMERIC))
    if plan.ruled_out:
        rows = tuple((names, rule, sentence) for names, rule, sentence in _grouped(plan.ruled_out))
        blocks.append(TableBlock("Ruled out", ("family", "rule", "why"), rows))
    trace = tuple((reason.rule, reason.sentence, reason.effect) for reason in plan.reasons)
    blocks.append(TableBlock("Why", ("rule", "what it saw", "what it did"), trace))
    return tuple(blocks)


def plan_facts(plan: Plan) -> tuple[tuple[str, str], ...]:
    """The decision in a few (name, sentence) pairs."""
    kinds = next((r.sentence for r in plan.reasons if r.rule == "P046"), "")
    sample = f"; learns from {plan.max_rows:,} rows, drawn at random" if plan.max_rows else ""
    search = f"{seconds_text(plan.wishes.seconds)}, {seconds_text(search_seconds(plan.wishes))} of it to search"
    return (
        ("target", f"{plan.task.target}: {plan.task.kind}, scored by {plan.task.metric}"),
        ("decided", kinds + sample),
        ("compared by", plan.validation.sentence),
        ("machine", _machine(plan)),
        ("budget", f"{search}; at most {counted(plan.max_models, 'model')} in the blend"),
    )


def _machine(plan: Plan) -> str:
    hardware = plan.hardware
    devices = ", ".join(f"{a.count} × {a.title or a.name}" for a in hardware.accelerators) or "no accelerator"
    return (
        f"{counted(hardware.n_cores, 'core')} at {hardware.speed:.1f} × the reference speed, "
        f"{format_bytes(hardware.memory_bytes)} free, {devices}; {counted(plan.n_workers, 'fit')} at a time, "
        f"{counted(plan.threads_per_fit, 'thread')} each"
    )


def _candidate_rows(plan: Plan) -> tuple[tuple[str, ...], ...]:
    return tuple(
        (
            c.family,
            "net" if c.kind == "neural" else c.kind,
            format_share(c.share) if c.share else "-",
            str(len(c.portfolio)),
            seconds_text(c.cost.seconds),
            format_bytes(c.cost.memory_bytes),
            " ".join(c.reasons),
        )
        for c in sorted(plan.candidates, key=lambda c: -c.priority)
    )


def _grouped(ruled_out: tuple[RuledOut, ...]) -> list[tuple[str, str, str]]:
    """(families, rule, sentence), families with the same reason in one row."""
    together: dict[tuple[str, str], list[str]] = {}
    for out in ruled_out:
        together.setdefault((out.rule, out.sentence), []).append(out.family)
    return [(", ".join(names), rule, sentence) for (rule, sentence), names in together.items()]


def _columns(head: tuple[str, ...], rows: tuple[tuple[str, ...], ...], width: int) -> list[str]:
    """An aligned table; the last column wraps below itself."""
    sizes = [max(_cells(row[i]) for row in (head, *rows)) for i in range(len(head) - 1)]
    lines = []
    for row in (head, *rows):
        fixed = "  ".join(_padded(row[i], sizes[i], right=_NUMERIC[i]) for i in range(len(head) - 1))
        lines += _wrapped(f"  {fixed}  ", row[-1], width)
    return lines


def _wrapped(prefix: str, text: str, width: int) -> list[str]:
    """The text after the prefix, its further lines indented as far."""
    indent = _cells(prefix)
    parts = textwrap.wrap(text, max(12, width - indent), break_long_words=False, break_on_hyphens=False) or [""]
    return [(prefix + parts[0]).rstrip(), *(" " * indent + part for part in parts[1:])]


def _padded(text: str, size: int, *, right: bool) -> str:
    blanks = " " * (size - _cells(text))
    return blanks + text if right else text + blanks


def _cells(text: str) -> int:
    """Columns of a terminal that the text takes: wide characters take two, combining ones none."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)
