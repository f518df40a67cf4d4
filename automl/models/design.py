"""The design matrix: encoded features as plain numbers, for families that need them scaled and without gaps."""

from __future__ import annotations

from typing import Any, Literal, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from automl.family import Rows
from automl.features import Features
from automl.models.target_means import TargetMeans

Scaling: TypeAlias = Literal["standard", "robust", "quantile"]
Matrix: TypeAlias = NDArray[np.float64]

_N_QUANTILES = 1000
_BLOCK = 2_048  # rows that are put together at a time


class Design:
    """A design matrix, fitted on training rows only.

    Numeric features are filled with their median and scaled; categorical ones become indicator columns, or, with
    many levels, smoothed means of the target. Columns that are constant in training are left out. The columns stand
    in the order numeric, missing indicators, level indicators, target means.

    Args:
        scaling: "standard" (mean 0, deviation 1), "robust" (median and interquartile range, then the smooth clip
            x / sqrt(1 + (x/3)^2) of RealMLP, arXiv:2407.04491) or "quantile" (to a normal distribution).
        max_onehot: Categorical features of at most so many levels get an indicator column a level.
        target_encode: Whether the others get means of the target; if not, their most frequent levels get indicators.
        indicators: Whether a numeric feature with gaps in training gets a column that marks them.
        dtype: Of the matrix, "float64" or "float32".

    Attributes:
        sources: (p,) for each design column the feature it came from: numeric features first, then categorical ones.
    """

    def __init__(
        self,
        scaling: Scaling = "standard",
        max_onehot: int = 30,
        target_encode: bool = True,
        indicators: bool = True,
        dtype: Literal["float64", "float32"] = "float64",
    ) -> None:
        if scaling not in ("standard", "robust", "quantile"):
            raise ValueError(f"scaling is {scaling!r}; it must be standard, robust or quantile")
        self.scaling = scaling
        self.max_onehot = max_onehot
        self.target_encode = target_encode
        self.indicators = indicators
        self.dtype = dtype
        self._arrays: dict[str, NDArray[Any]] = {}

    @property
    def sources(self) -> NDArray[np.intp]:
        """(p,) index of the feature each design column came from: [numeric features..., categorical features...]."""
        a = self._arrays
        cat = np.concatenate([a["level_feature"], TargetMeans(a).sources])
        return np.concatenate([a["num"], a["gap"], cat + int(a["d_num"][0])]).astype(np.intp)

    @property
    def width(self) -> int:
        """Columns of the matrix."""
        return len(self.sources)

    def fit_transform(self, rows: Rows, n_classes: int, seed: int) -> NDArray[Any]:
        """The design matrix of the rows it is fitted on, their target means taken from other rows.

        Target means of a row come from the folds it is not in (5 folds, drawn by `seed`), so that a model fitted on
        the result does not see a row's own target in its features.

        Args:
            rows: The training rows of the fold.
            n_classes: Classes of `rows.y`; 0 or 1 for regression. Beyond 10, means of the 10 most frequent are taken.
            seed: Of the folds.

        Returns:
            (n_rows, p), in column order (Fortran).
        """
        self._fit_numeric(rows.x.x_num)
        by_level, by_mean = _split_categories(rows.x, self.max_onehot, self.target_encode)
        self._arrays |= _fit_levels(rows.x.x_cat, by_level, self.max_onehot)
        means, crossed = TargetMeans.fit(rows, by_mean, n_classes, seed)
        self._arrays |= means.arrays
        # scaled by the spread at prediction: that of cross-fitted means is close to none where every row is a level
        self._arrays["mean_scale"] = _inverse(means.apply(rows.x.x_cat).std(axis=0)) if len(by_mean) else np.zeros(0)
        return self._assemble(rows.x, crossed)

    def transform(self, x: Features) -> NDArray[Any]:
        """(n_rows, p) the design matrix of other rows. Unseen levels have no indicator and the target's mean."""
        d_num = int(self._arrays["d_num"][0])
        if x.x_num.shape[1] != d_num:
            raise ValueError(f"the design was fitted on {d_num} numeric features, got {x.x_num.shape[1]}")
        return self._assemble(x, TargetMeans(self._arrays).apply(x.x_cat))

    def save(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """JSON configuration and arrays, from which `load` makes the same design."""
        config = {
            "scaling": self.scaling,
            "max_onehot": self.max_onehot,
            "target_encode": self.target_encode,
            "indicators": self.indicators,
            "dtype": self.dtype,
        }
        return config, dict(self._arrays)

    @classmethod
    def load(cls, config: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Self:
        """The design that `save` wrote."""
        design = cls(**config)
        design._arrays = {name: np.asarray(array) for name, array in arrays.items()}
        return design

    def _fit_numeric(self, x_num: NDArray[np.float32]) -> None:
        kept: list[int] = []
        gaps: list[int] = []
        stats: list[tuple[float, float, float]] = []
        quantiles: list[Matrix] = []
        for j in range(x_num.shape[1]):
            values = x_num[:, j][np.isfinite(x_num[:, j])].astype(np.float64)
            if self.indicators and 0 < len(values) < len(x_num):
                gaps.append(j)
            if not len(values) or values.min() == values.max():
                continue
            kept.append(j)
            stats.append((float(np.median(values)), *_center_and_scale(values, self.scaling)))
            if self.scaling == "quantile":
                quantiles.append(np.quantile(values, np.linspace(0, 1, _N_QUANTILES)))
        fill, center, scale = np.array(stats, dtype=np.float64).reshape(-1, 3).T.copy()
        self._arrays = {
            "d_num": np.array([x_num.shape[1]]),
            "num": np.array(kept, dtype=np.intp),
            "gap": np.array(gaps, dtype=np.intp),
            "fill": fill,
            "center": center,
            "scale": scale,
        }
        if self.scaling == "quantile":
            self._arrays["quantiles"] = np.array(quantiles, dtype=np.float64).reshape(len(kept), _N_QUANTILES)

    def _assemble(self, x: Features, means: Matrix) -> NDArray[Any]:
        a = self._arrays
        if x.x_num.shape[1] != int(a["d_num"][0]):
            raise ValueError(f"the design was fitted on {int(a['d_num'])} numeric features, got {x.x_num.shape[1]}")
        parts = np.cumsum([len(a["num"]), len(a["gap"]), len(a["level_feature"]), means.shape[1]])
        design = np.empty((x.n_rows, int(parts[-1])), dtype=self.dtype, order="F")
        for start in range(0, x.n_rows, _BLOCK):
            rows = slice(start, start + _BLOCK)
            num, gap, level, mean = np.split(design[rows], parts[:-1], axis=1)
            num[:] = self._scaled(x.x_num[rows][:, a["num"]].astype(np.float64))
            gap[:] = ~np.isfinite(x.x_num[rows][:, a["gap"]])
            level[:] = x.x_cat[rows][:, a["level_feature"]] == a["level_code"]
            mean[:] = means[rows] * a["mean_scale"]
        return design

    def _scaled(self, values: Matrix) -> Matrix:
        """(n_rows, n_num) the numeric features that vary, filled and scaled."""
        a = self._arrays
        values = np.where(np.isfinite(values), values, a["fill"])
        if self.scaling == "quantile":
            columns = [_to_normal(column, a["quantiles"][i]) for i, column in enumerate(values.T)]
            return np.stack(columns, axis=1) if columns else values
        scaled = (values - a["center"]) * a["scale"]
        return np.asarray(scaled / np.sqrt(1 + (scaled / 3) ** 2) if self.scaling == "robust" else scaled)


def _inverse(scale: Matrix) -> Matrix:
    """1 / scale, and 0 where a column does not vary."""
    return np.divide(1.0, scale, out=np.zeros_like(scale), where=scale > 1e-12)


def _center_and_scale(values: Matrix, scaling: str) -> tuple[float, float]:
    """What is taken off the values and what they are multiplied by then; the values are not all equal."""
    if scaling == "standard":
        return float(values.mean()), 1 / float(values.std())
    low, center, high = np.quantile(values, [0.25, 0.5, 0.75])
    return float(center), 1 / (float(high - low) or float(np.ptp(values)) / 2)


def _to_normal(values: Matrix, quantiles: Matrix) -> Matrix:
    """Normal scores of the values; ties get the middle of their ranks, as in scikit-learn's QuantileTransformer."""
    from scipy.special import ndtri

    at = np.linspace(0, 1, len(quantiles))
    up = np.interp(values, quantiles, at)
    down = np.interp(-values, -quantiles[::-1], -at[::-1])
    return np.asarray(ndtri(np.clip((up - down) / 2, 1e-4, 1 - 1e-4)), dtype=np.float64)


def _split_categories(x: Features, max_onehot: int, target_encode: bool) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Categorical features that get indicators, and those that get target means; constant ones get neither."""
    varied = [j for j in range(x.x_cat.shape[1]) if x.n_rows and (x.x_cat[:, j] != x.x_cat[0, j]).any()]
    many = [j for j in varied if target_encode and x.layout.n_levels[j] > max_onehot]
    return np.array([j for j in varied if j not in set(many)], np.intp), np.array(many, np.intp)


def _fit_levels(x_cat: NDArray[np.int32], features: NDArray[np.intp], limit: int) -> dict[str, NDArray[Any]]:
    """The (feature, code) pairs that get an indicator: missing and, of each feature, its most frequent levels."""
    pairs: list[tuple[int, int]] = []
    for j in features:
        codes, counts = np.unique(x_cat[:, j], return_counts=True)
        codes, counts = codes[codes > -2], counts[codes > -2]
        known = codes >= 0
        top = codes[known][np.argsort(-counts[known], kind="stable")[:limit]]
        pairs += [(int(j), int(code)) for code in (*codes[~known], *np.sort(top))]
    table = np.array(pairs, dtype=np.intp).reshape(-1, 2)
    return {"level_feature": table[:, 0].copy(), "level_code": table[:, 1].copy()}
