"""A prior-data fitted net as a model: nothing is trained, labelled rows are read in context, weights go into its state.

Source: arXiv 2207.01848. The labelled half of the net is computed once and kept; a few views of the table, which differ
in what is random in reading it, are averaged.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from automl.errors import ModelFileError, Unsuitable
from automl.family import FitLog, Limits, Rows, State
from automl.features import Features
from automl.models.probabilities import proper
from automl.nets.cells import Columns, describe_cells, read_columns
from automl.nets.incontext import TableMemory, opened_net
from automl.nets.incontext_sizes import D_COLUMN_ID, InContextConfig
from automl.nets.inputs import padded
from automl.nets.objective import Objective, objective
from automl.nets.threads import threads
from automl.nets.views import normal_scores, sample_rows
from automl.nets.weight_files import find_weights
from automl.space import Params
from automl.task import Task

# A batch of one size, the last one padded, makes a row's bits depend on nothing but the row.
_BATCH_ROWS = 64
_WEIGHTS = "weights."


@dataclass(frozen=True, slots=True)
class _View:
    """A table as the net has read it once.

    Attributes:
        ids: (1, d, D_COLUMN_ID).
        support: (n_support,) standardised targets at the points of the density; None for classes.
    """

    columns: Columns
    memory: TableMemory
    ids: Tensor
    codes: Tensor
    support: Tensor | None


class PriorFittedModel:
    """Labelled rows and a pretrained net that reads them.

    Args:
        params: `n_views`, the views that are averaged.
        task: What is learned.
    """

    def __init__(self, params: Params, task: Task) -> None:
        self._n_views = int(params.get("n_views") or 1)
        self._task = task
        self._views: list[_View] = []

    def fit(self, train: Rows, valid: Rows | None, limits: Limits) -> FitLog:  # noqa: ARG002 - nothing to stop early
        """Keep rows and weights, and read the rows; views for which there is no time are left out, but for one.

        Raises:
            Unsuitable: There are no weights, or the table is none that they were trained for.
        """
        weights = find_weights()
        if weights is None:
            raise Unsuitable("no pretrained weights are shipped with this version")
        self.table_, self.is_category_ = _as_table(train.x)
        self.used_ = np.flatnonzero([_varies(column) for column in self.table_.T])
        if not len(self.used_):
            raise Unsuitable("no column varies, so that all rows are alike")
        allowed, n_classes = weights.limits, len(self._task.classes)
        if len(self.used_) > allowed.n_columns or n_classes > allowed.n_classes:
            raise Unsuitable(
                f"{len(self.used_)} columns and {n_classes} classes are more than the {allowed.n_columns} and "
                f"{allowed.n_classes} that the net was trained for"
            )
        self.net_ = opened_net(weights.config, _read_weights(weights.path))
        self.objective_ = objective(self._task, train.y)
        self._draw(train, weights.limits.n_context, np.random.default_rng(limits.seed))
        with threads(1), torch.inference_mode():
            for number in range(self._n_views):
                began = time.monotonic()
                self._views.append(self._read(number))
                if 2 * time.monotonic() - began > limits.deadline:
                    break
        is_cut = len(self._views) < self._n_views
        self._n_views = len(self._views)
        return FitLog(truncated=is_cut)

    def predict(self, x: Features) -> NDArray[np.float64]:
        """(n_rows,) values or (n_rows, n_classes) probabilities."""
        table, _ = _as_table(x)
        n_rows, parts = len(table), []
        with threads(1), torch.inference_mode():
            while len(self._views) < self._n_views:
                self._views.append(self._read(len(self._views)))
            for start in range(0, n_rows, _BATCH_ROWS):
                batch = padded(table[start : start + _BATCH_ROWS, self.used_], _BATCH_ROWS)
                parts.append(self._answer(torch.from_numpy(batch)[None]))
        n_classes = self.objective_.n_classes
        told = np.concatenate([np.zeros((0, n_classes) if n_classes else (0,)), *parts])[:n_rows]
        return proper(told) if n_classes else told

    def save(self) -> State:
        """The rows, what is random in their views, and the weights as the bits of bfloat16."""
        config = {
            "net": asdict(self.net_.config),
            "objective": msgspec.to_builtins(self.objective_),
            "n_views": self._n_views,
        }
        arrays = {name: np.ascontiguousarray(value) for name, value in vars(self).items() if name in _KEPT}
        for name, tensor in self.net_.state_dict().items():
            arrays[_WEIGHTS + name] = tensor.to(torch.bfloat16).view(torch.uint16).numpy()
        return State(config=config, arrays=arrays)

    def load(self, state: State) -> None:
        """Become the model that was saved; rows are read again when the first prediction is asked for.

        Raises:
            ModelFileError: Arrays are missing or do not fit each other.
        """
        self._views = []
        weights = {
            name.removeprefix(_WEIGHTS): torch.from_numpy(np.array(array)).view(torch.bfloat16)
            for name, array in state.arrays.items()
            if name.startswith(_WEIGHTS)
        }
        try:
            self._n_views = int(state.config["n_views"])
            self.objective_ = msgspec.convert(state.config["objective"], Objective)
            for name in _KEPT:
                setattr(self, name, state.arrays[name])
            self.net_ = opened_net(InContextConfig(**state.config["net"]), weights)
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise ModelFileError(f"the model file lacks a part of the pretrained net: {error}") from error
        self._check()

    def _check(self) -> None:
        """Whether the arrays fit each other."""
        n_rows, d = self.table_.shape
        n_classes = len(self._task.classes)
        fits = (
            self.is_category_.shape == self.used_.shape == (d,)
            and self.y_.shape == (n_rows,)
            and self.ids_.shape == (len(self.rows_), d, D_COLUMN_ID)
            and self.codes_.shape == (len(self.rows_), n_classes)
            and 1 <= self._n_views <= len(self.rows_)
            and 0 <= self.rows_.min() <= self.rows_.max() < n_rows
            and (not n_classes or 0 <= self.codes_.min() <= self.codes_.max() < self.net_.config.n_codes)
        )
        if not fits:
            raise ModelFileError("the labelled rows of the model file do not fit their views", "fit the model again")

    def _draw(self, train: Rows, most: int, rng: np.random.Generator) -> None:
        """What is random in the views; rows that none of them reads are dropped."""
        n_context = min(len(train.y), most)
        n_codes, n_classes = self.net_.config.n_codes, len(self._task.classes)
        rows = [sample_rows(train.y, train.weights, n_context, rng) for _ in range(self._n_views)]
        read, places = np.unique(np.stack(rows), return_inverse=True)
        self.rows_: NDArray[np.int64] = places.reshape(self._n_views, n_context)
        self.table_, self.y_ = self.table_[np.ix_(read, self.used_)], self.objective_.encode(train.y[read]).numpy()
        self.is_category_ = self.is_category_[self.used_]
        self.ids_ = rng.standard_normal((self._n_views, len(self.used_), D_COLUMN_ID)).astype(np.float32)
        self.codes_ = np.stack([rng.permutation(n_codes)[:n_classes] for _ in range(self._n_views)])

    def _read(self, number: int) -> _View:
        """A view; of values every other one is read as normal scores."""
        rows, codes = self.rows_[number], torch.from_numpy(np.array(self.codes_[number]))
        ids = torch.from_numpy(np.array(self.ids_[number]))[None]
        context = torch.from_numpy(self.table_[rows])[None]
        columns = read_columns(context, torch.from_numpy(np.array(self.is_category_))[None])
        cells, support = describe_cells(context, columns), None
        if self.objective_.n_classes:
            memory = self.net_.read("classes", cells, codes[torch.from_numpy(self.y_[rows])][None], ids)
        else:
            z = self.y_[rows].astype(np.float64)
            points = self.net_.support.double().numpy()
            if number % 2:
                z, scores, targets = normal_scores(z)
                support = torch.from_numpy(np.interp(points, scores, targets))
            else:
                support = torch.from_numpy(points)
            memory = self.net_.read("values", cells, torch.from_numpy(z).float()[None], ids)
        return _View(columns, memory, ids, codes, support)

    def _answer(self, batch: Tensor) -> NDArray[np.float64]:
        """Averages over the views, for a batch (1, n_rows, d): probabilities of classes, or values."""
        told = []
        for view in self._views:
            said = self.net_.answer(describe_cells(batch, view.columns), view.memory, view.ids)[0].double()
            if view.support is None:
                told.append(said[:, view.codes])
            else:
                told.append(_middle(said.softmax(dim=1), view.support, median=self.objective_.absolute)[:, None])
        if self.objective_.n_classes:
            return np.asarray(torch.stack(told).mean(dim=0).numpy())
        return np.asarray(self.objective_.decode(torch.stack(told, dim=1)).numpy())


_KEPT = ("table_", "is_category_", "used_", "y_", "rows_", "ids_", "codes_")


def _as_table(x: Features) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Numbers and codes side by side, (n_rows, d) with NaN where missing, and which columns are categories.

    Codes that follow an order are numbers. A category that training does not have is one more category, or missing
    where there is an order.
    """
    codes = x.x_cat.astype(np.float32)
    ordered = np.array(x.layout.cat_ordered, dtype=bool)
    n_levels = np.array(x.layout.n_levels, dtype=np.float32)
    codes = np.where(x.x_cat == -2, np.where(ordered, np.nan, n_levels), codes).astype(np.float32)
    codes[x.x_cat == -1] = np.nan
    table = np.concatenate([x.x_num.astype(np.float32), codes], axis=1)
    table[~np.isfinite(table)] = np.nan
    return table, np.concatenate([np.zeros(x.x_num.shape[1], dtype=bool), ~ordered])


def _varies(column: NDArray[np.float32]) -> bool:
    known = column[~np.isnan(column)]
    return bool(len(known)) and (len(known) < len(column) or bool((known != known[0]).any()))


def _middle(density: Tensor, support: Tensor, *, median: bool) -> Tensor:
    """(n_rows,) mean of a density (n_rows, n_support) over its support; or its median, between two points of it."""
    if not median:
        return density @ support
    below = density.cumsum(dim=1) - 0.5 * density
    at = torch.searchsorted(below, torch.full_like(below[:, :1], 0.5)).clamp(1, len(support) - 1)
    low, high = below.gather(1, at - 1), below.gather(1, at)
    share = ((0.5 - low) / (high - low).clamp(min=1e-12)).clamp(0, 1)
    return torch.lerp(support[at - 1], support[at], share)[:, 0]


def _read_weights(path: Path) -> dict[str, Tensor]:
    from safetensors.torch import load_file

    weights: dict[str, Tensor] = load_file(path)
    return weights
