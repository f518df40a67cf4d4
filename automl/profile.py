"""What was found in the data: frozen records, filled by `modalities/` and `checks/`."""

from __future__ import annotations

import re
from typing import Literal, TypeAlias

import msgspec

ColumnKind: TypeAlias = Literal[
    "number",
    "integer_code",
    "category",
    "ordinal",
    "boolean",
    "datetime",
    "text",
    "image",
    "audio",
    "id",
    "constant",
    "path",
]
Role: TypeAlias = Literal["feature", "target", "group", "time", "weight", "left_out"]
Severity: TypeAlias = Literal["info", "warning", "danger"]
Modality: TypeAlias = Literal["tabular", "text", "image", "audio", "mixed"]

USUAL_WORDS = 15.0


class NumberFormat(msgspec.Struct, frozen=True):
    """How the strings of a column are read as numbers.

    Attributes:
        decimal: The decimal mark.
        thousands: The mark between thousands, removed.
        strip: Characters removed at both ends: currency signs, percent, plus, blanks.
        suffixes: Whether k, M, B (or G) at the end multiply by 1e3, 1e6, 1e9.
    """

    decimal: str = "."
    thousands: str = ""
    strip: str = ""
    suffixes: bool = False


class Numbers(msgspec.Struct, frozen=True):
    """Distribution of a numeric column.

    Attributes:
        quantiles: At 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99.
        edges: Histogram edges, (n_bins + 1,).
        counts: Rows in each bin, (n_bins,).
    """

    minimum: float
    maximum: float
    mean: float
    deviation: float
    skew: float
    share_zero: float
    share_integer: float
    quantiles: tuple[float, ...]
    edges: tuple[float, ...]
    counts: tuple[int, ...]


class Extent(msgspec.Struct, frozen=True, kw_only=True):
    """How large the texts, images or sounds of a column are; 0 for what its kind does not have.

    Attributes:
        words: In a text, on average.
        height, width: Of an image, in pixels, medians.
        channels: 1 where all images are grey, else 3.
        seconds: That 95 in 100 sounds do not exceed.
        rate: Samples a second, the most frequent.
    """

    words: float = 0.0
    height: int = 0
    width: int = 0
    channels: int = 0
    seconds: float = 0.0
    rate: int = 0


class ColumnProfile(msgspec.Struct, frozen=True, kw_only=True):
    """One column of the user's file.

    Attributes:
        kind: What the values mean.
        confidence: Of the kind, 0 to 1.
        evidence: Why this kind, in a few words.
        storage: How the column came out of the file: number, string, boolean or datetime.
        n_missing: Missing values, disguised ones included.
        missing_tokens: Strings that stand for missing in this column ("?", "N/A").
        missing_numbers: Numbers that stand for missing (-999).
        n_unique: Distinct values (in the rows profiled).
        top: The most frequent values with their counts.
        numbers: Distribution, where the values are numbers.
        number_format: How strings become numbers, where they must.
        date_format: strptime format of dates kept as strings; "iso" and "epoch_s" are understood too.
        levels: Order of the values of an ordinal column; (false, true) of a boolean one.
        extent: Of texts, images and sounds.
    """

    name: str
    kind: ColumnKind
    confidence: float
    evidence: str
    storage: str
    role: Role = "feature"
    n_missing: int = 0
    missing_tokens: tuple[str, ...] = ()
    missing_numbers: tuple[float, ...] = ()
    n_unique: int = 0
    top: tuple[tuple[str, int], ...] = ()
    numbers: Numbers | None = None
    number_format: NumberFormat | None = None
    date_format: str | None = None
    levels: tuple[str, ...] = ()
    extent: Extent | None = None

    @property
    def n_words(self) -> float:
        """Words in a text, on average; a short sentence's where they were not counted."""
        return self.extent.words if self.extent else USUAL_WORDS

    @property
    def is_feature(self) -> bool:
        """Whether models learn from it: features, and the dates that rows are split by (their parts, their season)."""
        return self.role == "feature" or (self.role == "time" and self.kind == "datetime")


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """Something in the data that a person should know.

    Attributes:
        code: D001, D002, ...; one code a check.
        title: A few words.
        severity: info, warning or danger.
        columns: The columns it is about; empty if about the whole table.
        evidence: What was seen, with the numbers.
        advice: What to do about it, with the flag that does it.
        action: What the tool did about it; empty if nothing.
    """

    code: str
    title: str
    severity: Severity
    evidence: str
    columns: tuple[str, ...] = ()
    advice: str = ""
    action: str = ""


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """The size of the learning problem, for cost models.

    Attributes:
        n_rows: Rows with a target.
        d_num: Numeric features after encoding.
        d_cat: Categorical features after encoding.
        n_levels: Categories over all categorical features.
        n_outputs: Classes, or 1.
        is_amount: Whether the target is a number with a tail upwards, never below 0 (a price, a count, a duration),
            whose logarithm may be easier to learn than the number that the metric speaks of.
        balance: 4 p (1 - p) of two classes with shares p and 1 - p: 1 where they are level; 1 of all other targets.
    """

    n_rows: int
    d_num: int
    d_cat: int
    n_levels: int
    n_outputs: int
    is_amount: bool = False
    balance: float = 1.0

    @property
    def telling_rows(self) -> float:
        """Rows by what they tell of a model: of two classes as many as, were they level, would tell as much."""
        return max(1.0, self.n_rows * self.balance)

    @property
    def d(self) -> int:
        """Features after encoding."""
        return self.d_num + self.d_cat


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """A data set: its size, columns and findings.

    Attributes:
        source: The file's name as the user gave it.
        n_rows: Rows in the file.
        n_rows_profiled: Rows that were looked at (a sample of a large file).
        n_rows_without_target: Rows left out because their target is missing.
        memory_bytes: Of the table in memory.
        shape: Size of the learning problem; None without a target.
        suggested_group: A column whose groups a random split would tear apart.
        suggested_time: A column that rows follow and the target moves with: a random split lets a model see the future.
    """

    source: str
    n_rows: int
    n_rows_profiled: int
    memory_bytes: int
    modality: Modality
    columns: tuple[ColumnProfile, ...]
    findings: tuple[Finding, ...] = ()
    n_rows_without_target: int = 0
    shape: Shape | None = None
    suggested_group: str | None = None
    suggested_time: str | None = None

    def column(self, name: str) -> ColumnProfile:
        """The profile of one column; KeyError if there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    @property
    def size(self) -> Shape:
        """The size of the learning problem; ValueError if there is no target."""
        if self.shape is None:
            raise ValueError(f"{self.source} was profiled without a target")
        return self.shape

    @property
    def features(self) -> tuple[ColumnProfile, ...]:
        """The columns a model learns from."""
        return tuple(c for c in self.columns if c.is_feature)

    def holds(self, *kinds: ColumnKind) -> bool:
        """Whether a model could learn from a column of one of these kinds."""
        return any(c.kind in kinds for c in self.features)


def words_of(name: str) -> tuple[str, ...]:
    """The lower-case words of a column's name: "customerID", "Customer Id" and "customer_id" are all customer, id."""
    return tuple(word.lower() for word in re.findall(r"[^\W\d_A-Z]+|[A-Z]+(?![a-z])|[A-Z][a-z]+|\d+", name))
