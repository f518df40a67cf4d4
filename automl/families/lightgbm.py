"""LightGBM: gradient-boosted trees grown leaf by leaf (Ke et al. 2017, NeurIPS)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from automl.errors import ModelFileError, Unsuitable
from automl.family import Family, FitLog, Limits, Model, Rows, State
from automl.features import Features, FloatArray, Layout
from automl.models.arithmetic import MOST_PAIRS, MOST_TRIED, ArithmeticPairs, Gains
from automl.models.booster_text import Expected, check_text, rescale, tidy
from automl.models.boosting import Rounds, boost
from automl.models.probabilities import proper
from automl.models.target_means import TargetMeans, of_many_levels
from automl.plan import Cost, Hardware
from automl.profile import Profile
from automl.space import Choice, Float, Int, Params, Space
from automl.task import Task

Array: TypeAlias = NDArray[Any]

_BY_ABSOLUTE = {"mae", "median_absolute_error", "mape"}
_BY_RANK = {"roc_auc": "auc", "average_precision": "average_precision"}
_LOG_LINK = "poisson"
_LARGEST_STEP = 0.2  # of the logarithm; the library's 0.7 is as good and needs a third more rounds
_MIN_RANKED = 30  # rows of the rarer class below which a rank metric is too coarse to stop by
_MAX_ROUNDS = 5000
# Below, small trees beat the library's own defaults on three in four parts of the tables of `benchmarks/tables.py` and
# more, and by most where one class is rare (`benchmarks/defaults.py`).
_FEW_ROWS = 8_000
_CURVE_POINTS = 100
_MOST_CODES = 1_000  # codes go by frequency; rarer levels are told apart by their means only
_D_WORDS = 60  # features that take as long as the frequent words of texts, most of which a row lacks
_FAR = float(np.finfo(np.float32).max)
# Pairs of features are told by a few trees on some of the rows; with many features or classes that takes too long.
_SIEVE_ROWS, _SIEVE_TREES, _SIEVE_LEAVES = 5_000, 150, 15
_MOST_PAIRED, _MOST_PAIRED_CLASSES = 200, 30


class Booster:
    """Boosting with early stopping, an eye on the clock, and native categories."""

    def __init__(self, params: Params, task: Task, layout: Layout) -> None:
        self._params = params
        self._task = task
        self._layout = layout
        self.text_ = ""
        self._booster: Any = None
        self._pairs = ArithmeticPairs.none()
        self._means: TargetMeans | None = None
        # Categorical features that are means of the target, and those whose codes are split on, up to an end: all of
        # them where `levels` is "both", those of few levels where it is "means".
        self._many_levels = of_many_levels(layout)
        every = np.arange(len(layout.cat_names))
        self._coded = every if params.get("levels") == "both" else np.setdiff1d(every, self._many_levels)
        is_ordered = np.asarray(layout.cat_ordered, dtype=bool)[self._coded]
        self._end = np.where(is_ordered, np.inf, _MOST_CODES)

    def fit(self, train: Rows, valid: Rows | None, limits: Limits) -> FitLog:
        """Boost until `valid` stops improving, the rounds are done or the deadline is near."""
        import lightgbm

        if not self._d:
            raise Unsuitable("there is no feature to split on")
        objective = _objective(self._task, self._params)
        offset, scale = _target_scale(objective, train.y)
        self._means, crossed = TargetMeans.fit(train, self._many_levels, len(self._task.classes), limits.seed)
        metric, maximize = _eval_metric(self._task, valid)
        config = _config(self._params, self._task, train.x, limits) | {"objective": objective, "metric": metric}
        if self._params.get("pairs"):
            self._pairs = ArithmeticPairs.fit(*self._sieve(train, crossed, (offset, scale), config))
        data = self._dataset(train, crossed, (offset, scale), config, None)
        booster = lightgbm.Booster(config, data)
        if valid is not None:
            means = self._means.apply(valid.x.x_cat)
            booster.add_valid(self._dataset(valid, means, (offset, scale), config, data), "valid")
        rounds = Rounds(float(config["learning_rate"]), _n_rounds(self._params, valid), limits.deadline, maximize)
        boost(booster, rounds, valid is not None)
        text = tidy(booster.model_to_string(num_iteration=rounds.best))
        self._open(text if self._task.is_classification else _in_unit(text, objective, offset, scale))
        unit = 1.0 if self._task.is_classification else scale
        curve = tuple(unit * value for value in rounds.curve[:: 1 + len(rounds.curve) // _CURVE_POINTS])
        rate = None if rounds.rate == config["learning_rate"] else rounds.rate
        return FitLog(
            n_iterations=rounds.best,
            n_tried=len(rounds.curve) or None,
            learning_rate=rate,
            curve=curve,
            truncated=rounds.truncated,
        )

    def predict(self, x: Features) -> NDArray[np.float64]:
        """Probabilities or values; one thread for few rows, where starting more costs more than they bring."""
        matrix = self._matrix(x)
        threads = 1 if len(matrix) < 20_000 else 0
        predicted = np.asarray(self._booster.predict(matrix, num_threads=threads), dtype=np.float64)
        if self._task.kind == "regression":
            return predicted
        return proper(np.stack([1 - predicted, predicted], axis=1) if predicted.ndim == 1 else predicted)

    def save(self) -> State:
        """The trees as text, and the means of the target and the pairs of features that some of them split on."""
        assert self._means is not None
        return State(config={}, texts={"trees": self.text_}, arrays=self._means.arrays | self._pairs.arrays)

    def load(self, state: State) -> None:
        """Read the trees once they were checked.

        Raises:
            ModelFileError: The text is no such model.
        """
        if "trees" not in state.texts:
            raise ModelFileError("the model file holds no trees where it should", "fit the model again")
        n_trees = self._task.n_outputs if self._task.kind == "multiclass" else 1
        objective = _objective(self._task, self._params)
        self._means = TargetMeans.load(state.arrays, self._many_levels, self._layout.n_levels)
        if self._params.get("pairs"):
            self._pairs = ArithmeticPairs.load(state.arrays, len(self._layout.num_names))
        check_text(state.texts["trees"], Expected(len(self.tree_sources()), n_trees, (objective,)))
        self._open(state.texts["trees"])

    def tree_ensemble(self) -> Any:
        """The booster itself."""
        return self._booster

    @property
    def tree_link(self) -> Literal["identity", "log"]:
        """What the trees add up to."""
        return "log" if _objective(self._task, self._params) == _LOG_LINK else "identity"

    def tree_input(self, x: Features) -> NDArray[np.float64]:
        """(n_rows, p) numbers, pairs of them, category codes (NaN: missing or unseen), means of the target."""
        return self._matrix(x).astype(np.float64)

    def tree_sources(self) -> NDArray[np.intp]:
        """(p, 2) the two features of each column of `tree_input`; twice the same where it is of one."""
        assert self._means is not None
        d_num = len(self._layout.num_names)
        numbers, others = np.arange(d_num), d_num + np.concatenate([self._coded, self._means.sources])
        both = [np.stack([single, single], axis=1) for single in (numbers, others)]
        return np.concatenate([both[0], self._pairs.sources, both[1]])

    @property
    def _d(self) -> int:
        return len(self._layout.num_names) + len(self._layout.cat_names)

    def _matrix(self, x: Features) -> NDArray[np.float32]:
        assert self._means is not None
        return self._joined(x, self._means.apply(x.x_cat))

    def _joined(self, x: Features, means: Array) -> NDArray[np.float32]:
        codes = x.x_cat[:, self._coded]
        codes = np.where((codes >= 0) & (codes < self._end), codes.astype(np.float32), np.float32(np.nan))
        numbers = np.clip(x.x_num, -_FAR, _FAR)
        parts = numbers, self._pairs.apply(numbers), codes, np.clip(means, -_FAR, _FAR)
        return np.concatenate(parts, axis=1, dtype=np.float32)

    def _open(self, text: str) -> None:
        import lightgbm

        self.text_ = text
        self._booster = lightgbm.Booster(model_str=text)

    def _sieve(
        self, train: Rows, means: Array, scaling: tuple[float, float], config: dict[str, Any]
    ) -> tuple[FloatArray, Gains]:
        """Numeric features of some of the rows, and how much a few trees gain by any that take their place."""
        import lightgbm

        picks = np.arange(len(train.y))
        if len(picks) > _SIEVE_ROWS:
            picks = np.sort(np.random.default_rng(config["seed"]).choice(picks, _SIEVE_ROWS, replace=False))
        some, means = train.take(picks), means[picks]
        trees = config | {"num_leaves": _SIEVE_LEAVES, "learning_rate": 0.1, "extra_trees": False}

        def gains(x_num: FloatArray) -> Array:
            if not np.ptp(some.y):
                return np.zeros(x_num.shape[1])
            rows = Rows(replace(some.x, x_num=x_num), some.y, some.weights)
            booster = lightgbm.Booster(trees, self._dataset(rows, means, scaling, trees, None))
            for _ in range(_sieve_rounds(self._task.n_outputs)):
                booster.update()
            return np.asarray(booster.feature_importance("gain"))[: x_num.shape[1]]

        return some.x.x_num, gains

    def _dataset(
        self, rows: Rows, means: Array, scaling: tuple[float, float], config: dict[str, Any], reference: Any
    ) -> Any:
        import lightgbm

        y, weights = rows.y, rows.weights
        if self._task.metric == "mape":
            size = np.abs(y)
            relative = 1 / np.maximum(size, max(1e-3 * float(np.median(size)), float(np.finfo(np.float32).tiny)))
            weights = relative if weights is None else weights * relative
        if self._task.kind == "regression":
            y = (y - scaling[0]) / scaling[1]
        d_num = rows.x.x_num.shape[1] + self._pairs.n
        categorical = [d_num + i for i, j in enumerate(self._coded) if not self._layout.cat_ordered[j]]
        return lightgbm.Dataset(
            self._joined(rows.x, means),
            y,
            weight=None if weights is None else weights / max(float(weights.mean()), 1e-300),
            reference=reference,
            categorical_feature=categorical,
            params=config,
        )


def _objective(task: Task, params: Params) -> str:
    if task.is_classification:
        return task.kind
    if task.metric in _BY_ABSOLUTE:
        return "regression_l1"
    return _LOG_LINK if params.get("link") == "log" else "regression"


def _target_scale(objective: str, y: Array) -> tuple[float, float]:
    """Offset and scale of the values that are learned.

    Raises:
        Unsuitable: A log link is asked for, and a value is below 0 or none above.
    """
    if objective == _LOG_LINK:
        if not (y.min() >= 0 < y.max()):
            raise Unsuitable("a log link needs values of 0 and above")
        return 0.0, float(y.mean())
    if objective.startswith("regression"):
        # Labels are float32 in the library and its L1 penalty is in the target's unit: both want a centred unit scale.
        return float(y.mean()), float(y.std()) or 1.0
    return 0.0, 1.0


def _in_unit(text: str, objective: str, offset: float, scale: float) -> str:
    """The text of a model of scaled values as one of the values themselves."""
    return rescale(text, 1.0, math.log(scale)) if objective == _LOG_LINK else rescale(text, scale, offset)


def _eval_metric(task: Task, valid: Rows | None) -> tuple[str, bool]:
    """The library's name of the metric to stop by, and whether more is better."""
    if task.kind == "regression":
        return ("l1", False) if task.metric in _BY_ABSOLUTE else ("rmse", False)
    if task.kind == "multiclass":
        return "multi_logloss", False
    rarer = 0 if valid is None else int(np.bincount(valid.y, minlength=2).min())
    if task.metric in _BY_RANK and rarer >= _MIN_RANKED:
        return _BY_RANK[task.metric], True
    return "binary_logloss", False


def _n_rounds(params: Params, valid: Rows | None) -> int:
    rate = float(params["learning_rate"] or 0.05)
    if valid is None:
        return max(1, int(params.get("n_iterations") or 10 / rate))
    return int(min(_MAX_ROUNDS, 300 / rate))


def _config(params: Params, task: Task, x: Features, limits: Limits) -> dict[str, Any]:
    tuned = {name: value for name, value in params.items() if name not in ("n_iterations", "link", "levels", "pairs")}
    # Leaves as large as asked for would leave nothing to split in a table of a few dozen rows.
    tuned["min_data_in_leaf"] = min(int(tuned["min_data_in_leaf"] or 1), max(1, x.n_rows // 20))
    by_rows = x.n_rows >= 10 * (x.x_num.shape[1] + x.x_cat.shape[1])
    return {
        **tuned,
        "num_class": task.n_outputs if task.kind == "multiclass" else 1,
        "bagging_freq": 1,
        "poisson_max_delta_step": _LARGEST_STEP,
        "min_data_in_bin": 3 if x.n_rows > 200 else 1,
        "feature_pre_filter": False,
        "seed": limits.seed,
        "num_threads": limits.n_threads,
        "deterministic": True,
        "force_row_wise": by_rows,
        "force_col_wise": not by_rows,
        "verbosity": -1,
    }


def _sieve_rounds(n_outputs: int) -> int:
    return max(5, _SIEVE_TREES // max(3, n_outputs))


def _can_pair(profile: Profile) -> bool:
    return 2 <= profile.size.d_num <= _MOST_PAIRED and profile.size.n_outputs <= _MOST_PAIRED_CLASSES


def _eligible(profile: Profile, task: Task) -> str | None:  # noqa: ARG001 - any task
    return None if profile.size.d else "there is no feature to split on"


def _cost(profile: Profile, params: Params, hardware: Hardware) -> Cost:
    size = profile.size
    leaves = float(params["num_leaves"] or 31)
    rate = float(params["learning_rate"] or 0.05)
    each = size.n_outputs if size.n_outputs > 2 else 1
    trees = 20 / rate * each
    leaves = min(leaves, max(2.0, size.n_rows / float(params["min_data_in_leaf"] or 1)))
    d = float(size.d + (_D_WORDS if profile.holds("text") else 0))
    share, seconds = float(params["feature_fraction"] or 1.0), 0.0
    if params.get("pairs"):
        tried = share * (2 * d + MOST_TRIED)
        seconds = _sieve_rounds(each) * each * _tree_seconds(min(size.n_rows, _SIEVE_ROWS), tried, _SIEVE_LEAVES)
        d += MOST_PAIRS
    d = max(1.0, d * share)
    seconds += trees * _tree_seconds(size.n_rows, d, leaves)
    memory = 50e6 + 5 * size.n_rows * size.d + 20 * 20 * 255 * d * leaves / 16 + trees * leaves * 100
    return Cost(seconds=seconds / hardware.speed, memory_bytes=int(memory))


def _tree_seconds(n_rows: int, d: float, leaves: float) -> float:
    # Rows pass once a level, histograms of every leaf are scanned; fitted on nine tables of 100 to 32,000 rows.
    return float(1.5e-4 + 8e-10 * n_rows * (d + 12) * np.log2(leaves + 1) + d * (1.5e-6 + 2.5e-7 * leaves))


def _space(profile: Profile) -> Space:
    # TabArena's space (arXiv:2506.16791, appendix C); its learning rates below 0.02 need more rounds than the CPU
    # budgets here pay for (118 against 8 CPU seconds on 7,000 rows for no gain), so the range is moved up.
    space: Space = {
        "learning_rate": Float(0.02, 0.15, log=True),
        "num_leaves": Int(2, 200, log=True),
        "min_data_in_leaf": Int(1, 64, log=True),
        "feature_fraction": Float(0.4, 1.0),
        "bagging_fraction": Float(0.7, 1.0),
        "extra_trees": Choice((False, True)),
        "lambda_l1": Float(0.0, 1.0),
        "lambda_l2": Float(0.0, 10.0),
    }
    if profile.size.is_amount:
        space |= {"link": Choice(("log", "identity"))}
    if _can_pair(profile):
        space |= {"pairs": Choice((False, True))}
    if profile.size.d_cat:
        space |= {
            "min_data_per_group": Int(2, 100, log=True),
            "cat_l2": Float(0.005, 20.0, log=True),
            "cat_smooth": Float(0.001, 100.0, log=True),
            "max_cat_to_onehot": Int(4, 100, log=True),
            "levels": Choice(("means", "both")),
        }
    return space


def _default(profile: Profile) -> tuple[Params, ...]:
    size = profile.size
    plain: Params = {
        "learning_rate": 0.05 if size.n_rows < 100_000 else 0.1,
        "num_leaves": 31,
        "min_data_in_leaf": 20,
        "feature_fraction": 0.9 if size.d < 100 else 0.6,
        "bagging_fraction": 1.0,
        "extra_trees": False,
        "lambda_l1": 0.0,
        "lambda_l2": 0.0,
        "min_data_per_group": 100,
        "cat_l2": 10.0,
        "cat_smooth": 10.0,
        "max_cat_to_onehot": 4,
        "levels": "both",
        "pairs": False,
    }
    identity: Params = {"link": "identity"} if size.is_amount else {}
    if size.is_amount:
        plain |= {"link": "log"}
    small = plain | {"levels": "means"}
    robust = small | {"num_leaves": 8, "feature_fraction": 0.5, "bagging_fraction": 0.8, "lambda_l2": 5.0}
    random = plain | identity | {"extra_trees": True, "num_leaves": 64, "min_data_in_leaf": 5, "lambda_l2": 1.0}
    # LGBM-TD of Holzmueller et al. 2024 (arXiv:2407.04491): many leaves for regression, larger ones for classes.
    deep = plain | identity | {"bagging_fraction": 0.7, "num_leaves": 100, "min_data_in_leaf": 3}
    if size.n_outputs > 1:
        deep |= {"bagging_fraction": 0.75, "num_leaves": 50, "min_data_in_leaf": 40, "learning_rate": 0.04}
    additive = small | {"num_leaves": 4, "min_data_in_leaf": 10, "feature_fraction": 0.7, "learning_rate": 0.1}
    first, *others = (plain, random, deep, robust, additive)
    if size.telling_rows < _FEW_ROWS:
        first, *others = (robust, random, additive, plain, deep)
    paired = [first | {"pairs": True}] if _can_pair(profile) else []
    return first, others[0], *paired, *others[1:]


_build: Callable[[Params, Task, Layout], Model] = Booster

FAMILY = Family(
    name="lightgbm",
    title="LightGBM",
    traits=frozenset({"tree", "boosting", "native_missing", "native_categorical"}),
    eligible=_eligible,
    cost=_cost,
    space=_space,
    default=_default,
    build=_build,
    modules=("lightgbm",),
    link="logit",
)
