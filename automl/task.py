"""What is to be learned: the task record, from which everything after the profile starts, and how it is inferred."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec

from automl.errors import DataError, UsageError
from automl.profile import ColumnProfile, words_of

if TYPE_CHECKING:  # settings are merged from plans, which hold tasks
    from automl.settings import Settings
    from automl.table import Column, Table

TaskKind: TypeAlias = Literal["binary", "multiclass", "regression"]
Threshold: TypeAlias = float | tuple[float, ...]  # of the second of two classes; of more, one a class

UNSTRUCTURED = "none"  # as in --group none, --time none: rows are split at random though groups or a drift were found


class History(msgspec.Struct, frozen=True, kw_only=True):
    """Which earlier values a row gets.

    Attributes:
        window: Rows that are looked at, the row itself among them.
        columns: Whose values.
        group: Column whose rows of one value are one series; None where the whole table is one.
        time: Column in whose order the rows of a series follow; None for the order of the table.
        time_format: Of dates kept as text, as in `Column.datetimes`; None for numbers and dates.
    """

    window: int
    columns: tuple[str, ...]
    group: str | None = None
    time: str | None = None
    time_format: str | None = None

    def lags(self, column: str) -> tuple[str, ...]:
        """Columns that hold a column's values in the window, the oldest first."""
        return (*(f"{column}, {k} earlier" for k in range(self.window - 1, 0, -1)), column)

    def summaries(self, column: str) -> tuple[str, str, str]:
        """Columns that hold the mean, the deviation and the change of a column's values over the window."""
        told = f"of {self.window} rows"
        return f"{column}: mean {told}", f"{column}: deviation {told}", f"{column}: change {told}"


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """The learning problem.

    Attributes:
        kind: binary, multiclass or regression.
        target: The column to predict.
        metric: A name in `metrics.METRICS`; what the search optimises.
        classes: Texts that tell classes apart, without blanks around them and without a decimal part of zero, in the
            order of probability columns; empty for regression.
        spelled: The same as they stand in the file, where that is otherwise.
        positive: The class that counts as positive in a binary task (the last of `classes` unless told).
        group: Rows of one group never stand on both sides of a split.
        time: Rows are split in the order of this column.
        weight: Column of row weights.
        history: Earlier values that rows get; None where each row stands for itself.
        evidence: Why this target and this kind were inferred; empty where the user said so.
        seed: Seed of splits and fits.
    """

    kind: TaskKind
    target: str
    metric: str
    classes: tuple[str, ...] = ()
    spelled: tuple[str, ...] = ()
    positive: str | None = None
    group: str | None = None
    time: str | None = None
    weight: str | None = None
    history: History | None = None
    evidence: str = ""
    seed: int = 0

    @property
    def is_classification(self) -> bool:
        """Whether classes are predicted."""
        return self.kind != "regression"

    @property
    def has_threshold(self) -> bool:
        """Whether the metric is one of labels that thresholds serve; accuracy of many classes wants the likeliest."""
        from automl.metrics import METRICS

        return METRICS[self.metric].needs == "labels" and (self.kind == "binary" or self.metric != "accuracy")

    @property
    def labels(self) -> tuple[str, ...]:
        """What predictions say of each class."""
        return self.spelled or self.classes

    @property
    def n_outputs(self) -> int:
        """Numbers a model returns a row: one for regression, one a class otherwise."""
        return max(1, len(self.classes))


_NAMES = words_of("target label labels class outcome response groundtruth classlabel targetlabel dependentvariable")
_EVENTS = words_of(
    "target label class outcome response survived churn churned attrition diagnosis species default fraud spam "
    "sentiment rings deposit spill stroke severity approved converted purchased clicked anomaly passed failure"
)
_AMOUNTS = words_of(
    "price salary sales cost charges demand revenue income fare wage rating score quality grade strength cnt"
)
_QUANTITY_WORDS = frozenset(
    words_of(
        "price salary cost charges sales amount age year years count cnt number num n score rating quality rings "
        "income value total demand quantity weight height length size duration days hours minutes"
    )
)
_POSITIVE = ("yes", "true", "positive", "pos", "y", "t", "+", "bad", "spam", "fraud", "malignant")
_KINDS: tuple[TaskKind, ...] = ("binary", "multiclass", "regression")
_METRICS: dict[TaskKind, str] = {"binary": "roc_auc", "multiclass": "log_loss", "regression": "rmse"}
_NAMED = 4.0  # how much a name such as "label" sounds like a target
_MOST_CLASSES_OF_NUMBERS = 20
_MOST_CLASSES_OF_NAMED_CODES = 100
_CONFIDENCE_OF_NAMES = 0.75  # in a column of codes; those that only look like codes are amounts


def infer_task(table: Table, columns: Sequence[ColumnProfile], settings: Settings) -> Task | None:
    """The task: as told, and where not told by evidence, which the record keeps.

    Args:
        table: All rows; classes are collected over all of them.
        columns: The profile of each column.
        settings: Target, task, metric, positive class, group, time, weight, seed.

    Returns:
        The task, or None where no target was given and no column can be one.

    Raises:
        DataError: A column that was named is not there; the target has no values, a single one, or such that the
            task cannot be.
        UsageError: There is no such task or metric, or they do not suit each other.
    """
    for name in (settings.group, settings.time, settings.weight):
        if name is not None:
            table.column(name)
    if settings.target is not None:
        name, why = table.column(settings.target).name, ""
    else:
        guess = guess_target(columns, settings)
        if guess is None:
            return None
        name, why = guess
    profile = next(c for c in columns if c.name == name)
    column = table.column(name).without(profile.missing_tokens)
    kind, kind_why = _kind(column, profile, settings)
    classes = () if kind == "regression" else _classes(column)
    spelled = _spelled(column, classes)
    _check_values(column, profile, kind, classes, asked=settings.task)
    return Task(
        kind=kind,
        target=name,
        metric=_metric(settings.metric, kind),
        classes=classes,
        spelled=spelled,
        positive=_positive(settings.positive, classes, spelled, kind),
        group=settings.group,
        time=settings.time,
        weight=settings.weight,
        evidence="; ".join(filter(None, (why, kind_why))),
        seed=settings.seed,
    )


def guess_target(columns: Sequence[ColumnProfile], settings: Settings) -> tuple[str, str] | None:
    """The column that looks most like a target, by its name and its place, with the evidence.

    Columns that are taken (group, time, weight, dropped, ids) or cannot be predicted (constant, date, free text,
    file path) are passed over.
    """
    taken = {settings.group, settings.time, settings.weight, *settings.drop, *settings.id}
    fit = [c for c in columns if c.name not in taken and _can_be_target(c)]
    if not fit or len(columns) < 2:
        return None
    names = {c.name.lower() for c in columns}
    best: tuple[float, str, list[str]] = -1.0, "", []
    for column in fit:
        score, why = _looks(column.name, names)
        if column is columns[-1]:
            score, why = score + 1.5, [*why, "it is the last column"]
        elif column is fit[-1]:
            score, why = score + 1.0, [*why, "no later column can be one"]
        elif column is columns[0]:
            score, why = score + 0.6, [*why, "it is the first column"]
        best = max(best, (score, column.name, why), key=lambda each: each[0])
    sure = "likely" if best[0] >= 3 else "a guess"
    return best[1], f"{best[1]!r} taken as target ({sure}: {' and '.join(best[2])})"


def _can_be_target(column: ColumnProfile) -> bool:
    if column.kind in ("constant", "id", "datetime", "text", "image", "audio", "path") or column.n_unique < 2:
        return False
    is_small = column.kind != "category" or column.n_unique <= _MOST_CLASSES_OF_NAMED_CODES
    return is_small or is_target_name(column.name)


def is_target_name(name: str) -> bool:
    """Whether a column's name says that it is the target."""
    return _looks(name, set())[0] >= _NAMED


def _looks(name: str, names: set[str]) -> tuple[float, list[str]]:
    """How much a name sounds like a target, with the reason."""
    words = words_of(name)
    plain = "".join(words)
    if plain in _NAMES or (plain == "y" and not {"x", "z"} & names):
        return _NAMED, [f"its name is {name!r}"]
    for known, weight in ((_EVENTS, 2.0), (_AMOUNTS, 1.4)):
        if hits := [word for word in words if word in known]:
            # a name that is the word alone, or ends in it, says it of the column itself
            alone = 0.4 * (len(words) == 1) - 0.6 * (words[-1] not in known)
            return weight + alone, [f"its name speaks of {hits[-1]}"]
    return 0.0, []


def _kind(column: Column, profile: ColumnProfile, settings: Settings) -> tuple[TaskKind, str]:
    """The kind of the task with its evidence, empty where the user said it."""
    asked = settings.task
    if asked in _KINDS:
        return asked, ""
    if asked not in (None, "classification"):
        raise UsageError(f"no task {asked!r}", f"there are: {', '.join(_KINDS)}, classification")
    distinct = column.n_unique() if column.storage == "number" else len(_classes(column))
    if asked == "classification":
        return ("binary" if distinct == 2 else "multiclass"), ""
    told = settings.types.get(profile.name)
    if told == "number":
        return "regression", ""
    if told in ("category", "integer_code", "ordinal", "boolean"):
        return ("binary" if distinct == 2 else "multiclass"), ""
    kind, why = _kind_by_values(column, profile, distinct)
    measured = _kind_measured(settings.metric, profile, distinct) if settings.metric else None
    if measured is None or (measured == "regression") == (kind == "regression"):
        return kind, why
    return measured, f"{settings.metric} measures {'amounts' if measured == 'regression' else 'classes'}"


def _kind_by_values(column: Column, profile: ColumnProfile, distinct: int) -> tuple[TaskKind, str]:
    """What the values themselves say."""
    if distinct == 2:
        return "binary", f"two values: {' and '.join(text[:20] for text in _classes(column))}"
    if not _holds_numbers(profile) or profile.kind == "ordinal":
        return "multiclass", f"{distinct} different texts"
    return _kind_of_numbers(column, profile, distinct)


def _kind_measured(metric: str, profile: ColumnProfile, distinct: int) -> TaskKind | None:
    """What the metric says of numbers; None where there is no such metric, or they can't be what it measures."""
    from automl.metrics import METRICS

    if metric not in METRICS or not _holds_numbers(profile):
        return None
    if METRICS[metric].kinds == ("regression",):
        return "regression"
    if distinct > _MOST_CLASSES_OF_NAMED_CODES:
        return None
    return "binary" if distinct == 2 else "multiclass"


def _holds_numbers(profile: ColumnProfile) -> bool:
    return profile.storage == "number" or profile.number_format is not None


def _kind_of_numbers(column: Column, profile: ColumnProfile, distinct: int) -> tuple[TaskKind, str]:
    """Whether different numbers are classes or amounts."""
    numbers = profile.numbers
    n = len(column.series) - int(column.missing.sum())
    if numbers is not None and numbers.share_integer < 1:
        return "regression", "numbers with decimals"
    words = set(words_of(profile.name))
    is_code = profile.kind == "integer_code" and profile.confidence >= _CONFIDENCE_OF_NAMES
    named = is_code or words & {"class", "label", "category", "type", "code", "digit"}
    if named and distinct <= _MOST_CLASSES_OF_NAMED_CODES and n >= 5 * distinct:
        return "multiclass", f"{distinct} whole numbers that the name calls classes"
    if distinct > _MOST_CLASSES_OF_NUMBERS or n < 5 * distinct:
        return "regression", f"{distinct} different whole numbers in {n:,} rows are amounts, not classes"
    if words & _QUANTITY_WORDS and distinct >= 5:
        return "regression", f"{distinct} whole numbers, and the name speaks of an amount"
    if _rises_and_falls(column, profile):
        return "regression", f"{distinct} whole numbers, most in the middle and few at both ends: an amount"
    return "multiclass", f"{distinct} different whole numbers in {n:,} rows are classes (--task regression if amounts)"


def _rises_and_falls(column: Column, profile: ColumnProfile) -> bool:
    """Whether counts over at least six neighbouring whole numbers have one inner peak and thin ends."""
    import numpy as np

    values = column.numbers(profile.number_format)
    distinct, counts = np.unique(values[~np.isnan(values)], return_counts=True)
    if len(distinct) < 6 or distinct[-1] - distinct[0] != len(distinct) - 1:
        return False
    peak = int(counts.argmax())
    if not 0 < peak < len(counts) - 1 or max(counts[0], counts[-1]) > 0.15 * counts[peak]:
        return False
    steps = np.diff(counts)
    return bool((steps[:peak] >= 0).all() and (steps[peak:] <= 0).all())


def _classes(column: Column) -> tuple[str, ...]:
    return tuple(sorted(column.as_text().drop_nulls().unique().to_list()))


def _spelled(column: Column, classes: tuple[str, ...]) -> tuple[str, ...]:
    """How the file spells the classes; empty where that is what they are called."""
    spellings = column.spellings()
    labels = tuple(spellings[name] for name in classes)
    return () if labels == classes else labels


def _check_values(
    column: Column, profile: ColumnProfile, kind: TaskKind, classes: tuple[str, ...], *, asked: str | None
) -> None:
    """Refuse a target that cannot be learned."""
    name, n = profile.name, len(column.series) - int(column.missing.sum())
    where = f"target {name!r}"
    if n == 0:
        raise DataError(f"{where} has no values: all {len(column.series)} are missing", "choose another with --target")
    if profile.kind == "datetime":
        raise DataError(f"{where} holds dates; a number or a class can be predicted", "choose another with --target")
    if kind == "regression":
        import numpy as np

        values = column.numbers(profile.number_format)
        low, high = np.fmin.reduce(values), np.fmax.reduce(values)
        if np.isnan(low):
            hint = "predict classes with --task multiclass" if asked else "choose another with --target"
            raise DataError(f"{where} holds no numbers, so it cannot be a regression", hint)
        if low == high:
            raise DataError(f"{where} is always {low:g}: there is nothing to learn", "choose another with --target")
        return
    if len(classes) == 1:
        raise DataError(f"{where} is always {classes[0]!r}: there is nothing to learn", "choose another with --target")
    if kind == "binary" and len(classes) != 2:
        raise DataError(f"{where} has {len(classes)} different values, a binary task needs 2", "try --task multiclass")
    if len(classes) > max(100, n / 2):
        message = f"{where} has {len(classes):,} different values in {n:,} rows: neither classes nor numbers"
        raise DataError(message, "choose another with --target, or --task regression if they are numbers")


def _positive(asked: str | None, classes: tuple[str, ...], spelled: tuple[str, ...], kind: TaskKind) -> str | None:
    """The positive class, by its name or as the file spells it."""
    if kind != "binary":
        if asked is not None:
            raise UsageError(f"--positive {asked!r} needs a binary task, this one is {kind}")
        return None
    if asked is None:
        likely = [c for word in _POSITIVE for c in classes if c.lower() == word]
        return likely[0] if likely else classes[-1]
    name = dict(zip(spelled, classes, strict=False)).get(asked, asked)
    if name not in classes:
        raise DataError(
            f"no class {asked!r} (--positive)", f"the classes are: {', '.join(map(repr, spelled or classes))}"
        )
    return name


def _metric(asked: str | None, kind: TaskKind) -> str:
    if asked is None:
        return _METRICS[kind]
    from automl.metrics import check_metric

    return check_metric(asked, kind).name
