"""Markdown stays Markdown of our making: tables are even, texts are only text."""

from __future__ import annotations

import re

import pytest
from markdown_it import MarkdownIt

from automl.formats.markdown import render
from automl.report import Report, Section, TableBlock, Text
from automl.testing.formats import HOSTILE, report_of

PARSER = MarkdownIt("commonmark").enable("table").enable("strikethrough")


def kinds(text: str) -> list[str]:
    """Every token of the parsed page, down to inline ones, but for plain text."""
    found = []
    for token in PARSER.parse(text):
        found.append(token.type)
        found += [child.type for child in token.children or [] if child.type not in ("text", "text_special")]
    return found


@pytest.mark.parametrize(
    "text", [*HOSTILE, "1. one", "# head", "- item", "> quote", "http://x.y", "www.x.y", "a@b.c", "~~s~~"]
)
def test_no_text_becomes_markup(text: str) -> None:
    if not text.strip():
        return
    assert kinds(render(report_of(text))) == kinds(render(report_of("x")))


def test_texts_are_read_as_they_were() -> None:
    for text in ("a|b", "*b* `c` <d> &lt;", "1. one", "a@b.c", "[x](y)"):
        report = Report(title="t", subtitle="", facts=(), sections=(Section("s", "s", (Text(text),)),), result={})
        inline = [t for t in PARSER.parse(render(report)) if t.type == "inline"][-1]
        assert "".join(child.content for child in inline.children or []) == text


def test_tables_are_even() -> None:
    table = TableBlock("t", ("a", "b|c"), (("1",), ("1", "2", "3|4")), (False, True))
    report = Report(title="t", subtitle="", facts=(("f", "v"),), sections=(Section("s", "s", (table,)),), result={})
    rows = [line for line in render(report).splitlines() if line.startswith("|")]
    tables = [len(re.findall(r"(?<!\\)\|", row)) for row in rows]
    assert tables == [3] * 3 + [4] * 4
