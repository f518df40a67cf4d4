"""What a worker does: one fold of one trial, on data shared by memory map."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from automl import registry
from automl.family import Family, FitLog, Limits, Rows
from automl.features import Features, Layout
from automl.models.building import build_model
from automl.space import Params
from automl.splits import Split
from automl.states import write_state
from automl.task import Task
from automl.thresholds import search_metric

_X_NUM, _X_CAT, _Y, _SPLITS = "x_num.npy", "x_cat.npy", "y.npy", "splits.npz"
_WEIGHTS, _GROUPS = "weights.npy", "groups.npy"
_SPARSE = ("data", "indices", "indptr")


@dataclass(frozen=True, slots=True)
class Material:
    """The encoded training data of a run.

    Shape:
        y: (n_rows,) class codes or values.
        weights: (n_rows,) or None.
        groups: (n_rows,) codes of rows that stay together, or None.
    """

    task: Task
    x: Features
    y: NDArray[Any]
    weights: NDArray[np.float64] | None
    splits: tuple[Split, ...]
    groups: NDArray[np.intp] | None = None

    def rows(self, index: NDArray[np.intp]) -> Rows:
        """Some rows with their labels."""
        return Rows(self.x, self.y, self.weights, self.groups).take(index)


class FoldResult(msgspec.Struct, frozen=True, kw_only=True):
    """What comes back from a worker: predictions of the validation rows, (n_valid,) or (n_valid, n_classes)."""

    prediction: NDArray[np.float64]
    value: float
    seconds: float
    n_iterations: int | None
    n_tried: int | None = None
    learning_rate: float | None = None
    curve: tuple[float, ...]
    truncated: bool


class Head(msgspec.Struct, frozen=True):
    """The part of the material that is JSON."""

    task: Task
    layout: Layout


def write_material(folder: Path, material: Material) -> None:
    """Write the material for the workers to map."""
    np.save(folder / _X_NUM, material.x.x_num)
    np.save(folder / _X_CAT, material.x.x_cat)
    for i, block in enumerate(material.x.blocks):
        _write_block(folder / f"block{i}", block)
    np.save(folder / _Y, material.y)
    for name, array in ((_WEIGHTS, material.weights), (_GROUPS, material.groups)):
        if array is not None:
            np.save(folder / name, array)
    parts = {f"{part}_{i}": getattr(s, part) for i, s in enumerate(material.splits) for part in ("train", "valid")}
    np.savez(folder / _SPLITS, **parts)
    (folder / "head.json").write_bytes(msgspec.json.encode(Head(material.task, material.x.layout)))


def _write_block(path: Path, block: Any) -> None:
    """A dense block as one file, a sparse one as the three arrays it is made of."""
    if isinstance(block, np.ndarray):
        np.save(path.with_suffix(".npy"), block)
        return
    for part in _SPARSE:
        np.save(path.with_suffix(f".{part}.npy"), getattr(block, part))


def _read_block(path: Path, shape: tuple[int, ...]) -> Any:
    if path.with_suffix(".npy").exists():
        return np.load(path.with_suffix(".npy"), mmap_mode="r")
    from scipy.sparse import csr_matrix

    parts = [np.load(path.with_suffix(f".{part}.npy"), mmap_mode="r") for part in _SPARSE]
    return csr_matrix(tuple(parts), shape=(len(parts[2]) - 1, *shape))


@lru_cache(maxsize=1)
def read_material(folder: str) -> Material:
    """The material, its arrays mapped and not read; kept between jobs."""
    path = Path(folder)
    head = msgspec.json.decode((path / "head.json").read_bytes(), type=Head)
    with np.load(path / _SPLITS) as parts:
        splits = tuple(Split(parts[f"train_{i}"], parts[f"valid_{i}"]) for i in range(len(parts.files) // 2))
    return Material(
        task=head.task,
        x=Features(
            np.load(path / _X_NUM, mmap_mode="r"),
            np.load(path / _X_CAT, mmap_mode="r"),
            head.layout,
            tuple(_read_block(path / f"block{i}", block.shape) for i, block in enumerate(head.layout.blocks)),
        ),
        y=np.load(path / _Y, mmap_mode="r"),
        weights=np.load(path / _WEIGHTS) if (path / _WEIGHTS).exists() else None,
        splits=splits,
        groups=np.load(path / _GROUPS) if (path / _GROUPS).exists() else None,
    )


def fit_fold(
    *,
    work: str,
    family: str,
    params: Params,
    fold: int,
    seconds: float,
    limits: dict[str, Any],
    out: str,
    deadline: float,
) -> FoldResult:
    """Fit a family on one fold's training rows, predict its validation rows and store the fitted state.

    Args:
        work: Folder of `write_material`.
        fold: Index of the split.
        seconds: For the fit, its predictions and storing it, once what the family needs is loaded.
        limits: n_threads, seed and device.
        out: Folder the state is written to.
        deadline: `time.monotonic()` by which all of it must be over; a tenth is kept for prediction and storing.
    """
    started = time.monotonic()
    deadline = min(deadline, started + seconds)
    material = read_material(work)
    split = material.splits[fold]
    train, valid = material.rows(split.train), material.rows(split.valid)
    model = build_model(registry.family(family), params, material.task, material.x.layout)
    log = model.fit(train, valid, Limits(deadline=deadline - 0.1 * (deadline - started), **limits))
    prediction = np.asarray(model.predict(valid.x), dtype=np.float64)
    if not np.isfinite(prediction).all():
        raise ValueError(
            f"{np.count_nonzero(~np.isfinite(prediction))} of {prediction.size} predictions are not finite"
        )
    write_state(Path(out), model.save())
    return FoldResult(
        prediction=prediction,
        value=search_metric(material.task)(valid.y, prediction),
        seconds=time.monotonic() - started,
        n_iterations=log.n_iterations,
        n_tried=log.n_tried,
        learning_rate=log.learning_rate,
        curve=log.curve,
        truncated=log.truncated,
    )


def fit_share(
    *,
    work: str,
    family: str,
    params: Params,
    fold: int,
    share: float,
    seconds: float,
    limits: dict[str, Any],
    deadline: float,
) -> float:
    """The metric on one fold's validation rows of a fit on a share of its training rows; the model is not kept.

    Args:
        work: Folder of `write_material`.
        share: Of the training rows, drawn at random; a smaller share is drawn from a larger one.
        seconds: As for `fit_fold`.
        limits: n_threads, seed and device.
        deadline: `time.monotonic()` by which all of it must be over; a tenth is kept for prediction.
    """
    started = time.monotonic()
    deadline = min(deadline, started + seconds)
    material = read_material(work)
    split = material.splits[fold]
    drawn = np.random.default_rng(fold).permutation(split.train)[: max(1, round(share * len(split.train)))]
    valid = material.rows(split.valid)
    model = build_model(registry.family(family), params, material.task, material.x.layout)
    model.fit(material.rows(np.sort(drawn)), valid, Limits(deadline=deadline - 0.1 * (deadline - started), **limits))
    return search_metric(material.task)(valid.y, np.asarray(model.predict(valid.x), dtype=np.float64))


def fit_all(
    *, work: str, family: str, params: Params, seconds: float, limits: dict[str, Any], out: str, deadline: float
) -> FitLog:
    """Fit a family on every row, with the rounds or epochs that `params` tell, and store the fitted state.

    Args:
        work: Folder of `write_material`.
        seconds: As for `fit_fold`.
        limits: n_threads, seed and device.
        out: Folder the state is written to.
        deadline: `time.monotonic()` by which all of it must be over; a tenth is kept for storing.
    """
    started = time.monotonic()
    deadline = min(deadline, started + seconds)
    material = read_material(work)
    rows = material.rows(np.arange(len(material.y)))
    model = build_model(registry.family(family), params, material.task, material.x.layout)
    log = model.fit(rows, None, Limits(deadline=deadline - 0.1 * (deadline - started), **limits))
    write_state(Path(out), model.save())
    return log


def warm_families() -> list[Family]:
    """One shallow family of each of the kinds that any run begins with."""
    wanted, found = {"linear", "boosting", "bagging"}, []
    for family in registry.families():
        if family.traits & wanted and not family.traits & {"neural", "baseline"}:
            wanted -= family.traits
            found.append(family)
    return found


def warm_up(*, deadline: float) -> float:
    """Load what the first fits need, by fitting some families to a handful of rows; seconds it took.

    Runs in every worker while the main process still reads the file.
    """
    started = time.monotonic()
    rng = np.random.default_rng(0)
    layout = Layout(columns=("a", "b"), num_names=("a", "b"), num_sources=(0, 1))
    x = Features(rng.normal(size=(60, 2)).astype(np.float32), np.empty((60, 0), dtype=np.int32), layout)
    rows = Rows(x, (x.x_num[:, 0] > 0).astype(np.int64))
    task = Task(kind="binary", target="y", metric="roc_auc", classes=("0", "1"), positive="1")
    for family in warm_families():
        params = {**family.default(_tiny_profile())[0]}
        family.build(params, task, layout).fit(rows, rows, Limits(deadline=min(deadline, started + 10)))
    return time.monotonic() - started


def _tiny_profile() -> Any:
    from automl.profile import ColumnProfile, Profile, Shape

    columns = tuple(
        ColumnProfile(name=name, kind="number", confidence=1.0, evidence="", storage="number") for name in ("a", "b")
    )
    shape = Shape(n_rows=60, d_num=2, d_cat=0, n_levels=0, n_outputs=2)
    return Profile(
        source="warm-up",
        n_rows=60,
        n_rows_profiled=60,
        memory_bytes=0,
        modality="tabular",
        columns=columns,
        shape=shape,
    )
