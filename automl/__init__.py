"""automl: profile a table, decide between shallow and deep models by evidence, tune, blend, explain, report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from automl.estimators import AutoML, AutoMLClassifier, AutoMLRegressor, load_model

__version__ = "0.1.0"
__all__ = ["AutoML", "AutoMLClassifier", "AutoMLRegressor", "__version__", "load_model"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from automl import estimators  # scikit-learn is loaded by those who ask for an estimator only

    return getattr(estimators, name)


def __dir__() -> list[str]:
    return sorted((*globals(), *__all__))
