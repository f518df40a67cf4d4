"""D035-D038: files of images and sounds that are not there, cannot be read, or differ much."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np

from automl.checks.context import Context, listed
from automl.profile import ColumnProfile, Finding
from automl.reading.files import Files, Status, files_below
from automl.reading.media import ImageHeader, SoundHeader, read_headers, some_names
from automl.table import Column

_APART = 2.0  # the larger images against the smaller ones
_SHOWN = 3
_DANGER = 0.1


def unusable_files(context: Context) -> list[Finding]:
    """D035: files that are missing, empty, larger than 64 MiB, or (of up to 200 looked at) not readable."""
    found = []
    for profile, column, files in _media(context):
        lost = _lost(column, files)
        looked_at = some_names(column)
        known = {name for names in lost.values() for name in names}
        damaged = [name for name in read_headers(looked_at, files, profile.kind)[1] if name not in known]
        parts = [f"{len(names):,} {problem}: {listed(names, _SHOWN)}" for problem, names in lost.items() if names]
        if damaged:
            parts.append(f"{len(damaged)} damaged among {len(looked_at)} looked at: {listed(damaged, _SHOWN)}")
        if not parts:
            continue
        share = len(known) / max(1, profile.n_unique) + len(damaged) / max(1, len(looked_at))
        found.append(
            Finding(
                code="D035",
                title=f"files of {profile.name!r} that cannot be used",
                severity="danger" if share > _DANGER else "warning",
                columns=(profile.name,),
                evidence="; ".join(parts),
                action="their rows are left out" if profile.is_feature else "",
            )
        )
    return found


def _lost(column: Column, files: Files) -> dict[Status, list[str]]:
    """Names of all files that are not to be read, by what their folder or archive says of them."""
    lost: dict[Status, list[str]] = {"missing": [], "empty": [], "huge": []}
    for name in column.as_text().drop_nulls().unique(maintain_order=True).to_list():
        status = files.status(name)
        if status != "good":
            lost[status].append(name)
    return lost


def uneven_images(context: Context) -> list[Finding]:
    """D036: images of very different sizes (of the longer sides, the 95 % quantile is twice the 5 % quantile)."""
    found = []
    for profile, column, files in _media(context):
        headers = read_headers(some_names(column), files, profile.kind)[0]
        sides = [(h.height, h.width) for h in headers if isinstance(h, ImageHeader)]
        if not sides:
            continue
        low, high = np.quantile([max(side) for side in sides], (0.05, 0.95))
        if high < _APART * low:
            continue
        least, most = min(sides, key=max), max(sides, key=max)
        found.append(
            Finding(
                code="D036",
                title=f"images of {profile.name!r} differ in size",
                severity="info",
                columns=(profile.name,),
                evidence=f"from {least[1]} × {least[0]} to {most[1]} × {most[0]} pixels in {len(sides)} looked at",
                action="all are scaled to one size",
                advice="small details of large images are lost; cut them to what matters if you can",
            )
        )
    return found


def uneven_sounds(context: Context) -> list[Finding]:
    """D037: sounds of different sampling rates."""
    found = []
    for profile, column, files in _media(context):
        headers = read_headers(some_names(column), files, profile.kind)[0]
        rates = Counter(h.rate for h in headers if isinstance(h, SoundHeader))
        if len(rates) < 2:
            continue
        shown = ", ".join(f"{rate:,} Hz in {n}" for rate, n in rates.most_common(4))
        found.append(
            Finding(
                code="D037",
                title=f"sounds of {profile.name!r} differ in their rate",
                severity="info",
                columns=(profile.name,),
                evidence=f"{shown} of {len(headers)} looked at",
                action="all are brought to one rate",
                advice="a rate that goes with the class gives it away: check that it does not",
            )
        )
    return found


def names_without_files(context: Context) -> list[Finding]:
    """D038: names of images or sounds whose files are elsewhere, or of files of other kinds."""
    return [
        Finding(
            code="D038",
            title=f"{c.name!r} names files that are not read",
            severity="warning",
            columns=(c.name,),
            evidence=c.evidence,
            advice="names count from the folder of the table: move it there, or mend the names",
            action="left out" if c.role == "left_out" else "",
        )
        for c in context.columns
        if c.kind == "path" and c.evidence != "as told"
    ]


def _media(context: Context) -> Iterator[tuple[ColumnProfile, Column, Files]]:
    """Columns of images and sounds without what stands for missing, and their files."""
    for profile in context.columns:
        column = context.full.column(profile.name)
        if profile.kind in ("image", "audio") and column.root is not None:
            yield profile, column.without(profile.missing_tokens), files_below(column.root)
