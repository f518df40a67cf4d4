"""Marked texts and pictures with patches: what is said, what is escaped, and what may be loaded."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console
from test_formats_html import Page

from automl.formats import html, json, markdown, terminal
from automl.formats._numbers import numbers_of, strongest
from automl.formats._parts import strength_of
from automl.report import Block, Marked, Overlay, Report, Section
from automl.testing.formats import PICTURE

MARKED = Marked(
    title="Row 0: SHAP",
    pieces=("a", " ", "<b>free</b>", "\n", "offer,", "\t", "dull", "!"),
    weights=(0.01, 0.0, 0.5, 0.0, -0.25, 0.0, float("nan"), 0.2),
    unit="log-odds",
    caption="word by word",
)
OVERLAY = Overlay(
    title="Row 0: SHAP",
    picture=PICTURE,
    size=(20, 10),
    grid=(2, 3),
    weights=(0.0, 0.4, -0.1, 0.0, 0.0, -0.4),
    unit="log-odds",
    caption="patch by patch",
)


def report(*blocks: Block) -> Report:
    return Report(title="t", subtitle="", facts=(), sections=(Section("s", "s", blocks),), result={})


def policy(page: Page) -> str:
    return next(m["content"] or "" for m in page.all("meta") if m.get("http-equiv"))


def test_marks_say_how_strongly_and_which_way() -> None:
    text = html.render(report(MARKED))
    page = Page(text)
    marks = [(mark["class"], mark.get("title")) for mark in page.all("mark")]
    assert marks == [
        ("up w5", "+0.5 log-odds"),
        ("down w3", "−0.25 log-odds"),
        ("up w3", "+0.2 log-odds"),
        ("down w4", None),
        ("up w4", None),
    ]
    assert "<b>free</b>" in page.data
    assert page.data[page.data.index("<b>free</b>") + 1] == "\n"
    assert {"lowers by up to 0.25", "raises by up to 0.5"} <= set(page.data)
    assert "img-src" not in policy(page)


def test_strengths_are_shares_of_the_largest_weight() -> None:
    weights = (4.0, -4.0, 2.0, 0.1, 0.0, float("inf"))
    assert [strength_of(weight, weights) for weight in weights] == [5, 5, 3, 0, 0, 0]
    assert strength_of(0.0, (0.0,)) == 0


def test_a_picture_is_in_the_page_and_only_then_may_pictures_be() -> None:
    page = Page(html.render(report(OVERLAY)))
    [image], [again] = page.all("image"), page.all("use")
    assert image["href"] == f"data:image/png;base64,{PICTURE}"
    assert image["class"] == "coarse"
    assert (again["href"], again["class"]) == (f"#{image['id']}", "grey")
    assert "; img-src data:;" in policy(page)
    patches = [rect for rect in page.all("rect") if (rect["class"] or "").startswith("patch")]
    assert len(patches) == 6 + 2
    assert "row 1, column 2: +0.4 log-odds" in page.data
    [svg] = page.all("svg")
    assert svg["role"] == "img"


@pytest.mark.parametrize("picture", ["", '"><script>', PICTURE + '"', "javascript:x", PICTURE + "\n"])
def test_what_is_no_picture_is_left_out(picture: str) -> None:
    block = Overlay(**{**{f: getattr(OVERLAY, f) for f in OVERLAY.__struct_fields__}, "picture": picture})
    text = html.render(report(block))
    page = Page(text)
    assert not page.all("image")
    assert "data:" not in text
    assert "img-src" not in policy(page)
    assert len(page.all("rect")) == 6 + 2


def test_everything_lies_within_the_plane() -> None:
    for size in ((160, 20), (20, 160), (28, 28), (1, 1)):
        block = Overlay(**{**{f: getattr(OVERLAY, f) for f in OVERLAY.__struct_fields__}, "size": size})
        page = Page(html.render(report(block)))
        [svg] = page.all("svg")
        _, _, width, height = map(float, (svg["viewbox"] or "").split())
        for box in (*page.all("rect"), *page.all("image")):
            assert float(box.get("x") or 0) + float(box["width"] or 0) <= width + 0.1
            assert float(box.get("y") or 0) + float(box["height"] or 0) <= height + 0.1


def test_numbers_stand_beside_both() -> None:
    assert strongest(MARKED) == [("<b>free</b>", 0.5), ("offer,", -0.25), ("!", 0.2), ("a", 0.01)]
    assert numbers_of(MARKED).rows[1] == ("offer,", "−0.25")
    assert numbers_of(OVERLAY).rows == (("1", "0", "+0.4", "−0.1"), ("2", "0", "0", "−0.4"))
    many = Marked(title="", pieces=("x",) * 99, weights=(1.0,) * 99)
    assert len(numbers_of(many).rows) == 40
    assert "of 99" in numbers_of(many).title


def test_markdown_and_json_hold_every_weight() -> None:
    text = markdown.render(report(MARKED, OVERLAY))
    assert "a \\<b\\>free\\</b\\> offer, dull\\!" in text
    assert "| offer, | −0.25 |" in text
    assert "| 1 | 0 | \\+0.4 | −0.1 |" in text
    assert '"pieces"' in json.render(report(MARKED))
    assert PICTURE in json.render(report(OVERLAY))


def test_a_terminal_shows_colours_and_without_them_numbers() -> None:
    plain = terminal.render(report(MARKED, OVERLAY))
    assert "\x1b" not in plain
    assert "<b>free</b>" in plain
    assert re.search(r"offer, +█+ −0.25", plain)
    assert re.search(r"row 1, column 2 +█+ \+0.4", plain)
    for color, there in ((True, True), (False, False)):
        console = Console(file=io.StringIO(), force_terminal=True, no_color=not color, color_system="standard")
        console.print(terminal.marked_words(MARKED.pieces, MARKED.weights))
        assert isinstance(console.file, io.StringIO)
        assert bool(re.search(r"\x1b\[[\d;]*3[12]m", console.file.getvalue())) == there
    hostile = terminal.marked_words(("\x1b[31m", "ok"), (1.0, 0.0))
    assert "\x1b" not in hostile.plain
