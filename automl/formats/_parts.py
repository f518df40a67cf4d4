"""Texts with marked words, and pictures with patches laid over them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from automl.formats._axes import finite
from automl.formats._markup import Markup, join, tag
from automl.formats._numbers import signed
from automl.formats._plane import WIDTH
from automl.report import Marked, Overlay
from automl.typography import format_number

N_STRENGTHS = 5
_PICTURE = re.compile(r"iVBORw0KGgo[A-Za-z0-9+/]*={0,2}")
_FAINT = 0.04
_GAP = 14.0
_TALLEST = 300.0
_COARSE = 64


def strength_of(weight: float, weights: Sequence[float]) -> int:
    """0 to 5, of the largest weight; 0 for what hardly weighs."""
    most = max((abs(each) for each in finite(weights)), default=0.0)
    share = abs(weight) / most if most > 0 and finite((weight,)) else 0.0
    return 0 if share < _FAINT else min(N_STRENGTHS, 1 + int(share * N_STRENGTHS))


def _side(weight: float) -> str:
    return "up" if weight > 0 else "down"


def marked_text(block: Marked) -> Markup:
    """The text, its pieces marked by how far they raise or lower, and what the marks mean."""
    pieces = []
    for i, piece in enumerate(block.pieces):
        weight = block.weights[i] if i < len(block.weights) else 0.0
        strength = strength_of(weight, block.weights)
        if not strength:
            pieces.append(_lines(piece))
            continue
        told = f"{signed(weight)} {block.unit}".strip()
        pieces.append(tag("mark", _lines(piece), class_=f"{_side(weight)} w{strength}", title=told))
    marks = [tag("mark", text, class_=f"{kind} w{N_STRENGTHS - 1}") for text, kind in _ends(block)]
    return join(tag("p", *pieces, class_="marked", tabindex=0), tag("p", *marks, class_="marks"))


def _lines(text: str) -> Markup:
    """The text with its line ends, which would otherwise be shown as signs."""
    return Markup("\n".join(join(line.replace("\t", " ").rstrip("\r")) for line in text.split("\n")))


def _ends(block: Marked | Overlay) -> list[tuple[str, str]]:
    """The furthest that something lowers and raises, in words, with the class of its colour."""
    weights = finite(block.weights)
    low, high = min(weights, default=0.0), max(weights, default=0.0)
    ends = (("lowers", -low, "down"), ("raises", high, "up"))
    return [(f"{verb} by up to {format_number(value)}", kind) for verb, value, kind in ends if value > 0]


def is_picture(picture: str) -> bool:
    """Whether it is a PNG in base64 and nothing else."""
    return _PICTURE.fullmatch(picture) is not None


def draw_overlay(block: Overlay, name: str) -> tuple[Markup, float]:
    """The picture, and beside it the same in grey under its patches; the patches alone where there is no picture.

    Args:
        block: What to draw.
        name: Of the picture in the page, where it stands once.
    """
    width, height = (max(1, side) for side in block.size)
    room = (WIDTH - _GAP) / 2
    scale = min(room / width, _TALLEST / height)
    size = (width * scale, height * scale)
    parts, left = [], 0.0
    if is_picture(block.picture):
        left = size[0] + _GAP
        picture = tag(
            "image",
            id=name,
            href=f"data:image/png;base64,{block.picture}",
            width=size[0],
            height=size[1],
            preserveAspectRatio="none",
            class_="coarse" if max(block.size) <= _COARSE else None,
        )
        parts = [picture, tag("use", href=f"#{name}", x=left, class_="grey")]
    parts += _patches(block, left, size)
    marks = []
    for i, (text, end) in enumerate(_ends(block)):
        x = i * room
        marks.append(tag("rect", x=x + 1, y=size[1] + 14, width=14, height=14, class_=f"patch {end} w{N_STRENGTHS}"))
        marks.append(tag("text", text, x=x + 22, y=size[1] + 26, class_="tick row"))
    return join(*parts, *marks), size[1] + 36


def _patches(block: Overlay, left: float, size: tuple[float, float]) -> list[Markup]:
    n_rows, n_columns = block.grid
    found = []
    for i, weight in enumerate(block.weights[: n_rows * n_columns]):
        row, column = divmod(i, n_columns)
        strength = strength_of(weight, block.weights)
        place = f"row {row + 1}, column {column + 1}: {signed(weight)} {block.unit}".strip()
        found.append(
            tag(
                "rect",
                tag("title", place),
                x=left + size[0] * column / n_columns + 0.5,
                y=size[1] * row / n_rows + 0.5,
                width=max(size[0] / n_columns - 1, 0.5),
                height=max(size[1] / n_rows - 1, 0.5),
                class_=f"patch {_side(weight)} w{strength}",
            )
        )
    return found
