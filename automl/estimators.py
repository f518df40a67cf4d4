"""The Python face: the command's stages behind scikit-learn's estimators."""

from __future__ import annotations

import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import msgspec
import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import check_consistent_length, check_random_state, column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import assert_all_finite, check_is_fitted, validate_data

from automl import bundle
from automl.attribution import Attribution
from automl.bundle import Predictor
from automl.errors import AutoMLError
from automl.events import Event
from automl.explain import explain_model
from automl.explaining import explain_request
from automl.features import Features
from automl.frames import array_names, is_frame, is_missing, table_of, values_of
from automl.metrics import labels
from automl.modalities.tabular import profile_table
from automl.outcome import Outcome
from automl.run import fit_table
from automl.settings import Settings
from automl.table import Table

__all__ = ["AutoML", "AutoMLClassifier", "AutoMLRegressor", "load_model"]

_OWN_OPTIONS = frozenset(
    ("data", "target", "task", "time_limit", "preset", "metric", "trials", "jobs", "seed", "output", "sources")
)


class TableEstimator(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """What both estimators share; use `AutoMLClassifier` or `AutoMLRegressor`.

    Args:
        time_limit: Seconds of a fit; it ends earlier when more time would gain less than the noise.
        preset: fast, balanced, best or interpretable.
        metric: What to optimise, a name of `--metric`; None for the task's usual one.
        trials: At most so many trials; None for as many as there is time for.
        n_jobs: Worker processes; None or -1 for as many as cores.
        random_state: Seed, or a generator to draw it from.
        work_dir: Folder in which every fit leaves a run folder with model, journal and report; None for none.
        options: Any other option of `automl fit` by the name of its flag, such as {"include": ["linear"],
            "engine": "inline", "group": "patient"}; columns are named as in X.

    Attributes:
        model_: The loaded model file (`automl.bundle.Predictor`).
        outcome_: The record of the run (`automl.outcome.Outcome`): plan, trials, score, verdict.
        n_features_in_: Columns of X.
        feature_names_in_: Their names, where X was a data frame with names.
    """

    def __init__(
        self,
        time_limit: float = 300.0,
        preset: str = "balanced",
        metric: str | None = None,
        trials: int | None = None,
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
        work_dir: str | Path | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        self.time_limit = time_limit
        self.preset = preset
        self.metric = metric
        self.trials = trials
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.work_dir = work_dir
        self.options = options

    model_: Predictor
    outcome_: Outcome
    n_features_in_: int
    feature_names_in_: NDArray[Any]
    _file: bytes

    def save(self, path: str | Path) -> Path:
        """Write the model file, which `load_model` and the command `automl predict` read."""
        check_is_fitted(self, "model_")
        target = Path(path)
        target.write_bytes(self._file)
        return target

    def explain(self, X: Any, y: Any = None, rows: Sequence[int] | None = (), seconds: float = 30.0) -> Attribution:
        """SHAP, LIME, permutation importance and dependence of the model on these rows.

        Args:
            X: (n_rows, n_features) rows.
            y: (n_rows,) their targets, which permutation importance needs.
            rows: Rows to explain singly, from 0; empty for a few telling ones, None for none.
            seconds: Wall time for all.
        """
        check_is_fitted(self, "model_")
        with _value_errors():
            truth = None if y is None else self._truth(_one_column(y))
            request = explain_request(self.model_, self._table(X), truth, (), seconds, self.model_.task.seed)
            return explain_model(self.model_, replace(request, chosen=rows))

    def _truth(self, y: NDArray[Any]) -> NDArray[Any]:
        """(n_rows,) targets as the models learned them."""
        return y.astype(np.float64)

    def _fit(self, table: Table, y: Any, values: Any, task: str) -> None:
        """Run the stages on rows and the values of their target, and keep the model."""
        target = _free_name(getattr(y, "name", None), table.names)
        columns = {column.name: column.series for column in table.columns()}
        whole = Table.from_columns({**columns, target: values}, "X")
        with tempfile.TemporaryDirectory(prefix="automl-") as temporary:
            stamp = f"{time.strftime('%Y%m%d-%H%M%S')}-{uuid.uuid4().hex[:6]}"
            folder = Path(temporary) / "run" if self.work_dir is None else Path(self.work_dir) / stamp
            self.outcome_ = fit_table(whole, self._settings(target, task), folder, _ignore)
            self._file = Path(self.outcome_.model).read_bytes()
            self.model_ = bundle.load_model(self.outcome_.model)

    def _settings(self, target: str, task: str) -> Settings:
        options = dict(self.options or {})
        unknown = sorted(set(options) - (set(Settings.__struct_fields__) - _OWN_OPTIONS))
        if unknown:
            known = ", ".join(sorted(set(Settings.__struct_fields__) - _OWN_OPTIONS))
            raise ValueError(f"no option {unknown[0]!r}; there are: {known}")
        seed = self.random_state
        if seed is None or isinstance(seed, np.random.RandomState):
            seed = 0 if seed is None else int(check_random_state(seed).randint(2**31))
        told = {
            **options,
            "data": "X",
            "target": target,
            "task": task,
            "time_limit": float(self.time_limit),
            "preset": self.preset,
            "metric": self.metric,
            "trials": self.trials,
            "jobs": None if self.n_jobs in (None, -1) else self.n_jobs,
            "seed": int(seed),
        }
        return msgspec.convert(told, Settings)

    def _table(self, X: Any, reset: bool = False) -> Table:
        """Rows as a table: frames by the names of their columns, arrays by their order."""
        if not is_frame(X):
            X = validate_data(self, X, reset=reset, dtype=None, ensure_all_finite=False, ensure_min_samples=1 + reset)
            return table_of(X, None if reset else self._names)
        if reset or not hasattr(self, "feature_names_in_"):
            validate_data(self, X, reset=reset, skip_check_array=True)
        table = table_of(X, None if hasattr(self, "feature_names_in_") else self._names)
        if reset and (table.n_rows < 2 or not table.names):
            raise ValueError(f"n_samples={table.n_rows}, n_features={len(table.names)}: too few to learn from")
        return table

    @property
    def _names(self) -> tuple[str, ...]:
        return tuple(getattr(self, "feature_names_in_", array_names(self.n_features_in_)))

    def _features(self, X: Any) -> Features:
        encoder = self.model_.encoder
        is_plain = encoder.is_numeric and self.model_.task.history is None
        if is_plain and isinstance(X, np.ndarray) and X.ndim == 2 and X.dtype.kind in "biuf":
            validate_data(self, X, reset=False, skip_check_array=True)
            return encoder.encode_matrix(X, self._names)
        return self.model_.encode(self.model_.prepare(self._table(X)))

    def _predicted(self, X: Any) -> NDArray[np.float64]:
        check_is_fitted(self, "model_")
        with _value_errors():
            return self.model_.predict(self._features(X))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        tags.non_deterministic = True  # the search ends by the clock
        return tags

    def __getstate__(self) -> dict[str, Any]:
        state = dict(super().__getstate__())
        state.pop("model_", None)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if "_file" in state:
            with tempfile.TemporaryDirectory(prefix="automl-") as temporary:
                path = Path(temporary) / "model.automl"
                path.write_bytes(state["_file"])
                self.model_ = bundle.load_model(path)


class AutoMLClassifier(ClassifierMixin, TableEstimator):  # type: ignore[misc]
    """Classification by the best blend that the time allows; parameters as `TableEstimator`.

    Attributes:
        classes_: (n_classes,) labels as given, sorted.
    """

    classes_: NDArray[Any]
    _place: NDArray[np.intp]

    def fit(self, X: Any, y: Any) -> Self:
        """Find, blend and keep the best model.

        Args:
            X: (n_rows, n_features) array, list or data frame; strings, dates and missing values are welcome.
            y: (n_rows,) labels of any type.

        Raises:
            ValueError: The data cannot be learned from; says why.
        """
        with _value_errors():
            table, labelled = self._table(X, reset=True), _one_column(y)
            check_consistent_length(X, labelled)
            check_classification_targets(labelled)
            self.classes_, codes = np.unique(labelled, return_inverse=True)
            if len(self.classes_) < 2:
                raise ValueError(f"y has a single class, {self.classes_[0]!r}: there is nothing to learn")
            spelled = _spelled(self.classes_)
            self._fit(table, y, values_of(spelled[codes]), "classification")
            self._place = _places(_texts(spelled), self.model_.task.classes)
        return self

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """(n_rows, n_classes) probabilities, in the order of `classes_`."""
        found = self._predicted(X)
        probabilities = np.zeros((len(found), len(self.classes_)))
        probabilities[:, self._place] = found
        return probabilities

    def predict(self, X: Any) -> NDArray[Any]:
        """(n_rows,) labels; where the metric is one of labels, by the threshold that suits it best."""
        probabilities = self._predicted(X)
        codes = labels(probabilities, self.model_.manifest.threshold)
        return np.asarray(self.classes_[self._place[codes]])

    def _truth(self, y: NDArray[Any]) -> NDArray[Any]:
        code = {label: i for i, label in enumerate(self.classes_[self._place].tolist())}
        return np.array([code.get(label, -2) for label in y.tolist()], dtype=np.int64)


class AutoMLRegressor(RegressorMixin, TableEstimator):  # type: ignore[misc]
    """Regression by the best blend that the time allows; parameters as `TableEstimator`."""

    def fit(self, X: Any, y: Any) -> Self:
        """Find, blend and keep the best model.

        Args:
            X: (n_rows, n_features) array, list or data frame; strings, dates and missing values are welcome.
            y: (n_rows,) numbers.

        Raises:
            ValueError: The data cannot be learned from; says why.
        """
        with _value_errors():
            table, values = self._table(X, reset=True), _one_column(y).astype(np.float64)
            check_consistent_length(X, values)
            self._fit(table, y, values, "regression")
        return self

    def predict(self, X: Any) -> NDArray[np.float64]:
        """(n_rows,) values."""
        return self._predicted(X)


class AutoML:
    """Chooses between the two estimators by the target, by the rules of the command.

    Args:
        parameters: Of `AutoMLClassifier` and `AutoMLRegressor`.
    """

    def __init__(self, **parameters: Any) -> None:
        self.parameters = parameters

    def fit(self, X: Any, y: Any) -> AutoMLClassifier | AutoMLRegressor:
        """A fitted classifier or regressor.

        Args:
            X: (n_rows, n_features) array, list or data frame.
            y: (n_rows,) target, or the name of its column in the data frame X.
        """
        if isinstance(y, str) and is_frame(X):
            X, y = (X.drop(columns=[y]) if hasattr(X, "iloc") else X.drop(y)), X[y]
        with _value_errors():
            target = Table.from_columns({"target": values_of(_one_column(y))})
            _, task = profile_table(target, Settings(data="y", target="target"))
        kind = AutoMLRegressor if task is not None and not task.is_classification else AutoMLClassifier
        return kind(**self.parameters).fit(X, y)


def load_model(path: str | Path) -> AutoMLClassifier | AutoMLRegressor:
    """A fitted estimator from a model file, made by the command or by `save`.

    Labels are as they stood in the file: numbers and truths where the column held such, text otherwise.

    Raises:
        UsageError: There is no such file.
        ModelFileError: It is damaged, unsafe or of a newer format.
    """
    predictor = bundle.load_model(path)
    estimator: AutoMLClassifier | AutoMLRegressor = AutoMLRegressor()
    if predictor.task.is_classification:
        estimator = AutoMLClassifier()
        estimator.classes_ = _labels_of(predictor)
        estimator._place = _places(_texts(estimator.classes_), predictor.task.classes)
    names = [c.name for c in predictor.profile.columns if c.name != predictor.task.target]
    estimator.n_features_in_ = len(names)
    if tuple(names) != array_names(len(names)):
        estimator.feature_names_in_ = np.array(names, dtype=object)
    estimator.model_, estimator._file = predictor, Path(path).read_bytes()
    return estimator


@contextmanager
def _value_errors() -> Iterator[None]:
    """What the command calls a data or usage error is a ValueError to scikit-learn."""
    try:
        yield
    except AutoMLError as error:
        raise ValueError(str(error)) from error


def _ignore(event: Event) -> None:
    """Events of a run; the outcome has all that is kept of them."""


def _one_column(y: Any) -> NDArray[Any]:
    """(n_rows,) a target.

    Raises:
        ValueError: It has more columns, or a value is missing or infinite.
    """
    if y is None:
        raise ValueError("requires y to be passed, but the target y is None")
    column = column_or_1d(y, warn=True)
    assert_all_finite(column, input_name="y")
    if column.dtype.kind == "O" and any(map(is_missing, column.tolist())):
        raise ValueError("y has missing values")
    return np.asarray(column)


def _free_name(name: object, taken: Sequence[str]) -> str:
    free = str(name) if name is not None else "target"
    while free in taken:
        free += "_"
    return free


def _spelled(classes: NDArray[Any]) -> NDArray[Any]:
    """(n_classes,) the labels as they are told to the stages: as given, unless they could be mistaken.

    Labels that would read as missing ("NA") or as one another (" a" and "a") are numbered instead.
    """
    spelled = classes if classes.dtype.kind in "biuf" else np.array([str(c) for c in classes.tolist()], dtype=object)
    texts = _texts(spelled)
    rows = Table.from_columns({"y": values_of(np.repeat(spelled, 4))})
    profile, _ = profile_table(rows, Settings(data="y", target="y", task="classification"))
    clear = len(set(texts)) == len(texts) and "" not in texts and not profile.column("y").n_missing
    return spelled if clear else np.array([f"class {i}" for i in range(len(classes))], dtype=object)


def _texts(values: NDArray[Any]) -> list[str]:
    """(n,) the texts by which the stages know values."""
    return [str(text) for text in Table.from_columns({"y": values_of(values)}).column("y").as_text().to_list()]


def _places(texts: Sequence[str], known: Sequence[str]) -> NDArray[np.intp]:
    """(n_known,) where each class that the model knows stands among the labels."""
    place = {text: i for i, text in enumerate(texts)}
    return np.array([place[text] for text in known], dtype=np.intp)


def _labels_of(model: Predictor) -> NDArray[Any]:
    """(n_classes,) sorted labels of a model file, of the type that the target column had."""
    storage = model.profile.column(model.task.target).storage
    if storage == "boolean":
        return np.array([False, True])
    if storage == "number":
        numbers = np.array([float(text) for text in model.classes])
        return np.unique(numbers.astype(np.int64) if (numbers == np.round(numbers)).all() else numbers)
    return np.unique(np.array(model.classes, dtype=object))
