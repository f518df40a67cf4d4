"""A net as a model: preprocessing, net and objective together, with fit, predict, save and load."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from typing import Any

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from automl.errors import Unsuitable
from automl.family import FitLog, Limits, Rows, State
from automl.features import BlockKind, Features
from automl.nets.batches import Batch
from automl.nets.fusion import Fusion, FusionConfig
from automl.nets.inputs import Inputs, as_tensor, padded
from automl.nets.objective import Objective, objective
from automl.nets.preprocess import InputSizes
from automl.nets.realmlp import RealMLP, RealMLPConfig
from automl.nets.schedules import Recipe
from automl.nets.tabm import TabM, TabMConfig
from automl.nets.threads import threads
from automl.space import Params
from automl.task import Task
from automl.thresholds import search_metric


@dataclass(frozen=True, slots=True)
class _Kind:
    """A net, its config, and the rows it predicts at a time: a single row costs as much, so the fewer the dearer."""

    net: type[nn.Module]
    config: type[Any]
    predict_rows: int


_NETS = {
    "realmlp": _Kind(RealMLP, RealMLPConfig, 256),
    "tabm": _Kind(TabM, TabMConfig, 32),
    "fusion": _Kind(Fusion, FusionConfig, 32),
}
_READABLE: tuple[BlockKind, ...] = ("image", "audio", "words", "series")
# More rows than these tell epochs apart no better.
_SELECTION_ROWS = 20_000


class NetModel:
    """A net trained on encoded features.

    Args:
        net: realmlp, tabm or fusion.
        params: Fields of the net's config and of `Recipe`, `max_one_hot`, `smoothing`, and `n_iterations` for a refit.
            A kind of block that is read has the name of what reads it.
        task: What is learned.
    """

    def __init__(self, net: str, params: Params, task: Task) -> None:
        self._kind = net
        self._params = params
        self._task = task

    def fit(self, train: Rows, valid: Rows | None, limits: Limits) -> FitLog:
        """Fit preprocessing and net.

        Raises:
            Unsuitable: There are no features, or training diverged.
        """
        # Lightning costs seconds to import; predicting does without
        from automl.nets.callbacks import Validation
        from automl.nets.training import train as train_net

        self.inputs_ = self._open_inputs(int(self._params.get("max_one_hot") or 9)).fit(train.x)
        sizes = self.inputs_.sizes
        if self._kinds() and not sizes.blocks:
            raise Unsuitable(f"no column gives {' or '.join(sorted(self._kinds()))} to read")
        if not sizes.has_columns and not sizes.blocks:
            raise Unsuitable("there are no features for a net to learn from")
        self.objective_ = objective(self._task, train.y, float(self._params.get("smoothing") or 0.0))
        recipe = self._recipe(refit=valid is None)
        validation = None
        if valid is not None:
            metric = search_metric(self._task)
            valid = valid.take(slice(None, None, math.ceil(len(valid.y) / _SELECTION_ROWS)))
            y = valid.y
            validation = Validation(self._batch(valid), lambda p: metric(y, p), metric.gain)
        with torch.random.fork_rng([]):
            torch.manual_seed(limits.seed)
            self.net_ = self._build(sizes)
        try:
            log = train_net(self.net_, self._batch(train), validation, self.objective_, recipe, limits)
        except FloatingPointError as error:
            raise Unsuitable(f"training diverged at a learning rate of {recipe.lr:g}") from error
        curve = _thin(log.curve)
        return FitLog(n_iterations=log.n_epochs, n_tried=log.n_run, curve=curve, truncated=log.truncated)

    def predict(self, x: Features) -> NDArray[np.float64]:
        """(n_rows,) values or (n_rows, n_classes) probabilities.

        Batches are of one size, the last one padded, and one thread computes them: a row's bits then depend on nothing
        but the row.
        """
        with threads(1), torch.inference_mode():
            return self._predict(self.inputs_.transform(x))

    def save(self) -> State:
        """Weights and preprocessing as arrays, sizes and objective as JSON."""
        config = {
            "net": self._kind,
            "sizes": msgspec.to_builtins(self.inputs_.sizes),
            "net_config": self._known(_NETS[self._kind].config),
            "objective": msgspec.to_builtins(self.objective_),
            "max_one_hot": self.inputs_.preprocessor.max_one_hot,
        }
        arrays = {f"net.{name}": tensor.numpy() for name, tensor in self.net_.state_dict().items()}
        arrays |= {f"preprocess.{name}": array for name, array in self.inputs_.preprocessor.arrays().items()}
        return State(config=config, arrays=arrays)

    def load(self, state: State) -> None:
        """Rebuild from what `save` returned."""
        parts: dict[str, dict[str, NDArray[Any]]] = {"net": {}, "preprocess": {}}
        for name, array in state.arrays.items():
            part, _, rest = name.partition(".")
            parts[part][rest] = array
        self._kind = state.config["net"]
        self._params = state.config["net_config"]
        self.objective_ = msgspec.convert(state.config["objective"], Objective)
        sizes = msgspec.convert(state.config["sizes"], InputSizes)
        self.inputs_ = self._open_inputs(state.config["max_one_hot"]).restore(parts["preprocess"], sizes.blocks)
        self.net_ = self._build(sizes)
        self.net_.load_state_dict({name: torch.from_numpy(np.array(array)) for name, array in parts["net"].items()})
        self.net_.eval()

    def _open_inputs(self, max_one_hot: int) -> Inputs:
        return Inputs(self._kinds(), max_one_hot, self._task.history)

    def _kinds(self) -> frozenset[BlockKind]:
        """Of blocks that the net reads."""
        return frozenset(kind for kind in _READABLE if self._params.get(kind))

    def _recipe(self, *, refit: bool) -> Recipe:
        recipe = Recipe(**self._known(Recipe))
        epoch = self._params.get("n_iterations")
        return replace(recipe, stop_epoch=int(epoch)) if refit and epoch else recipe

    def _known(self, record: type[Any]) -> dict[str, Any]:
        names = {field.name for field in fields(record)}
        return {name: value for name, value in self._params.items() if name in names}

    def _build(self, sizes: InputSizes) -> nn.Module:
        kind = _NETS[self._kind]
        return kind.net(sizes, self.objective_.d_out, kind.config(**self._known(kind.config)))

    def _batch(self, rows: Rows) -> Batch:
        inputs = tuple(map(as_tensor, self.inputs_.transform(rows.x)))
        weights = None
        if rows.weights is not None:
            weights = torch.from_numpy((rows.weights / rows.weights.mean()).astype(np.float32))
        return Batch(inputs, self.objective_.encode(rows.y), weights)

    def _predict(self, arrays: tuple[NDArray[Any], ...]) -> NDArray[np.float64]:
        n_rows, size, parts = len(arrays[0]), _NETS[self._kind].predict_rows, []
        for start in range(0, n_rows, size):
            inputs = [as_tensor(padded(array[start : start + size], size)) for array in arrays]
            parts.append(self.objective_.decode(self.net_(*inputs)).numpy())
        shape = (0, self.objective_.n_classes) if self.objective_.n_classes else (0,)
        return np.concatenate([np.zeros(shape), *parts])[:n_rows]


def _thin(curve: tuple[float, ...], n_points: int = 100) -> tuple[float, ...]:
    if len(curve) <= n_points:
        return curve
    return tuple(curve[i] for i in np.linspace(0, len(curve) - 1, n_points).astype(int))
