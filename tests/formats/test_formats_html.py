"""The page is well formed, loads nothing, says everything without drawing, and stays small."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import numpy as np
import pytest

from automl.formats._markup import elided, tag, text_width
from automl.formats._numbers import numbers_of
from automl.formats.html import render
from automl.report import Figure, Notice, Report, Section, Series, TableBlock, Text
from automl.testing.formats import CHARTS, EDGES, HOSTILE, chart, report_of

VOID = {"meta", "br"}


class Page(HTMLParser):
    """Checks balance while parsing, and keeps what there is."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.data: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs), f"an attribute twice in <{tag}>"
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.data.append(data)

    def all(self, name: str) -> list[dict[str, str | None]]:
        return [attrs for tag, attrs in self.tags if tag == name]


def page(*blocks: object, title: str = "t") -> Page:
    section = Section("s", "s", blocks)  # type: ignore[arg-type]
    return Page(render(Report(title=title, subtitle="", facts=(), sections=(section,), result={})))


def test_page_is_well_formed_whatever_the_texts() -> None:
    found = Page(render(report_of(*HOSTILE, *HOSTILE)))
    ids = [attrs["id"] for _, attrs in found.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    targets = [attrs["href"] for attrs in found.all("a")]
    assert len(targets) == 1 + 2 * len(HOSTILE)
    assert all(target and target[0] == "#" and target[1:] in ids for target in targets)
    named = [name for svg in found.all("svg") for name in (svg["aria-labelledby"] or "").split()]
    assert named
    assert set(named) <= set(ids)


def test_nothing_is_loaded_or_run() -> None:
    text = render(report_of(*HOSTILE))
    found = Page(text)
    assert not {"script", "link", "img", "iframe", "object", "form", "base"} & {tag for tag, _ in found.tags}
    for _, attrs in found.tags:
        assert not [name for name in attrs if name.startswith("on") or name in ("src", "style", "srcset", "action")]
    assert "url(" not in text
    assert "@import" not in text
    policy = next(m["content"] for m in found.all("meta") if m.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert policy.startswith("default-src 'none'; style-src 'sha256-")


def test_texts_arrive_unchanged() -> None:
    for text in ("<b>&amp;\"'", "a|b", "`x`", "שלום", "👩‍👩‍👧"):
        assert text in page(Text(text)).data
    assert "\\x1b[31m" in "".join(page(Text("\x1b[31m")).data)
    assert "one\ntwo  <x>" in "".join(page(Text("one\ntwo  <x>", "code")).data)


@pytest.mark.parametrize("kind", CHARTS)
@pytest.mark.parametrize("edge", EDGES)
def test_charts_hold_only_numbers_that_can_be_drawn(kind: str, edge: str) -> None:
    found = page(chart(kind, EDGES[edge]))
    for name, attrs in found.tags:
        for key in ("d", "x", "y", "width", "height", "viewbox"):
            value = attrs.get(key)
            assert value is None or not re.search(r"nan|inf|e[+-]?\d{2}", value), f"{name} {key}={value}"
    for rect in found.all("rect"):
        assert float(rect["width"] or 0) >= 0
        assert float(rect["height"] or 0) > 0
    [svg] = found.all("svg")
    assert svg["role"] == "img"


@pytest.mark.parametrize("kind", CHARTS)
def test_everything_lies_within_the_plane(kind: str) -> None:
    values = tuple(float(v) for v in np.random.default_rng(0).normal(size=12) * 1e5)
    found = page(chart(kind, values, "a rather long name of a column that goes on"))
    [svg] = found.all("svg")
    _, _, width, height = map(float, (svg["viewbox"] or "").split())
    for path in found.all("path"):
        for x, y in re.findall(r"[ML](-?[\d.]+) (-?[\d.]+)", path["d"] or ""):
            assert -1 <= float(x) <= width + 1
            assert -1 <= float(y) <= height + 1
    for text in found.all("text"):
        if "x" in text:
            assert 0 <= float(text["x"] or 0) <= width
            assert 0 <= float(text["y"] or 0) <= height


def test_long_tables_and_many_notices_fold() -> None:
    table = TableBlock("long", ("a",), tuple((str(i),) for i in range(40)))
    notices = [Notice(f"n{i}", "", "info") for i in range(20)]
    found = page(table, *notices)
    assert "Show all 40 rows" in found.data
    assert "14 more" in found.data
    assert sum(tag == "td" for tag, _ in found.tags) == 40
    assert sum(name == "p" and "notice" in (attrs.get("class") or "") for name, attrs in found.tags) == 20


def test_table_rows_are_equally_long() -> None:
    found = page(TableBlock("t", ("a", "b"), (("1",), ("1", "2", "3")), (False, True)))
    assert [tag for tag, _ in found.tags if tag in ("th", "td")] == ["th"] * 3 + ["td"] * 6


def test_every_figure_has_its_numbers() -> None:
    bars = Figure(
        title="b", chart="bars", labels=("x", "y"), series=(Series("s", (0.0, 1.0), (1.5, 2.5)),), x_label="u"
    )
    assert numbers_of(bars).rows == (("x", "1.5"), ("y", "2.5"))
    falls = Figure(title="w", chart="waterfall", labels=("x",), series=(Series("s", (1.0, 3.0), (2.0,)),))
    assert numbers_of(falls).rows == (("average", "1"), ("x", "2"), ("this row", "3"))
    many = Series("m", tuple(map(float, range(500))), tuple(map(float, range(500))))
    line = numbers_of(Figure(title="l", chart="line", series=(many,)))
    assert len(line.rows) <= 42
    assert line.rows[0] == ("0", "0")
    assert line.rows[-1] == ("499", "499")
    days = Figure(title="d", chart="line", dates=True, series=(Series("s", (86400.0 * 365,), (1.0,)),))
    assert numbers_of(days).rows == (("1971-01-01", "1"),)


def test_a_large_report_stays_small() -> None:
    rng = np.random.default_rng(0)
    swarm = Figure(
        title="swarm",
        chart="beeswarm",
        labels=tuple(f"column {i}" for i in range(15)),
        series=tuple(
            Series(f"column {i}", tuple(rng.normal(size=300)), (0.0,) * 300, color=tuple(rng.random(300)))
            for i in range(15)
        ),
    )
    points = Figure(
        title="points",
        chart="points",
        diagonal=True,
        series=(Series("", tuple(rng.random(1000)), tuple(rng.random(1000))),),
    )
    table = TableBlock(
        "columns", ("column", "kind", "values"), tuple((f"column {i}", "number", "x" * 30) for i in range(200))
    )
    section = Section("s", "s", (swarm, points, table, *[points] * 6))
    text = render(Report(title="t", subtitle="", facts=(), sections=(section,), result={}))
    assert len(text.encode()) < 400_000


def test_text_is_escaped_wherever_it_stands() -> None:
    assert tag("p", '<"&') == "<p>&lt;&quot;&amp;</p>"
    assert tag("p", title='"><script>') == '<p title="&quot;&gt;&lt;script&gt;"></p>'
    assert tag("p", tag("b", "<"), "<") == "<p><b>&lt;</b>&lt;</p>"


def test_elided_text_fits() -> None:
    for text in (*HOSTILE, "a long name of a column", "漢字" * 20, "W" * 50):
        for width in (30.0, 80.0, 200.0):
            assert text_width(elided(text, width)) <= width
    assert elided("short", 100) == "short"
