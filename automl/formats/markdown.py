"""The report as Markdown: text and tables as they are, figures as the table of their numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from automl.formats._numbers import numbers_of
from automl.report import Block, Marked, Notice, Report, TableBlock, Text
from automl.typography import printable

# Every character that Markdown or HTML could take for its own; ":" and "." only where an address would be linked.
_MARKUP = re.compile(r"([\\`*_{}\[\]<>()#+!|~$=-]|:(?=//)|@(?=\w)|(?<=www)\.|^\d+(?=[.)]))", re.IGNORECASE)
_BREAKS = re.compile(r"\s+")
_SIGNS = {"info": "note", "warning": "warning", "danger": "danger"}


def render(report: Report) -> str:
    """The report as Markdown; nothing that comes from the data can become markup."""
    lines = [f"# {_escaped(report.title)}", "", _escaped(report.subtitle), ""]
    lines += [*_table(("", ""), report.facts, (False, False)), ""]
    for section in report.sections:
        lines += [f"## {_escaped(section.title)}", ""]
        for block in section.blocks:
            lines += [*_block(block), ""]
    return "\n".join(lines).rstrip() + "\n"


def _block(block: Block) -> Iterator[str]:
    if isinstance(block, Text):
        yield from _text(block)
    elif isinstance(block, Notice):
        yield f"> **{_SIGNS[block.severity]}: {_escaped(block.title) or '–'}** {_escaped(block.text)}".rstrip()
    elif isinstance(block, TableBlock):
        yield from _titled(block.title, "")
        yield from _table(block.head, block.rows, block.numeric)
    else:
        yield from _titled(block.title, block.caption)
        if isinstance(block, Marked):
            yield from (_escaped("".join(block.pieces)), "")
        numbers = numbers_of(block)
        yield from _table(numbers.head, numbers.rows, numbers.numeric)


def _titled(title: str, caption: str) -> Iterator[str]:
    bold = f"**{_escaped(title)}**" if title.strip() else ""
    yield f"{bold} {_escaped(caption)}".strip()
    yield ""


def _text(block: Text) -> Iterator[str]:
    if block.style == "code":
        fence = "`" * max(3, 1 + max((len(run) for run in re.findall(r"`+", block.text)), default=0))
        yield from (fence, *(printable(line) for line in block.text.split("\n")), fence)
    elif block.style == "heading":
        yield f"### {_escaped(block.text)}"
    else:
        emphasis = "*" if block.style == "note" and block.text.strip() else ""
        yield f"{emphasis}{_escaped(block.text)}{emphasis}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], numeric: Sequence[bool]) -> Iterator[str]:
    """Rows of equal length, whatever the block's are."""
    width = max((len(row) for row in (head, *rows)), default=0)
    if not width:
        return
    yield _row([_escaped(cell) for cell in head], width)
    yield _row(["---:" if i < len(numeric) and numeric[i] else "---" for i in range(width)], width)
    for row in rows:
        yield _row([_escaped(cell) for cell in row], width)


def _row(cells: Sequence[str], width: int) -> str:
    return f"| {' | '.join([*cells, *[''] * (width - len(cells))])} |"


def _escaped(text: str) -> str:
    plain = printable(_BREAKS.sub(" ", text).strip())
    return _MARKUP.sub(_guarded, plain.replace("&", "&amp;"))


def _guarded(match: re.Match[str]) -> str:
    found = match[0]
    return f"{found}\\" if found.isdigit() else "&#64;" if found == "@" else f"\\{found}"
