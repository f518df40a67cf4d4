"""Conformance of a report format: what any `render(report)` must do with reports of any content. Ships for authors.

    from automl.testing.formats import check_format
    check_format(render)

Each check raises AssertionError with the reason, or returns.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from html.parser import HTMLParser
from typing import TypeAlias

from automl.report import Block, Figure, Marked, Notice, Overlay, Report, Section, Series, TableBlock, Text

Render: TypeAlias = Callable[[Report], str]
Check: TypeAlias = Callable[[Render], None]

CHARTS: tuple[str, ...] = ("line", "points", "bars", "histogram", "heatmap", "beeswarm", "waterfall")
HOSTILE = (
    "<script>x",
    "</td><b>",
    '"onload="',
    "'onx='1",
    "]]><!--",
    "a|b`c`",
    "**b** _i_",
    "[a](b:c)",
    "\x1b[31mred",
    "\x00\x07\ud800",
    "\u202egnp",
    "👩‍👩‍👧 שלום",
    "&lt;i&gt;",
    "line\nbreak",
    "",
    "   ",
)
# One grey pixel.
PICTURE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR42mNoAAAAggCB2kUIOwAAAABJRU5ErkJggg=="
_PLACED = {"transform", "text-anchor", "x", "y"}
_NAN, _INF = math.nan, math.inf
EDGES: dict[str, tuple[float, ...]] = {
    "nothing": (),
    "one point": (0.7,),
    "constant": (3.0,) * 5,
    "zeros": (0.0,) * 4,
    "not finite": (_NAN, _INF, -_INF, 1.0, _NAN),
    "all missing": (_NAN, _NAN),
    "huge and tiny": (1e308, -1e308, 1e-308, 5.0),
    "tiny": (1e-12, 3e-12, 2e-12),
    "large": (1.7e9, 1.7e9 + 3, 1.7e9 + 9),
    "negative": (-3.0, -1.0, -7.5),
}


def chart(kind: str, values: tuple[float, ...], name: str = "name") -> Figure:
    """A figure of that kind over any values, every field of use filled."""
    x = tuple(float(i) for i in range(len(values)))
    color = tuple(abs(v) % 1 if math.isfinite(v) else v for v in values)
    swarm = kind in ("beeswarm", "waterfall")
    series = Series(name, values if swarm else x, values if kind != "beeswarm" else x, color, values, values)
    found = Figure(
        title=name,
        chart=kind,  # type: ignore[arg-type]  # what a figure accepts is what is checked
        series=(series, Series(name, x, values, mark="step")) if kind == "line" else (series,),
        labels=tuple(name for _ in values),
        row_labels=(name, name),
        values=(values, values[:1]) if kind == "heatmap" else (),
        x_label=name,
        y_label=name,
        caption=name,
    )
    if kind in ("line", "bars"):
        return Figure(
            **{f: getattr(found, f) for f in found.__struct_fields__} | {"beside": (series,), "from_zero": False}
        )
    return found


def parts(values: tuple[float, ...], name: str = "name", picture: str = PICTURE) -> tuple[Marked, Overlay]:
    """A marked text and a picture with patches, weighted by any values."""
    weights = tuple(weight for value in values for weight in (value, 0.0))
    return (
        Marked(title=name, pieces=(name, " ") * len(values), weights=weights, unit=name, caption=name),
        Overlay(
            title=name, picture=picture, size=(3, 2), grid=(1, len(values)), weights=values, unit=name, caption=name
        ),
    )


def report_of(*names: str, values: tuple[float, ...] = (0.2, 0.5, 0.9)) -> Report:
    """A report with every kind of block and chart, in which every text is one of the names."""
    sections = []
    for name in names:
        blocks: tuple[Block, ...] = (
            *(Text(name, style) for style in ("plain", "lead", "note", "code", "heading")),
            TableBlock(name, (name, name), ((name, name), (name,), (name, name, name)), (False, True)),
            TableBlock(name, (name,), tuple((name,) for _ in range(40))),
            *(Notice(name, name, severity) for severity in ("info", "warning", "danger")),
            *(chart(kind, values, name) for kind in CHARTS),
            *parts(values, name),
            *parts(values, name, picture=name)[1:],
        )
        sections.append(Section(name, name, blocks))
    title = names[0] if names else "empty"
    return Report(title=title, subtitle=title, facts=((title, title),), sections=tuple(sections), result={title: title})


def check_says_everything(render: Render) -> None:
    """Every text of every block is in the output."""
    words = [f"word{i}" for i in range(14, 28)]
    a, b, c, d, e, f, g, h, i, j, k, m, n, o = words
    blocks = (
        Text(a),
        Text(b, "code"),
        TableBlock(c, (d,), ((e,),)),
        Notice(f, g),
        Figure(title=h, chart="line", caption=i),
        Marked(title=j, pieces=(k,), weights=(1.0,), caption=m),
        Overlay(title=n, picture=PICTURE, size=(1, 1), grid=(1, 1), weights=(1.0,), caption=o),
    )
    found = render(
        Report(
            title="word9",
            subtitle="",
            facts=(("word10", "word11"),),
            sections=(Section("word12", "s", blocks),),
            result={},
        )
    )
    missing = [word for word in (*words, *(f"word{i}" for i in range(9, 13))) if word not in found]
    assert not missing, f"the output lacks {missing}"


def check_edge_data(render: Render) -> None:
    """Charts and weights of nothing, one point, a constant, missing and infinite values, extremes."""
    for name, values in EDGES.items():
        for kind in CHARTS:
            _check_edge(render, chart(kind, values), f"a {kind} chart of {name}")
        for block in parts(values):
            _check_edge(render, block, f"weights of {name}")


def _check_edge(render: Render, block: Block, what: str) -> None:
    found = render(Report(title=what, subtitle="", facts=(), sections=(Section("s", "s", (block,)),), result={}))
    assert found, f"nothing comes out for {what}"
    check_text(found)


def check_empty_report(render: Render) -> None:
    """No sections, no facts, empty tables."""
    empty = Section("", "", (TableBlock("", (), ()), Text(""), Notice("", "")))
    for sections in ((), (Section("", "", ()),), (empty, empty)):
        check_text(render(Report(title="", subtitle="", facts=(), sections=sections, result={})))


def check_hostile_text(render: Render) -> None:
    """No text becomes markup, a control sequence, or breaks the encoding."""
    for text in HOSTILE:
        found = render(report_of(text))
        check_text(found)
        if is_html(found):
            harmless = render(report_of("x" if text.strip() else text))
            assert outline(found) == outline(harmless), f"{text!r} changes the elements of the page"


def check_is_repeatable(render: Render) -> None:
    """The same report gives the same text."""
    report = report_of("one", "two", "one")
    assert render(report) == render(report), "two renderings of one report differ"


def check_text(found: str) -> None:
    """It can be written as UTF-8 and holds no control characters but line ends and tabs."""
    found.encode("utf-8")
    control = {c for c in found if ord(c) < 32 and c not in "\n\t"} | ({"\x7f"} & set(found))
    assert not control, f"control characters in the output: {sorted(control)!r}"


def is_html(text: str) -> bool:
    """Whether a format's output is HTML."""
    return text.lstrip()[:15].lower().startswith(("<!doctype html", "<html"))


def outline(page: str) -> list[tuple[str, tuple[str, ...]]]:
    """Every element of a page with the names of its attributes, in order, but for what hangs on a text's length."""
    parser = _Outline()
    parser.feed(page)
    parser.close()
    return parser.found


class _Outline(HTMLParser):
    """Collects start tags."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[str, tuple[str, ...]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep the tag, with the names of its attributes."""
        if tag != "title":
            self.found.append((tag, tuple(name for name, _ in attrs if name not in _PLACED)))


CHECKS: tuple[Check, ...] = (
    check_says_everything,
    check_edge_data,
    check_empty_report,
    check_hostile_text,
    check_is_repeatable,
)


def check_format(render: Render) -> None:
    """All checks."""
    for check in CHECKS:
        check(render)
