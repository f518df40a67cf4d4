"""The encoder: a table becomes numbers, codes and blocks, row by row, in a way fitted once on the training table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from automl.encoding.columns import Encoded, NumberEncoding, Spaces
from automl.encoding.embedding import Embedding, ImageEmbedding, Wanted, fit_embedding
from automl.encoding.fit import fit_column
from automl.encoding.kinds import ColumnEncoding
from automl.encoding.media import MediaEncoding, absent_rows
from automl.encoding.projection import Projection
from automl.encoding.text import TextSpace
from automl.encoding.values import Missing, read_codes, read_numbers
from automl.encoding.words import Lexicon
from automl.errors import DataError
from automl.family import State
from automl.features import Features, Layout
from automl.pretrained.reference import Reference
from automl.profile import Profile
from automl.table import Column, Table, no_column
from automl.task import Task

OnBad = Literal["fail", "null"]

_LARGEST = float(np.finfo(np.float32).max)
_ENCODED = frozenset(("number", "integer_code", "category", "ordinal", "boolean", "datetime", "text", "image", "audio"))
_SPACE_ARRAYS = ("keys", "idf", "components")
_LEXICON_ARRAYS = ("words", "word_terms", "gram_terms", "idf")
_PROJECTION_ARRAYS = ("mean", "directions")


@dataclass(frozen=True, slots=True)
class BadRows:
    """Rows with a value that cannot be read.

    Attributes:
        mask: (n_rows,) which rows.
        reasons: Row (from 0) to the column, the value and what it should be, in a sentence; the first column counts.
    """

    mask: NDArray[np.bool_]
    reasons: dict[int, str]


class Encoder:
    """Fitted encodings of columns; made by `fit_encoder` and `load_encoder`.

    A row's features depend on that row alone. Columns that the model does not use may be missing, be there in
    addition, or stand in any order.

    Attributes:
        layout: Names and origin of the features.
    """

    def __init__(self, encodings: tuple[ColumnEncoding, ...], spaces: Spaces) -> None:
        self._encodings = encodings
        self._spaces = spaces
        self._media = {e.column: e for e in encodings if isinstance(e, MediaEncoding)}
        columns = tuple(dict.fromkeys(e.column for e in encodings))
        place = {name: i for i, name in enumerate(columns)}
        levels = [(e.column, n) for e in encodings for n in e.n_levels]
        self.layout = Layout(
            columns=columns,
            num_names=tuple(name for e in encodings for name in e.num_names),
            num_sources=tuple(place[e.column] for e in encodings for _ in e.num_names),
            cat_names=tuple(column for column, _ in levels),
            cat_sources=tuple(place[column] for column, _ in levels),
            n_levels=tuple(n for _, n in levels),
            cat_ordered=(False,) * len(levels),
            blocks=tuple(block for e in encodings for block in e.blocks),
            embedded=tuple(e.column for e in encodings if isinstance(e, Embedding)),
        )

    @property
    def columns(self) -> tuple[str, ...]:
        """The user's columns that are needed, in the order of the training file."""
        return self.layout.columns

    @property
    def references(self) -> tuple[Reference, ...]:
        """The pretrained encoders that are needed, each once."""
        return tuple(dict.fromkeys(e.reference for e in self._encodings if isinstance(e, Embedding)))

    def encode(self, table: Table, on_bad: OnBad = "fail") -> Features:
        """The rows as numbers and codes.

        Args:
            table: Any rows with the columns of the training table, in any order.
            on_bad: What a value does that cannot be read (a word in a column of numbers): "fail" refuses it, "null"
                takes it for missing.

        Raises:
            DataError: A column is missing, or a value cannot be read; names the column, the row and the value.
        """
        features, bad = self.encode_rows(table)
        if on_bad == "fail" and bad.reasons:
            raise _refusal(table, bad)
        return features

    def encode_rows(self, table: Table) -> tuple[Features, BadRows]:
        """The rows as numbers and codes, values that cannot be read taken for missing; and the rows that have some.

        Raises:
            DataError: A column is missing, or names a file outside of the folder of the table.
        """
        return self._encode(table, {})

    def decode(self, table: Table, column: str) -> NDArray[Any]:
        """What the encoder reads of the files that a column names.

        Args:
            table: Any rows.
            column: Of images or sounds; KeyError if it is none of those.

        Returns:
            The column's block, (n_rows, ...); all zero where a file is missing or cannot be read.
        """
        return self._media[column].decode(table.column(column)).values

    def encode_decoded(self, table: Table, column: str, values: NDArray[Any]) -> Features:
        """The rows of a table, but what the files of one column hold is told.

        Args:
            table: Any rows; values that cannot be read are taken for missing.
            column: Of images or sounds.
            values: As `decode` returns them.
        """
        return self._encode(table, {column: values})[0]

    def _encode(self, table: Table, decoded: Mapping[str, NDArray[Any]]) -> tuple[Features, BadRows]:
        """As `encode_rows`, with the decoded files of some columns."""
        self.check_columns(table)
        x_num = np.empty((table.n_rows, len(self.layout.num_names)), dtype=np.float32)
        x_cat = np.empty((table.n_rows, len(self.layout.cat_names)), dtype=np.int32)
        blocks: list[Any] = []
        mask = np.zeros(table.n_rows, dtype=np.bool_)
        reasons: dict[int, str] = {}
        i_num = i_cat = 0
        columns = {column.name: column for column in table.columns()}
        for encoding in self._encodings:
            column = columns[encoding.column]
            if column.name in decoded:
                encoded = self._encode_decoded(encoding, column, decoded[column.name])
            else:
                encoded = encoding.encode(columns, self._spaces)
            if encoded.bad is not None:
                for row in np.flatnonzero(encoded.bad & ~mask).tolist():
                    reasons[row] = _reason(column, encoding, encoded, row)
                mask |= encoded.bad
            blocks += encoded.blocks
            for values in encoded.num:
                x_num[:, i_num] = np.clip(values, -_LARGEST, _LARGEST)
                i_num += 1
            for codes in encoded.cat:
                x_cat[:, i_cat] = codes
                i_cat += 1
        return Features(x_num, x_cat, self.layout, tuple(blocks)), BadRows(mask, reasons)

    def _encode_decoded(self, encoding: ColumnEncoding, column: Column, values: NDArray[Any]) -> Encoded:
        """A column of media by one of its encodings, from what its files are told to hold."""
        if isinstance(encoding, ImageEmbedding):
            seen = self._media[column.name].decode(column).values
            return encoding.encode_changed(column, self._spaces, seen, values)
        if not isinstance(encoding, MediaEncoding):
            raise TypeError(f"column {column.name!r} holds no media")
        return encoding.features_of(values, absent_rows(encoding.missing, column))

    @property
    def is_numeric(self) -> bool:
        """Whether every column is a plain number, so that `encode_matrix` will do."""
        return all(isinstance(e, NumberEncoding) for e in self._encodings)

    def encode_matrix(self, x: NDArray[Any], names: Sequence[str]) -> Features:
        """The same bits as `encode` of a table of these columns, without a table: for single rows in a hurry.

        Args:
            x: (n_rows, n_columns) numbers.
            names: (n_columns,).
        """
        place = {name: i for i, name in enumerate(names)}
        x_num = np.empty((len(x), len(self._encodings)), dtype=np.float32)
        for i, encoding in enumerate(self._encodings):
            if not isinstance(encoding, NumberEncoding):
                raise TypeError(f"column {encoding.column!r} is not a plain number")
            values = np.asarray(x[:, place[encoding.column]], dtype=np.float64)
            values = np.where(np.isfinite(values), values, np.nan)
            x_num[:, i] = np.clip(encoding.moved(encoding.missing.blanked(values)), -_LARGEST, _LARGEST)
        return Features(x_num, np.empty((len(x), 0), dtype=np.int32), self.layout)

    def check_columns(self, table: Table) -> tuple[str, ...]:
        """The columns of a table that are not used, in its order.

        Raises:
            DataError: A needed column is missing; names it, and what is nearest to it.
        """
        names = frozenset(table.names)
        lost = [name for name in self.columns if name not in names]
        if lost:
            error = no_column(lost[0], table.names, table.source)
            more = f"{len(lost)} of the {len(self.columns)} columns of the model are missing: "
            more += ", ".join(map(repr, lost[:8])) + (", …" if len(lost) > 8 else "")
            raise DataError(error.message, *error.hints, *([more] if len(lost) > 1 else []))
        used = set(self.columns)
        return tuple(name for name in table.names if name not in used)

    def save(self) -> State:
        """As data, from which `load_encoder` makes an encoder of the same bits."""
        arrays: dict[str, NDArray[Any]] = {}
        for i, space in enumerate(self._spaces.texts.values()):
            arrays |= {f"text{i}.{name}": getattr(space, name) for name in _SPACE_ARRAYS}
        for i, lexicon in enumerate(self._spaces.lexicons.values()):
            arrays |= {f"words{i}.{name}": getattr(lexicon, name) for name in _LEXICON_ARRAYS}
        for i, projection in enumerate(self._spaces.embeddings.values()):
            arrays |= {f"embedding{i}.{name}": getattr(projection, name) for name in _PROJECTION_ARRAYS}
        learned = {
            "spaces": list(self._spaces.texts),
            "lexicons": list(self._spaces.lexicons),
            "embeddings": list(self._spaces.embeddings),
        }
        return State({"encodings": msgspec.to_builtins(self._encodings), **learned}, arrays)


def fit_encoder(
    table: Table, profile: Profile, task: Task, embedded: Mapping[str, Wanted] = MappingProxyType({})
) -> Encoder:
    """Fit how the feature columns of a table are encoded; the target is never looked at.

    Args:
        table: Training rows.
        profile: Of the table; its features are encoded, in its order.
        task: Its target, group and weight columns are left out, whatever role they have.
        embedded: Columns that a pretrained encoder is to read too.
    """
    told = {task.target, task.group, task.weight}
    features = [c for c in profile.features if c.name not in told and c.kind in _ENCODED]
    columns = {column.name: column for column in table.columns()}
    encodings: list[ColumnEncoding] = []
    texts: dict[str, TextSpace] = {}
    lexicons: dict[str, Lexicon] = {}
    projections: dict[str, Projection] = {}
    for i, column in enumerate(features):
        dates = [c for c in features[:i] if c.kind == "datetime"]
        fitted, spaces = fit_column(columns, column, dates)
        encodings += fitted
        texts |= spaces.texts
        lexicons |= spaces.lexicons
        wanted = embedded.get(column.name)
        found = fit_embedding(columns[column.name], column, wanted) if wanted else None
        if found is not None:
            encodings.append(found[0])
            projections[column.name] = found[1]
    return Encoder(tuple(encodings), Spaces(texts, lexicons, projections))


def load_encoder(state: State) -> Encoder:
    """The encoder that `Encoder.save` wrote."""
    encodings = msgspec.convert(state.config["encodings"], tuple[ColumnEncoding, ...])
    texts = {
        column: TextSpace(*(np.asarray(state.arrays[f"text{i}.{name}"]) for name in _SPACE_ARRAYS))
        for i, column in enumerate(state.config["spaces"])
    }
    lexicons = {
        column: Lexicon(*(np.asarray(state.arrays[f"words{i}.{name}"]) for name in _LEXICON_ARRAYS))
        for i, column in enumerate(state.config.get("lexicons", ()))
    }
    projections = {
        column: Projection(*(np.asarray(state.arrays[f"embedding{i}.{name}"]) for name in _PROJECTION_ARRAYS))
        for i, column in enumerate(state.config.get("embeddings", ()))
    }
    return Encoder(encodings, Spaces(texts, lexicons, projections))


def encode_target(table: Table, profile: Profile, task: Task) -> NDArray[Any]:
    """The target as the models learn it.

    Returns:
        (n_rows,) int64 index into `task.classes`, -1 where missing and -2 where it is none of them; for regression
        float64 values, NaN where missing or not a number.
    """
    told = profile.column(task.target)
    column = table.column(task.target)
    if not task.is_classification:
        return read_numbers(column, told.number_format, Missing.of(told))[0]
    numeric = column.storage == "number" or told.storage == "number"
    return read_codes(column, task.classes, numeric and _are_numbers(task.classes), Missing.of(told)).astype(np.int64)


def _are_numbers(texts: tuple[str, ...]) -> bool:
    try:
        return all(np.isfinite(float(text)) for text in texts)
    except ValueError:
        return False


def _reason(column: Column, encoding: ColumnEncoding, encoded: Encoded, row: int) -> str:
    why = f" ({encoded.reasons[row]})" if row in encoded.reasons else ""
    return f"column {encoding.column!r}: {str(column.series[row])[:80]!r} is not {encoding.wanted}{why}"


def _refusal(table: Table, bad: BadRows) -> DataError:
    row, count = min(bad.reasons), len(bad.reasons)
    return DataError(
        f"{table.source}, row {row + 1}, {bad.reasons[row]}",
        f"{count} row{'s' if count > 1 else ''} of {table.n_rows} like it; in training every value was read",
        "--on-bad-row null takes such values for missing; --on-bad-row skip leaves the rows out",
    )
