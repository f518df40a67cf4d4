"""Every way to encode a column, as one type: what an encoder is made of, and read back from."""

from __future__ import annotations

from typing import TypeAlias

from automl.encoding.columns import (
    CategoryEncoding,
    DateEncoding,
    ItemsEncoding,
    NumberEncoding,
    OrdinalEncoding,
    TextEncoding,
    WordsEncoding,
)
from automl.encoding.embedding import ImageEmbedding, TextEmbedding
from automl.encoding.media import AudioEncoding, ImageEncoding

ColumnEncoding: TypeAlias = (
    NumberEncoding
    | OrdinalEncoding
    | CategoryEncoding
    | DateEncoding
    | TextEncoding
    | WordsEncoding
    | ItemsEncoding
    | ImageEncoding
    | AudioEncoding
    | TextEmbedding
    | ImageEmbedding
)
