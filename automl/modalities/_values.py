"""The values of one column, counted once, so that every detector after it is cheap."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from automl.profile import Numbers
from automl.table import Column

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
N_FIRST = 200  # distinct strings that detectors look at one by one
_LONGEST = 200  # characters of them
_FEW = 5000  # values that are counted faster one by one
_N_BINS = 20
_EXACT = 2**53  # beyond it float64 skips whole numbers


@dataclass(frozen=True)
class Runs:
    """Finite numbers, counted.

    Shape:
        distinct: (k,) ascending.
        counts: (k,) how often each occurs.
    """

    distinct: NDArray[np.float64]
    counts: NDArray[np.int64]

    @classmethod
    def of(cls, values: NDArray[np.float64]) -> Runs:
        """Count the values that are not NaN."""
        ordered = np.sort(values[~np.isnan(values)])
        first = np.empty(len(ordered), dtype=bool)
        first[:1] = True
        np.not_equal(ordered[1:], ordered[:-1], out=first[1:])
        starts = np.flatnonzero(first)
        return cls(ordered[starts], np.diff(starts, append=len(ordered)))

    @cached_property
    def n(self) -> int:
        """Values."""
        return int(self.counts.sum())

    @cached_property
    def is_whole(self) -> bool:
        """Whether no value has a fractional part."""
        return bool((self.distinct == np.floor(self.distinct)).all())

    def without(self, numbers: tuple[float, ...]) -> Runs:
        """The same without those numbers."""
        if not numbers:
            return self
        keep = ~np.isin(self.distinct, numbers)
        return Runs(self.distinct[keep], self.counts[keep])

    def top(self, limit: int) -> tuple[tuple[str, int], ...]:
        """The most frequent values as text, with their counts."""
        order = np.lexsort((self.distinct, -self.counts))[:limit]
        return tuple((_text(float(self.distinct[i])), int(self.counts[i])) for i in order)

    def describe(self) -> Numbers | None:
        """Their distribution; None without values."""
        if not len(self.distinct):
            return None
        x, low, high = self.distinct, float(self.distinct[0]), float(self.distinct[-1])
        share = self.counts / self.n
        # values up to 1e308 must not overflow on the way to the moments
        scale = max(abs(low), abs(high)) or 1.0
        z = x / scale
        mean = float(share @ z)
        centred = z - mean
        deviation = float(np.sqrt(share @ centred**2))
        skew = float(share @ (centred / deviation) ** 3) if deviation > 1e-12 else 0.0
        running = np.cumsum(self.counts)
        at = np.searchsorted(running, np.array(QUANTILES) * (self.n - 1), side="right")
        n_bins = min(_N_BINS, len(x))
        edges = np.linspace(low / scale, high / scale, n_bins + 1) * scale
        below = np.concatenate([[0], running])[np.searchsorted(x, edges[1:-1], side="left")]
        return Numbers(
            minimum=low,
            maximum=high,
            mean=mean * scale,
            deviation=deviation * scale,
            skew=skew,
            share_zero=float(self.counts[x == 0.0].sum() / self.n),
            share_integer=float(self.counts[x == np.floor(x)].sum() / self.n),
            quantiles=tuple(x[at].tolist()),
            edges=tuple(edges.tolist()),
            counts=tuple(np.diff(below, prepend=0, append=self.n).tolist()),
        )


def _text(value: float) -> str:
    return str(int(value)) if value == int(value) and abs(value) < _EXACT else str(value)


class Words:
    """The texts of a column, counted.

    Attributes:
        counts: (k,) how often each distinct text occurs.
        first: The most frequent texts, at most `N_FIRST` of them, cut to 200 characters, with their counts.
        n: Texts that are not null.
    """

    def __init__(self, column: Column) -> None:
        self._text = column.as_text().drop_nulls()
        self.n = len(self._text)
        # in the order of appearance: value_counts() gives them in another order each time
        if self.n <= _FEW:
            found = Counter(self._text.to_list())
            self.counts: NDArray[np.int64] = np.array(list(found.values()), dtype=np.int64)
            pairs = [(text[:_LONGEST], n) for text, n in found.most_common(N_FIRST)]
        else:
            self.counts = self._text.unique_counts().to_numpy().astype(np.int64)
            most = np.argsort(-self.counts, kind="stable")[:N_FIRST]
            cut = self.distinct.series.gather(most).str.slice(0, _LONGEST).to_list()
            pairs = list(zip(cut, self.counts[most].tolist(), strict=True))
        self.first: tuple[tuple[str, int], ...] = tuple(sorted(pairs, key=lambda pair: (-pair[1], pair[0])))

    @cached_property
    def distinct(self) -> Column:
        """Column of the distinct texts in the order of `counts`, blanks at the ends removed."""
        return Column(self._text.unique(maintain_order=True))

    @property
    def n_unique(self) -> int:
        """Distinct texts."""
        return len(self.counts)

    @property
    def texts(self) -> tuple[str, ...]:
        """The most frequent texts."""
        return tuple(text for text, _ in self.first)

    def among(self, tokens: frozenset[str]) -> tuple[str, ...]:
        """Those distinct texts that are, in lower case, in the set."""
        if self.n_unique <= N_FIRST:
            return tuple(text for text in self.texts if text.lower() in tokens)
        short = self.distinct.series.filter(self.distinct.series.str.len_bytes() <= 20)
        return tuple(short.filter(short.str.to_lowercase().is_in(list(tokens))).to_list())

    def without(self, tokens: tuple[str, ...]) -> Words:
        """The same without those texts."""
        if not tokens:
            return self
        keep = ~self.distinct.series.is_in(list(tokens)).to_numpy()
        rest = object.__new__(Words)
        rest._text = self.distinct.series.filter(keep)
        rest.counts = self.counts[keep]
        rest.n = int(rest.counts.sum())
        rest.first = tuple(pair for pair in self.first if pair[0] not in tokens)
        return rest

    def mean_words(self) -> float:
        """Words in one of the most frequent texts on average."""
        return sum(len(text.split()) for text in self.texts) / max(1, len(self.texts))

    def mean_length(self) -> float:
        """Characters in one of the most frequent texts on average; 200 counts for more."""
        return sum(map(len, self.texts)) / max(1, len(self.texts))

    def share(self, good: NDArray[np.bool_]) -> float:
        """Share of the rows whose distinct text is marked, (k,)."""
        return float(self.counts[good].sum() / self.n) if self.n else 0.0
