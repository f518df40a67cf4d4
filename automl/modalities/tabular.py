"""Tables: what each column means, which one is to be predicted, and what is odd about the data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Literal

import msgspec
import numpy as np

from automl.checks import run_checks
from automl.checks.context import Context
from automl.encoding.fit import MOST_LEVELS, TOPICS
from automl.errors import DataError
from automl.modalities._columns import profile_column
from automl.models.target_means import n_means
from automl.profile import ColumnProfile, Finding, Modality, Profile, Role, Shape
from automl.settings import Settings
from automl.table import Column, Table
from automl.task import UNSTRUCTURED, Task, infer_task

N_PROFILED = 100_000  # rows looked at; what is rarer than 1 in 10,000 may be missed beyond
_D_DATETIME = 8  # numeric features of a date
_D_COUNTS = 4  # numeric features of a text beside its topics and its scores by words and by characters
_D_MEDIA = 280  # numeric features of an image or a sound


def profile_table(table: Table, settings: Settings, findings: tuple[Finding, ...] = ()) -> tuple[Profile, Task | None]:
    """Profile a table and infer the task.

    At most 100,000 rows, drawn by the seed, are looked at; sizes, missing values, classes, duplicate rows, infinities
    and huge cells are counted over all of them.

    Args:
        table: As read.
        settings: Target, task, types, columns to leave out. Groups that are found, or else dates that rows follow and
            the target moves with, are split by unless a column is told for it; `group` or `time` "none" refuses that.
        findings: Those of the reader, kept first.

    Returns:
        The profile, and the task; None where no target was given and none could be inferred.

    Raises:
        DataError: There are no rows, a column that was named is not there, or the target cannot be learned.
        UsageError: A type, task or metric is not known or does not suit.
    """
    if table.n_rows == 0 or not table.names:
        raise DataError(f"{table.source} has {len(table.names)} columns and no rows", "a table needs at least one row")
    for name in (*settings.types, *settings.drop, *settings.id):
        table.column(name)
    told_none = UNSTRUCTURED not in table.names
    refused = {how for how in ("group", "time") if told_none and getattr(settings, how) == UNSTRUCTURED}
    settings = msgspec.structs.replace(settings, **dict.fromkeys(refused))
    sample = table.sample(N_PROFILED, settings.seed)
    columns = [profile_column(column, settings.types.get(column.name)) for column in sample.columns()]
    if sample.n_rows < table.n_rows:
        columns = [_counted_in_full(full, c) for full, c in zip(table.columns(), columns, strict=True)]
    columns = [_as_target(table, c) if c.name == settings.target else c for c in columns]
    task = infer_task(table, columns, settings)
    if task is not None and settings.target is None:
        columns = [_as_target(table, c) if c.name == task.target else c for c in columns]
    columns = [msgspec.structs.replace(c, role=_role(c, task, settings)) for c in columns]
    twins = _twins(sample, columns)
    profiles = tuple(msgspec.structs.replace(c, role="left_out") if c.name in twins else c for c in columns)
    n_without = 0 if task is None else _n_without_target(table, task, profiles)
    context = Context(table, sample, profiles, task, twins, n_without, settings.seed)
    profile = _profile(context, (*findings, *run_checks(context)))
    if task is None or task.group or task.time:
        return profile, task
    if profile.suggested_group and "group" not in refused:
        name = profile.suggested_group
        action = (
            f"groups stay whole in every split, and {name!r} is no feature; --group {UNSTRUCTURED} splits at random"
        )
        return _split_by(profile, "group", "D025", action), msgspec.structs.replace(task, group=name)
    if profile.suggested_time and "time" not in refused:
        action = (
            f"models are checked on rows later than those they learned from; --time {UNSTRUCTURED} splits at random"
        )
        return _split_by(profile, "time", "D026", action), msgspec.structs.replace(task, time=profile.suggested_time)
    return profile, task


def _split_by(profile: Profile, role: Literal["group", "time"], code: str, action: str) -> Profile:
    """The profile with the column of a finding in the role that the finding gives it."""
    found = next(finding for finding in profile.findings if finding.code == code)
    name, done = found.columns[0], msgspec.structs.replace(found, action=action, advice="")
    return msgspec.structs.replace(
        profile,
        columns=tuple(msgspec.structs.replace(c, role=role) if c.name == name else c for c in profile.columns),
        findings=tuple(done if finding is found else finding for finding in profile.findings),
    )


def shape_of(columns: Iterable[ColumnProfile], n_rows: int, task: Task) -> Shape:
    """The size of the learning problem after encoding, estimated from the kinds.

    Args:
        columns: Profiles of features and target.
        n_rows: Rows with a target.
        task: What is learned.
    """
    columns = tuple(columns)
    d_num = d_cat = n_levels = 0
    for column in columns:
        if not column.is_feature:
            continue
        if column.kind in ("category", "integer_code"):
            d_cat += 1
            n_levels += min(column.n_unique, MOST_LEVELS)
        elif column.kind == "datetime":
            d_num += _D_DATETIME
        elif column.kind == "text":
            d_num += TOPICS + _D_COUNTS + 2 * n_means(len(task.classes))
        elif column.kind in ("image", "audio"):
            d_num += _D_MEDIA
        elif column.kind in ("number", "boolean", "ordinal"):
            d_num += 1
    return Shape(
        n_rows=n_rows,
        d_num=d_num,
        d_cat=d_cat,
        n_levels=n_levels,
        n_outputs=task.n_outputs,
        is_amount=task.kind == "regression" and task.metric != "rmsle" and any(map(_is_amount, columns)),
        balance=min(map(_balance, columns), default=1.0) if task.kind == "binary" else 1.0,
    )


def _balance(column: ColumnProfile) -> float:
    counts = [count for _, count in column.top] if column.role == "target" else []
    if len(counts) < 2:
        return 1.0
    share = min(counts) / sum(counts)
    return 4 * share * (1 - share)


def _is_amount(column: ColumnProfile) -> bool:
    numbers = column.numbers if column.role == "target" else None
    return numbers is not None and numbers.minimum >= 0 and numbers.skew > 0


def date_format_of(column: Column, settings: Settings) -> str | None:
    """How the values of a column are read as dates; None where they are none."""
    return profile_column(column, settings.types.get(column.name)).date_format


def _profile(context: Context, findings: tuple[Finding, ...]) -> Profile:
    table, task = context.full, context.task
    warned = {finding.code: finding for finding in reversed(findings) if finding.severity == "warning"}
    private = {name for f in findings if f.code == "D030" for name in f.columns}
    columns = tuple(msgspec.structs.replace(c, top=()) if c.name in private else c for c in context.columns)
    n_rows = table.n_rows - context.n_without_target
    return Profile(
        source=table.source,
        n_rows=table.n_rows,
        n_rows_profiled=context.sample.n_rows,
        memory_bytes=table.memory_bytes,
        modality=_modality(columns),
        columns=columns,
        findings=findings,
        n_rows_without_target=context.n_without_target,
        shape=None if task is None else shape_of(columns, n_rows, task),
        suggested_group=warned["D025"].columns[0] if "D025" in warned else None,
        suggested_time=warned["D026"].columns[0] if "D026" in warned else None,
    )


def _modality(columns: Iterable[ColumnProfile]) -> Modality:
    """What the features are made of."""
    kinds = {column.kind for column in columns if column.is_feature}
    if not kinds & {"text", "image", "audio"}:
        return "tabular"
    alone: dict[frozenset[str], Modality] = {
        frozenset(("text",)): "text",
        frozenset(("image",)): "image",
        frozenset(("audio",)): "audio",
    }
    return alone.get(frozenset(kinds), "mixed")


def _counted_in_full(column: Column, profile: ColumnProfile) -> ColumnProfile:
    """The profile of a sample with missing values counted in all rows."""
    plain = column.without(profile.missing_tokens, profile.missing_numbers)
    return msgspec.structs.replace(profile, n_missing=int(plain.missing.sum()))


def _as_target(table: Table, profile: ColumnProfile) -> ColumnProfile:
    """The profile of a target: no number of it stands for missing unless the user says so."""
    if not profile.missing_numbers:
        return profile
    values = table.column(profile.name).without(profile.missing_tokens).numbers(profile.number_format)
    return msgspec.structs.replace(profile, missing_numbers=(), n_missing=int(np.isnan(values).sum()))


def _role(column: ColumnProfile, task: Task | None, settings: Settings) -> Role:
    name = column.name
    if task is not None and name == task.target:
        return "target"
    if name == settings.group:
        return "group"
    if name == settings.time:
        return "time"
    if name == settings.weight:
        return "weight"
    if name in settings.drop or name in settings.id or column.kind in ("id", "constant", "path"):
        return "left_out"
    return "feature"


def _twins(sample: Table, columns: Sequence[ColumnProfile]) -> dict[str, str]:
    """Features whose values are those of an earlier one in every row profiled, with the earlier one's name."""
    first: dict[tuple[str, bytes], str] = {}
    twins: dict[str, str] = {}
    for column, profile in zip(sample.columns(), columns, strict=True):
        if profile.role != "feature":
            continue
        series = column.series
        values = series.to_numpy() if column.storage == "number" else series.hash(seed=0).to_numpy()
        key = str(series.dtype), sha256(np.ascontiguousarray(values).data).digest()
        if first.setdefault(key, profile.name) != profile.name:
            twins[profile.name] = first[key]
    return twins


def _n_without_target(table: Table, task: Task, columns: Iterable[ColumnProfile]) -> int:
    profile = next(c for c in columns if c.name == task.target)
    column = table.column(task.target).without(profile.missing_tokens)
    if task.is_classification:
        return int(column.missing.sum())
    return int(np.isnan(column.numbers(profile.number_format)).sum())
