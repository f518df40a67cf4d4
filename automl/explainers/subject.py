"""What is explained: a sample of rows and a background, encoded once, and the outputs that are spoken of."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl.attribution import PartKind
from automl.errors import UsageError
from automl.explainers import Shipped
from automl.explainers.dependence import Axis, axis_of
from automl.explainers.pool import Cost, Predict, RowPool, players_of, used_columns
from automl.features import BlockKind, Features, Layout, stacked
from automl.profile import ColumnProfile, Profile
from automl.table import Table
from automl.task import Task

N_BACKGROUND = 200
# Rows among which the telling ones are looked for, and all that are looked at where that takes little of the time.
_N_CHOICE, _N_SEEN = 100, 300
_SMALL_SHARE = 0.05
# Of what takes milliseconds to read (images, sounds, all that a pretrained encoder reads): background rows, and rows at
# most.
_N_MEDIA_BACKGROUND, _N_MEDIA_ROWS = 50, 200
_PART_KINDS: dict[BlockKind, PartKind] = {"words": "text", "image": "image", "audio": "audio"}
_MAX_TEXT = 80
MISSING = "(missing)"


@dataclass(frozen=True, slots=True)
class ExplainRequest:
    """What is to be explained and on which rows.

    Attributes:
        background: Rows that stand for the usual, from training; a sample of it is used.
        rows: Rows to explain, best ones the model has not learned from; a sample of them is used, `chosen` included.
        y: Truth of `rows`, values or class codes (NaN or negative where unknown); None if there is none.
        score: (y, prediction) -> float, higher is better; for permutation importance.
        metric: Its name.
        chosen: Rows to explain singly; empty for a few telling ones; None for none.
        seconds: Wall time for all that is asked.
        profile: Of the training data; tells how dates kept as text are read.
    """

    background: Table
    rows: Table
    y: NDArray[Any] | None
    score: Callable[[NDArray[Any], NDArray[np.float64]], float]
    metric: str
    chosen: Sequence[int] | None = ()
    seconds: float = 30.0
    seed: int = 0
    profile: Profile | None = None


def part_kinds(layout: Layout, profile: Profile | None) -> dict[str, PartKind]:
    """The used columns that are explained by their parts, in the order of the file: texts, images and sounds."""
    columns = profile.columns if profile else ()
    found: dict[str, PartKind] = {column.name: "text" for column in columns if column.kind == "text"}
    found |= {block.column: _PART_KINDS[block.kind] for block in layout.blocks if block.kind in _PART_KINDS}
    return {name: found[name] for name in (layout.columns[i] for i in used_columns(layout)) if name in found}


@dataclass(frozen=True, slots=True)
class Outputs:
    """The numbers of a prediction that are explained: the value, the positive class, or every class.

    Attributes:
        names: Class of each output; empty text for regression.
        positive: Index of the positive one of two classes; None otherwise.
        unit: Of an output.
    """

    names: tuple[str, ...]
    positive: int | None
    unit: str

    def of(self, prediction: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n_rows, n_outputs) out of what the model returns."""
        if prediction.ndim == 1:
            return prediction[:, None]
        return prediction if self.positive is None else prediction[:, [self.positive]]


def outputs_of(task: Task) -> Outputs:
    """What is explained of a task."""
    if not task.is_classification:
        return Outputs(("",), None, task.target)
    if task.kind == "multiclass":
        return Outputs(task.classes, None, "probability")
    positive = task.classes.index(task.positive) if task.positive in task.classes else len(task.classes) - 1
    return Outputs((task.classes[positive],), positive, "probability")


@dataclass(frozen=True, slots=True)
class Subject:
    """Rows and background in one pool, background first, one player a column.

    Attributes:
        index: (n_rows,) index in the user's rows of each sampled row; the chosen ones come first.
        prediction: (n_seen, n_outputs) of the first sampled rows.
        notes: Why each chosen row was chosen.
        profiles: Of the columns, by name, where they are known.
        kinds: Of the columns that are explained by their parts, by name.
        cost: Of asking the pool.
    """

    shipped: Shipped
    outputs: Outputs
    pool: RowPool
    n_background: int
    rows: Table
    index: NDArray[np.int64]
    prediction: NDArray[np.float64]
    notes: tuple[str, ...]
    profiles: dict[str, ColumnProfile]
    kinds: dict[str, PartKind]
    cost: Cost

    def first(self, n_rows: int) -> Subject:
        """The same with the first sampled rows only, as if no more had been drawn."""
        if n_rows >= len(self.index):
            return self
        pool = self.pool.taken(slice(0, self.n_background + n_rows))
        seen = self.prediction[:n_rows]
        return replace(
            self, pool=pool, rows=self.rows.take(slice(0, n_rows)), index=self.index[:n_rows], prediction=seen
        )

    def answered_by(self, predict: Predict) -> Subject:
        """The same rows, asked of another model; what the shipped one says of them stays."""
        pool = self.pool.answered_by(predict)
        return replace(self, pool=pool, cost=_timed(pool, self.pool_rows[:_N_CHOICE])[1])

    @property
    def n_chosen(self) -> int:
        """Rows explained singly."""
        return len(self.notes)

    @property
    def n_seen(self) -> int:
        """Sampled rows with a prediction."""
        return len(self.prediction)

    @property
    def n_asked(self) -> int:
        """Sampled rows that would have one, were there time enough."""
        return max(self.n_seen, min(_N_SEEN, len(self.index)))

    @property
    def used(self) -> tuple[int, ...]:
        """Columns of the layout that the model sees; player k of the pool is column `used[k]`."""
        return used_columns(self.shipped.layout)

    @property
    def background_rows(self) -> NDArray[np.int64]:
        """Pool rows of the background."""
        return np.arange(self.n_background)

    @property
    def pool_rows(self) -> NDArray[np.int64]:
        """(n_rows,) pool row of each sampled row."""
        return self.n_background + np.arange(len(self.index))

    @property
    def focus(self) -> int:
        """The output that figures of columns are of: of several classes the likeliest on average."""
        return int(np.argmax(self.prediction.mean(axis=0)))

    def x(self, n_rows: int) -> Features:
        """The first sampled rows, encoded."""
        return self.pool.features.take(self.pool_rows[:n_rows])

    def answers(self, x: Features) -> NDArray[np.float64]:
        """(n_rows, n_outputs) what the model says."""
        return self.outputs.of(self.shipped.predict(x))

    def output_index(self, row: int) -> int:
        """The output explained of a sampled row: of several classes the likeliest."""
        return int(np.argmax(self.prediction[row])) if len(self.outputs.names) > 1 else 0

    def axis(self, column: int, n_rows: int) -> Axis | None:
        """A column of the layout as positions of the first sampled rows; None for free text, images and sounds."""
        name = self.shipped.layout.columns[column]
        if name not in self.rows.names or self.kinds.get(name) in ("image", "audio"):
            return None
        values = self.rows.select([name]).take(slice(0, n_rows)).column(name)
        return axis_of(values, column, self.x(n_rows), self.profiles.get(name))

    def shown(self, column: int, n_rows: int) -> list[str]:
        """Values of a column of the layout as text, of the first sampled rows; of images and sounds the file names."""
        name = self.shipped.layout.columns[column]
        if name not in self.rows.names:
            return [MISSING] * n_rows
        texts = self.rows.column(name).as_text().head(n_rows).to_list()
        if self.rows.column(name).storage == "datetime":
            texts = [t and t.removesuffix(".000000").removesuffix(" 00:00:00") for t in texts]
        if self.kinds.get(name) in ("image", "audio"):
            texts = [t and t.replace("\\", "/").rpartition("/")[2] for t in texts]
        return [MISSING if t is None else t if len(t) <= _MAX_TEXT else t[: _MAX_TEXT - 1] + "…" for t in texts]


def look(shipped: Shipped, request: ExplainRequest, n_rows: int) -> Subject:
    """Draw, order and encode the rows: the chosen ones, then others at random.

    The default choice is made among the same rows whatever `n_rows`, so that explanations made apart speak of the same.

    Raises:
        UsageError: A chosen row is not there.
    """
    total = request.rows.n_rows
    outputs, kinds = outputs_of(shipped.task), part_kinds(shipped.layout, request.profile)
    has_media = bool({"image", "audio"} & set(kinds.values())) or bool(shipped.layout.embedded)
    n_rows = min(n_rows, _N_MEDIA_ROWS) if has_media else n_rows
    wanted = _wanted(request, total)
    order = np.random.default_rng(request.seed).permutation(total)
    others = order[~np.isin(order, wanted or [])][: max(0, n_rows - len(wanted or []))]
    index = np.concatenate([np.asarray(wanted or [], dtype=np.int64), others])
    n_background = _N_MEDIA_BACKGROUND if has_media else N_BACKGROUND
    features, n_background = _encoded(shipped, request, index, n_background)
    pool = RowPool(features, players_of(shipped.layout), lambda x: outputs.of(shipped.predict(x)))
    seen, cost = _asked(pool, n_background + np.arange(len(index)), len(wanted or []), request.seconds)
    notes = ("",) * len(wanted or [])
    if wanted is None:
        n = min(len(seen), _N_CHOICE)
        truth = None if request.y is None else np.asarray(request.y)[index[:n]]
        telling = telling_rows(seen[:n], truth, shipped.task, outputs)
        notes = tuple(note for _, note in telling)
        picked = np.asarray([row for row, _ in telling], dtype=np.int64)
        sorting = np.concatenate([picked, np.setdiff1d(np.arange(len(index)), picked)])
        index, seen = index[sorting], seen[sorting[: len(seen)]]
        pool = pool.taken(np.concatenate([np.arange(n_background), n_background + sorting]))
    names = [name for name in request.rows.names if name in set(shipped.layout.columns)]
    rows = request.rows.select(names).take(index)
    profiles = {column.name: column for column in request.profile.columns} if request.profile else {}
    return Subject(shipped, outputs, pool, n_background, rows, index, seen, notes, profiles, kinds, cost)


def _asked(pool: RowPool, rows: NDArray[np.int64], n_wanted: int, seconds: float) -> tuple[NDArray[np.float64], Cost]:
    """What the model says of the first pool rows, of more where that takes little of the seconds, and what it costs."""
    first, second = np.split(rows[: max(_N_SEEN, n_wanted)], [max(_N_CHOICE, n_wanted)])
    seen, cost = _timed(pool, first)
    if len(second) and cost.seconds(len(second)) <= _SMALL_SHARE * seconds:
        seen = np.concatenate([seen, pool.predict(pool.whole(second))])
    return seen, cost


def _timed(pool: RowPool, rows: NDArray[np.int64]) -> tuple[NDArray[np.float64], Cost]:
    """What the model says of pool rows, and what asking it costs; the first call, which may open things, counts not."""
    times = []
    for some in (rows[:2], rows[:2], rows):
        begun = time.perf_counter()
        said = pool.predict(pool.whole(some))
        times.append((len(some), time.perf_counter() - begun))
    return said, Cost.measured(times[1], times[2])


def _encoded(shipped: Shipped, request: ExplainRequest, index: NDArray[np.int64], most: int) -> tuple[Features, int]:
    """Background rows, `most` of them, then the sampled rows, in one call if of one table; how many the first are."""
    table = request.background
    picked = np.sort(np.random.default_rng((request.seed, 1)).permutation(table.n_rows)[:most])
    if not len(picked):
        table, picked = request.rows, index[:most]
    if table is request.rows:
        return shipped.encode(table.take(np.concatenate([picked, index]))), len(picked)
    return stacked(shipped.encode(table.take(picked)), shipped.encode(request.rows.take(index))), len(picked)


def _wanted(request: ExplainRequest, total: int) -> list[int] | None:
    if request.chosen is not None and not len(request.chosen):
        return None
    wanted = list(dict.fromkeys(int(row) for row in request.chosen or ()))
    for row in wanted:
        if not 0 <= row < total:
            raise UsageError(f"no row {row} in {request.rows.source}", f"its rows are 0 to {total - 1}")
    return wanted


def telling_rows(
    prediction: NDArray[np.float64], y: NDArray[Any] | None, task: Task, outputs: Outputs
) -> list[tuple[int, str]]:
    """Rows worth a look, with the reason: a typical, a high and a low prediction; a wrong one instead of the low one.

    Args:
        prediction: (n_rows, n_outputs).
        y: (n_rows,) truth, or None.
    """
    if not len(prediction):
        return []
    level = prediction.max(axis=1)
    what = f"probability of {outputs.names[0]}" if outputs.positive is not None else "prediction"
    what = "confidence" if task.kind == "multiclass" else what
    order = np.argsort(level, kind="stable")
    picked = [(int(order[len(order) // 2]), f"typical {what}"), (int(order[-1]), f"highest {what}")]
    wrong = _most_wrong(prediction, y, task, outputs)
    picked.append((int(order[0]), f"lowest {what}") if wrong is None else wrong)
    first: dict[int, str] = {}
    for row, note in picked:
        first.setdefault(row, note)
    return list(first.items())


def _most_wrong(
    prediction: NDArray[np.float64], y: NDArray[Any] | None, task: Task, outputs: Outputs
) -> tuple[int, str] | None:
    if y is None or not task.is_classification:
        return None
    known = np.flatnonzero(y >= 0)
    truth = y[known].astype(np.int64)
    if outputs.positive is not None:
        positive = prediction[known, 0]
        right = np.where(truth == outputs.positive, positive, 1 - positive)
        said = np.where(positive >= 0.5, outputs.positive, 1 - outputs.positive)
    else:
        right = prediction[known, truth]
        said = np.argmax(prediction[known], axis=1)
    wrong = np.flatnonzero(said != truth)
    if not len(wrong):
        return None
    row = wrong[np.argmin(right[wrong])]
    return int(known[row]), f"surest wrong one: {task.classes[truth[row]]} taken for {task.classes[said[row]]}"
