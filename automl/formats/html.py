"""The report as one HTML file: no script, nothing loaded, charts as SVG, everything from the data escaped."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from itertools import groupby

from automl.formats._heatmap import draw_heatmap
from automl.formats._markup import Markup, join, tag
from automl.formats._numbers import numbers_of
from automl.formats._parts import draw_overlay, is_picture, marked_text
from automl.formats._plane import WIDTH, draw_plane
from automl.formats._rows import draw_bars, draw_beeswarm, draw_waterfall
from automl.formats._style import style_sheet
from automl.report import Block, Figure, Marked, Notice, Overlay, Report, Section, TableBlock, Text

_DRAW = {
    "line": draw_plane,
    "points": draw_plane,
    "histogram": draw_plane,
    "bars": draw_bars,
    "beeswarm": draw_beeswarm,
    "waterfall": draw_waterfall,
    "heatmap": draw_heatmap,
}
_DRAWN = (Figure, Marked, Overlay)
_LONG_TABLE = 12
_MANY_NOTICES = 6
_SHOWN_ROWS = 10
_LONG_WORD = 28
_SEVERITIES = {"info": "note", "warning": "warning", "danger": "danger"}


def render(report: Report) -> str:
    """The whole page. It shows the same in any browser of the last years, on a phone, in the dark and on paper."""
    style = style_sheet()
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=_policy(style, report)),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", report.title),
        tag("style", Markup(style)),
    )
    anchors = _anchors(report.sections)
    sections = [_section(section, anchor) for section, anchor in zip(report.sections, anchors, strict=True)]
    body = tag(
        "body",
        tag("a", "Skip to the report", class_="skip", href="#report"),
        _header(report),
        _contents(report.sections, anchors),
        tag("main", *sections, id="report"),
        tag("footer", "This file is the whole report: nothing is loaded from elsewhere, nothing is sent anywhere."),
    )
    return f"<!doctype html>\n{tag('html', head, body, lang='en')}\n"


def _policy(style: str, report: Report) -> str:
    """Nothing may be loaded or run; the one style sheet is known by its hash. Pictures are there in the page or not."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    blocks = (block for section in report.sections for block in section.blocks)
    pictures = any(isinstance(block, Overlay) and is_picture(block.picture) for block in blocks)
    images = "; img-src data:" if pictures else ""
    return f"default-src 'none'; style-src 'sha256-{digest}'{images}; base-uri 'none'; form-action 'none'"


def _header(report: Report) -> Markup:
    tiles = [tag("div", tag("dt", name), tag("dd", value)) for name, value in report.facts]
    facts = tag("dl", *tiles, class_="facts") if tiles else Markup("")
    return tag("header", tag("h1", report.title), tag("p", report.subtitle, class_="subtitle"), facts)


def _contents(sections: Sequence[Section], anchors: Sequence[str]) -> Markup:
    links = [tag("li", tag("a", s.title, href=f"#{anchor}")) for s, anchor in zip(sections, anchors, strict=True)]
    return tag("nav", tag("ul", *links), aria_label="Contents")


def _anchors(sections: Sequence[Section]) -> list[str]:
    """An id for each section that no other element has."""
    found = ["report"]
    for section in sections:
        name = re.sub(r"[^a-z0-9]+", "-", section.anchor.lower()).strip("-") or "section"
        taken = sum(re.fullmatch(rf"{re.escape(name)}(-\d+)?", other) is not None for other in found)
        found.append(f"{name}-{taken + 1}" if taken else name)
    return found[1:]


def _section(section: Section, name: str) -> Markup:
    parts = [tag("h2", section.title)]
    number = 0
    for kind, group in groupby(section.blocks, key=lambda block: Figure if isinstance(block, _DRAWN) else type(block)):
        blocks = list(group)
        if kind is Figure:
            figures = [_figure(f, f"{name}-f{number + i}") for i, f in enumerate(blocks) if isinstance(f, _DRAWN)]
            number += len(figures)
            parts.append(tag("div", *figures, class_="figures"))
        elif kind is Notice:
            parts.append(_notices([n for n in blocks if isinstance(n, Notice)]))
        else:
            parts += [_block(block) for block in blocks]
    return tag("section", *parts, id=name)


def _block(block: Block) -> Markup:
    if isinstance(block, TableBlock):
        return _table(block)
    assert isinstance(block, Text)
    if block.style == "code":
        lines = [join(line) for line in block.text.split("\n")]
        return tag("pre", tag("code", Markup("\n".join(lines))))
    if block.style == "heading":
        return tag("h3", block.text)
    return tag("p", block.text, class_=None if block.style == "plain" else block.style)


def _notices(notices: Sequence[Notice]) -> Markup:
    shown = [_notice(notice) for notice in notices]
    if len(shown) > _MANY_NOTICES + 1:
        rest = tag("div", *shown[_MANY_NOTICES:], class_="notices")
        more = tag("details", tag("summary", f"{len(shown) - _MANY_NOTICES} more"), rest)
        shown = [*shown[:_MANY_NOTICES], more]
    return tag("div", *shown, class_="notices")


def _notice(notice: Notice) -> Markup:
    title = tag("b", notice.title)
    text = join(tag("span", _SEVERITIES[notice.severity], class_="kind"), title)
    if notice.text:
        text = join(text, tag("br"), notice.text)
    return tag("p", text, class_=f"notice {notice.severity}")


def _table(block: TableBlock) -> Markup:
    parts = [tag("p", block.title, class_="caption")] if block.title else []
    if len(block.rows) > _LONG_TABLE:
        more, fewer = f"Show all {len(block.rows)} rows", f"Show the first {_SHOWN_ROWS} only"
        summary = tag("summary", tag("span", more, class_="closed"), tag("span", fewer, class_="open"))
        parts.append(tag("details", summary, class_="more"))
    parts.append(_grid(block))
    return tag("div", *parts, class_="table")


def _grid(block: TableBlock) -> Markup:
    """The table itself, which scrolls within itself; the keyboard can reach it to scroll."""
    width = max((len(row) for row in (block.head, *block.rows)), default=0)
    kinds = ["n" if i < len(block.numeric) and block.numeric[i] else None for i in range(width)]
    titles = zip(_filled(block.head, width), kinds, strict=True)
    head = tag("tr", *(tag("th", text, class_=kind, scope="col") for text, kind in titles))
    rows = [
        tag(
            "tr",
            *(
                tag("td", text, class_=kind or _long(text))
                for text, kind in zip(_filled(row, width), kinds, strict=True)
            ),
        )
        for row in block.rows
    ]
    table = tag("table", tag("thead", head), tag("tbody", *rows))
    return tag("div", table, class_="scroll", tabindex=0, role="region", aria_label=block.title or "table")


def _long(text: str) -> str | None:
    """Class of a cell whose words must be broken."""
    return "long" if any(len(word) > _LONG_WORD for word in text.split()) else None


def _filled(row: Sequence[str], width: int) -> tuple[str, ...]:
    return (*row, *[""] * (width - len(row)))


def _figure(figure: Figure | Marked | Overlay, name: str) -> Markup:
    caption = tag("figcaption", tag("b", figure.title), tag("span", figure.caption) if figure.caption else "")
    numbers = numbers_of(figure)
    details = tag("details", tag("summary", numbers.title), _grid(numbers)) if numbers.rows else Markup("")
    return tag("figure", caption, marked_text(figure) if isinstance(figure, Marked) else _svg(figure, name), details)


def _svg(figure: Figure | Overlay, name: str) -> Markup:
    drawing, height = draw_overlay(figure, f"{name}-p") if isinstance(figure, Overlay) else _DRAW[figure.chart](figure)
    chart = "picture" if isinstance(figure, Overlay) else figure.chart
    return tag(
        "svg",
        tag("title", figure.title, id=f"{name}-t"),
        tag("desc", figure.caption or chart, id=f"{name}-d"),
        drawing,
        viewBox=f"0 0 {WIDTH:.0f} {height:.0f}",
        role="img",
        aria_labelledby=f"{name}-t {name}-d",
    )
