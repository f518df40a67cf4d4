"""Folders and zip archives of images, sounds or texts, a folder a class, as tables."""

from __future__ import annotations

import os
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import polars as pl

from automl.archives import DAMAGE
from automl.errors import DataError
from automl.profile import Finding
from automl.reading.encoding import Decoder, detect_encoding
from automl.reading.files import Files, files_below, inside
from automl.reading.media import AUDIO_SUFFIXES, IMAGE_SUFFIXES

CODE = "D009"

_SUFFIXES = {
    "images": IMAGE_SUFFIXES,
    "sounds": AUDIO_SUFFIXES,
    "texts": frozenset((".txt", ".md")),
}
_TABLES = frozenset((".csv", ".tsv", ".parquet", ".feather", ".json", ".jsonl", ".xlsx", ".xls"))
_TRAIN = frozenset(("train", "training"))
_KEPT_BACK = frozenset(("test", "testing", "val", "valid", "validation"))
_SYSTEM = frozenset(("__MACOSX", "Thumbs.db", "desktop.ini"))
_MAGIC = b"PK\x03\x04"


@dataclass(frozen=True, slots=True)
class _Tree:
    """Files of one kind below a folder.

    Attributes:
        kind: images, sounds or texts.
        names: Of the files, sorted, relative to the root, with slashes.
        base: Parts of the names before the class; those of "data/train" are two.
        others: Files of other kinds, counted by suffix.
        left_out: Files in folders kept back for testing, counted by folder.
    """

    kind: str
    names: tuple[str, ...]
    base: int
    others: Counter[str]
    left_out: Counter[str]

    def label(self, name: str) -> str | None:
        """The class of a file: the first folder below the base; None for a file beside the class folders."""
        parts = name.split("/")[self.base :]
        return parts[0] if len(parts) > 1 else None


def is_media_root(path: Path) -> bool:
    """Whether a path is a folder, or a zip archive that is no workbook."""
    try:
        if not path.is_file():  # a pipe must not be looked into
            return path.is_dir()
        with path.open("rb") as file:
            if file.read(4) != _MAGIC:
                return False
        with zipfile.ZipFile(path) as archive:
            return not {"[Content_Types].xml", "mimetype"} & set(archive.namelist())
    except OSError:
        return False
    except DAMAGE:
        return path.suffix.lower() == ".zip"


def read_folder(root: Path, n_rows: int | None = None) -> tuple[pl.DataFrame, list[Finding]]:
    """A folder or zip archive of class folders as a frame, in the order of the names.

    Images and sounds come as `path` (relative to the root) and `label`, texts as `text` and `label`. The label is the
    name of the first folder below the root, or below `train` where there is one. Without class folders there is no
    label. Hidden files are passed over.

    Raises:
        DataError: There is no image, sound or text in it, or a name in an archive leads out of it.
    """
    files = files_below(root)
    tree = _sorted_out(root, sorted(_names(root, files)))
    names = tree.names[:n_rows]
    labels = [tree.label(name) for name in names]
    findings = list(_findings(tree, root))
    if tree.kind == "texts":
        texts, problems = _texts(names, files)
        findings += problems
        columns = {"text": pl.Series(texts, dtype=pl.String)}
    else:
        columns = {"path": pl.Series(names, dtype=pl.String)}
    if any(label is not None for label in labels):
        columns["label"] = pl.Series(labels, dtype=pl.String)
    return pl.DataFrame(columns), findings


def _names(root: Path, files: Files) -> Iterator[str]:
    """Names of all files that are not hidden."""
    if root.is_file():
        with zipfile.ZipFile(root) as archive:
            found = [inside(info.filename, root) for info in archive.infolist() if not info.is_dir()]
        yield from (name for name in found if not any(map(_is_hidden, name.split("/"))))
        return
    for folder, folders, inside_it in os.walk(root):
        folders[:] = [name for name in folders if not _is_hidden(name)]
        below = Path(folder).relative_to(root)
        for name in folders:
            if Path(folder, name).is_symlink():  # not followed; one that leads out is refused
                files.status((below / name).as_posix())
        yield from ((below / name).as_posix() for name in inside_it if not _is_hidden(name))


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name in _SYSTEM


def _sorted_out(root: Path, names: Sequence[str]) -> _Tree:
    """The files that are read, and what is left out."""
    if not names:
        raise DataError(f"{root} is empty", "it should hold folders of images, sounds or texts, one a class")
    kinds = {name: kind for name in names if (kind := _kind(name))}
    if not kinds:
        raise _no_media(root, names)
    counts = Counter(kinds.values())
    kind = max(_SUFFIXES, key=lambda each: counts[each])
    chosen = [name for name, its in kinds.items() if its == kind]
    base = _base(chosen)
    tops = {name.split("/")[base] for name in chosen if name.count("/") > base}
    train = sorted(top for top in tops if top.lower() in _TRAIN)
    left_out: Counter[str] = Counter()
    if train:
        left_out = Counter(top for name in chosen if (top := name.split("/")[base]) != train[0])
        chosen = [name for name in chosen if name.split("/")[base] == train[0]]
    if train or (len(tops) == 1 and tops.pop().lower() in _KEPT_BACK):
        base += 1
    tables = [name for name in names if "/" not in name and PurePosixPath(name).suffix.lower() in _TABLES]
    if tables and len({name.split("/")[base] for name in chosen if name.count("/") > base}) < 2:
        raise _tables(root, tables)
    others = Counter(PurePosixPath(name).suffix.lower() or "no suffix" for name in names if kinds.get(name) != kind)
    return _Tree(kind, tuple(chosen), base, others, left_out)


def _base(names: Sequence[str]) -> int:
    """Folders at the start of the names in which everything lies, and which are no classes or parts of a split."""
    base = 0
    while all(name.count("/") >= base + 2 for name in names):
        tops = {name.split("/")[base] for name in names}
        if len(tops) > 1 or tops.pop().lower() in _TRAIN | _KEPT_BACK:
            break
        base += 1
    return base


def _kind(name: str) -> str:
    suffix = PurePosixPath(name).suffix.lower()
    return next((kind for kind, suffixes in _SUFFIXES.items() if suffix in suffixes), "")


def _no_media(root: Path, names: Sequence[str]) -> DataError:
    tables = [name for name in names if PurePosixPath(name).suffix.lower() in _TABLES]
    if tables:
        return _tables(root, tables)
    return DataError(
        f"{root} holds no images, sounds or texts",
        f"it holds: {', '.join(names[:5])}{', …' if len(names) > 5 else ''} ({len(names):,})",
        f"read are: {' '.join(suffix for suffixes in _SUFFIXES.values() for suffix in sorted(suffixes))}",
    )


def _tables(root: Path, tables: Sequence[str]) -> DataError:
    first = max(tables, key=lambda name: "train" in name.lower())
    first = first if root.is_file() else str(root / first)
    what = f"{root} is a {'zip archive' if root.is_file() else 'folder'} with tables, not a table"
    way = "unpack it, and name the table" if root.is_file() else "name the table"
    return DataError(what, f"it holds: {', '.join(tables[:5])}{', …' if len(tables) > 5 else ''}", f"{way}: {first}")


def _findings(tree: _Tree, root: Path) -> Iterator[Finding]:
    if tree.left_out:
        counts = ", ".join(f"{n:,} in {top!r}" for top, n in sorted(tree.left_out.items()))
        kept = tree.names[0].split("/")[tree.base - 1]
        test = next((top for top in tree.left_out if top.lower().startswith("test")), None)
        known = test is not None and root.is_dir() and tree.base == 1
        yield _finding(
            "folders kept back for testing",
            f"{tree.kind} outside of {kept!r}: {counts}",
            action=f"only {kept!r} was read"
            + (f"; --test {root / str(test)} scores the finished model" if known else ""),
        )
    if tree.others:
        shown = ", ".join(f"{n:,} {suffix}" for suffix, n in tree.others.most_common(5))
        yield _finding(f"files that are no {tree.kind}", f"{sum(tree.others.values()):,}: {shown}", action="left out")
    if all(tree.label(name) is None for name in tree.names):
        yield _finding(
            "no class folders",
            f"{len(tree.names):,} {tree.kind} in one folder, so there is no column 'label'",
            advice="to learn from them, put those of each class into a folder named after it",
        )


def _finding(title: str, evidence: str, action: str = "", advice: str = "") -> Finding:
    return Finding(code=CODE, title=title, severity="info", evidence=evidence, action=action, advice=advice)


def _texts(names: Sequence[str], files: Files) -> tuple[list[str | None], list[Finding]]:
    """What is in text files, None where one is empty or no text; and how many were not read."""
    texts: list[str | None] = []
    problems: dict[str, str] = {}
    for name in names:
        try:
            texts.append(_text(files.read(name), name))
        except ValueError as error:
            texts.append(None)
            problems[name] = str(error)
    if not problems:
        return texts, []
    first = next(iter(problems))
    evidence = f"{len(problems):,} of {len(names):,}, the first: {first!r} ({problems[first]})"
    return texts, [_finding("files that are no text", evidence, action="read as missing")]


def _text(content: bytes, name: str) -> str:
    try:
        return b"".join(Decoder(detect_encoding(content), name).decode(iter([content]))).decode()
    except DataError as error:
        raise ValueError(error.message) from None
