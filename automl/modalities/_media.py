"""Columns of file names: whether the files are images or sounds, and how large these are."""

from __future__ import annotations

from collections import Counter

import numpy as np

from automl.errors import DataError
from automl.profile import ColumnKind, Extent
from automl.reading.files import files_below
from automl.reading.media import ImageHeader, MediaKind, SoundHeader, kind_of_bytes, read_headers, some_names
from automl.table import Column

_N_OPENED = 50
_N_TEXTS = 2000
_HEAD = 12  # bytes
_PLURAL: dict[MediaKind, str] = {"image": "images", "audio": "sounds"}


def kind_of_files(column: Column) -> tuple[ColumnKind, str]:
    """Kind image or audio by the first bytes of some of the files, whatever their suffix; else path; and why."""
    if column.root is None:
        return "path", "file names of media"
    files = files_below(column.root)
    names = some_names(column, _N_OPENED)
    kinds: list[MediaKind | None] = []
    for name in names:
        try:
            with files.open(name) as file:
                kinds.append(kind_of_bytes(file.read(_HEAD)))
        except DataError:
            return "path", f"file names of media that lead out of {column.root}"
        except ValueError:
            continue
    found = Counter(kind for kind in kinds if kind is not None)
    if found:
        kind, n = found.most_common(1)[0]
        return kind, f"{n} of {len(names)} files looked at begin as {_PLURAL[kind]} do"
    if kinds:
        return "path", "file names of media that are neither images nor sounds"
    return "path", f"file names of media, none of them found in {column.root}"


def extent_of(column: Column, kind: ColumnKind) -> Extent | None:
    """How large images and sounds are by their headers, and how long texts; None for other kinds.

    Raises:
        DataError: A name leads out of the folder.
    """
    if kind == "text":
        texts = column.as_text().drop_nulls()
        some = texts.gather_every(max(1, -(-len(texts) // _N_TEXTS)))
        return Extent(words=float(some.str.count_matches(r"\w+").mean() or 0.0))  # type: ignore[arg-type]  # a number
    if kind not in ("image", "audio") or column.root is None:
        return None
    headers, _ = read_headers(some_names(column), files_below(column.root), kind)
    images = [header for header in headers if isinstance(header, ImageHeader)]
    sounds = [header for header in headers if isinstance(header, SoundHeader)]
    if images:
        height, width = (int(np.median([getattr(i, side) for i in images])) for side in ("height", "width"))
        return Extent(height=height, width=width, channels=1 if all(i.is_grey for i in images) else 3)
    if sounds:
        seconds = float(np.quantile([sound.seconds for sound in sounds], 0.95))
        rates = Counter(sound.rate for sound in sounds)
        return Extent(seconds=seconds, rate=min(rates, key=lambda rate: (-rates[rate], rate)))
    return Extent()
