"""The stage before the search: rows become numbers with targets, weights, groups and splits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from automl.context import Context, Prepared
from automl.embedding import wanted_embeddings
from automl.encoder import BadRows, Encoder, encode_target, fit_encoder
from automl.errors import DataError
from automl.plan import Plan
from automl.profile import Profile
from automl.search.objective import Material
from automl.splits import make_splits
from automl.table import Table


def encode(context: Context, prepared: Prepared, planned: Plan) -> tuple[Prepared, Encoder, Material]:
    """Encode the rows, or the sample of them that the plan asks for, and split them.

    Returns:
        The rows that are learned from (all of them, unless some have files that cannot be read), the encoder, and the
        material.
    """
    table, task = prepared.table, planned.task
    if planned.max_rows is not None and planned.max_rows < table.n_rows:
        context.warn(
            f"trained on a random sample of {planned.max_rows:,} of {table.n_rows:,} rows, to fit the time limit"
        )
        table = table.sample(planned.max_rows, task.seed)
    with context.stage("encode"):
        embedded = wanted_embeddings(context, table, prepared.profile, planned)
        encoder = fit_encoder(table, prepared.profile, task, embedded)
        x, bad = encoder.encode_rows(table)
        if bad.reasons:
            kept = _without_bad(context, table, bad)
            table, x = table.take(kept), x.take(kept)
            prepared = replace(prepared, table=table)
        y = encode_target(table, prepared.profile, task)
        weights = _weights(table, prepared.profile, task.weight) if task.weight else None
        groups = _group_codes(table, prepared.profile, task.group) if task.group else None
        splits = make_splits(
            planned.validation,
            y,
            groups=groups,
            times=_times(table, prepared.profile, task.time) if task.time else None,
            seed=task.seed,
        )
        return prepared, encoder, Material(task, x, y, weights, splits, groups)


def _without_bad(context: Context, table: Table, bad: BadRows) -> NDArray[np.intp]:
    """The rows whose files can be read.

    Raises:
        DataError: The user wants no row left out, or fewer than two are left.
    """
    kept = np.flatnonzero(~bad.mask)
    n_bad, first = len(bad.reasons), min(bad.reasons)
    told = f"{n_bad:,} of {table.n_rows:,} rows have a file that cannot be read, the first: {bad.reasons[first]}"
    if context.settings.on_bad_file == "fail":
        raise DataError(f"{table.source}: {told}", "try: --on-bad-file skip (leave such rows out)")
    if len(kept) < 2:
        raise DataError(f"{table.source}: {told}", "names of files count from the folder of the table")
    context.warn(f"{told}; left out")
    return kept


def _group_codes(table: Table, found: Profile, name: str) -> NDArray[np.intp]:
    """A code for each group; rows that name none are groups of one row."""
    column = table.column(name).without(found.column(name).missing_tokens)
    texts = np.asarray(column.as_text().fill_null("").to_list(), dtype=np.str_)
    codes = np.unique(texts, return_inverse=True)[1]
    return np.where(column.missing, len(codes) + np.arange(len(codes)), codes)


def _weights(table: Table, found: Profile, name: str) -> NDArray[np.float64]:
    """The weight of each row.

    Raises:
        DataError: One is missing, no number or below 0.
    """
    weights = table.column(name).numbers(found.column(name).number_format)
    bad = np.flatnonzero(~(weights >= 0))
    if len(bad):
        value = table.column(name).as_text()[int(bad[0])]
        what = "is missing" if value is None else f"is {value!r}"
        raise DataError(
            f"column {name!r} has {len(bad):,} weights that are missing, no numbers or below 0: the first {what}",
            "try: another --weight",
        )
    return weights


def _times(table: Table, found: Profile, name: str) -> NDArray[np.float64]:
    column, about = table.column(name), found.column(name)
    if about.date_format or column.storage == "datetime":
        return column.datetimes(about.date_format)
    return column.numbers(about.number_format)
