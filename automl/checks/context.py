"""What every check may look at."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from automl.profile import ColumnProfile
from automl.table import Column, Table
from automl.task import Task

_MOST_CLASSES = 20


@dataclass(frozen=True)
class Context:
    """A table with what was found in it so far.

    Attributes:
        full: All rows, for facts that are cheap over all of them.
        sample: The rows that were profiled.
        columns: The profile of each column, roles set.
        task: What is to be learned; None if unknown.
        twins: Columns that repeat an earlier one, with the earlier one's name.
        n_without_target: Rows whose target is missing.
        seed: Of samples that a check draws.
    """

    full: Table
    sample: Table
    columns: tuple[ColumnProfile, ...]
    task: Task | None
    twins: dict[str, str]
    n_without_target: int = 0
    seed: int = 0

    @cached_property
    def small(self) -> Table:
        """At most 10,000 of the rows profiled, for checks that cost more a row."""
        return self.sample.sample(10_000, self.seed)

    @cached_property
    def small_columns(self) -> dict[str, Column]:
        """The columns of `small` by name."""
        return {column.name: column for column in self.small.columns()}

    @cached_property
    def target(self) -> ColumnProfile | None:
        """The profile of the target."""
        return next((c for c in self.columns if c.role == "target"), None)

    @property
    def features(self) -> tuple[ColumnProfile, ...]:
        """The columns a model learns from."""
        return tuple(c for c in self.columns if c.role == "feature")

    def outcome(self, table: Table) -> NDArray[np.float64] | None:
        """The target as numbers to explain; None without a task.

        Returns:
            (n_rows, n_outputs): standardised values, or an indicator for each of the 20 most frequent classes (one
            for a binary task); NaN where the target is missing.
        """
        if self.task is None or self.target is None:
            return None
        column = table.column(self.task.target).without(self.target.missing_tokens)
        if not self.task.is_classification:
            values = column.numbers(self.target.number_format)
            # scaled first: squares of values near 1e308 would overflow
            values = values / (float(np.nanmax(np.abs(values), initial=0.0)) or 1.0)
            known = values[~np.isnan(values)]
            deviation = float(known.std()) if len(known) else 0.0
            centre = float(known.mean()) if len(known) else 0.0
            return ((values - centre) / (deviation or 1.0))[:, None]
        codes = column.codes(self.task.classes)
        counts = np.bincount(codes[codes >= 0], minlength=len(self.task.classes))
        frequent = np.argsort(-counts, kind="stable")[: 1 if self.task.kind == "binary" else _MOST_CLASSES]
        return np.where(codes[:, None] < 0, np.nan, codes[:, None] == frequent).astype(np.float64)


def read_numbers(column: Column, profile: ColumnProfile) -> NDArray[np.float64]:
    """(n_rows,) a column of numbers or dates as it will be read, NaN where missing."""
    plain = column.without(profile.missing_tokens, profile.missing_numbers)
    if profile.kind == "datetime":
        return plain.datetimes(profile.date_format)
    return plain.numbers(profile.number_format)


def is_read_as_numbers(profile: ColumnProfile) -> bool:
    """Whether the column becomes numbers without a vocabulary."""
    return profile.kind == "datetime" or profile.storage == "number" or profile.number_format is not None


def percent(part: float, whole: float) -> str:
    """A share in percent with two significant digits."""
    return f"{100 * part / whole:.2g} %" if whole else "0 %"


def listed(names: tuple[str, ...] | list[str], limit: int = 5) -> str:
    """Some names in quotes, and how many more there are."""
    shown = ", ".join(repr(name[:60]) for name in names[:limit])
    return shown + (f" and {len(names) - limit} more" if len(names) > limit else "")
