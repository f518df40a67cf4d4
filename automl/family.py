"""The contract of a model family, and of the models it builds. One file in `families/` fills one `Family`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from automl.features import Features, Layout
from automl.plan import Cost, Hardware
from automl.profile import Profile
from automl.space import Params, Space
from automl.task import Task

TRAITS = frozenset(
    {
        "tree",
        "linear",
        "neural",
        "distance",
        "kernel",
        "bayes",
        "baseline",
        "boosting",
        "bagging",
        "glass_box",
        "native_missing",
        "native_categorical",
        "sequence",
        "needs_accelerator",
        "pretrained",
        "unproven",
        "text",
        "image",
        "audio",
    }
)


@dataclass(frozen=True, slots=True)
class State:
    """A fitted model as data: no code, no pickle.

    Attributes:
        config: JSON values.
        arrays: Plain numeric arrays; stored as safetensors.
        texts: Text files of a library's own open format (LightGBM's model text).
    """

    config: dict[str, Any]
    arrays: dict[str, NDArray[Any]] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rows:
    """Labelled rows.

    Shape:
        y: (n_rows,), float64 values for regression, int64 class codes otherwise.
        weights: (n_rows,) float64, or None for equal weights.
        groups: (n_rows,) codes of rows that belong together, or None where each stands for itself.
    """

    x: Features
    y: NDArray[Any]
    weights: NDArray[np.float64] | None = None
    groups: NDArray[np.intp] | None = None

    def take(self, index: NDArray[np.intp] | slice) -> Rows:
        """Some of the rows."""
        weights = None if self.weights is None else self.weights[index]
        groups = None if self.groups is None else self.groups[index]
        return Rows(self.x.take(index), self.y[index], weights, groups)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a fit may use.

    Attributes:
        deadline: `time.monotonic()` at which fitting must have ended; the model so far is kept.
        n_threads: Of every library the fit calls.
        seed: Of everything random.
        device: cpu, cuda, mps, ...
    """

    deadline: float
    n_threads: int = 1
    seed: int = 0
    device: str = "cpu"


@dataclass(frozen=True, slots=True)
class FitLog:
    """What a fit reports of itself.

    Attributes:
        n_iterations: Rounds or epochs kept, where the family counts them.
        n_tried: Those gone through to know which to keep, where that is known to be more.
        learning_rate: Where the clock made the fit take another than its parameters say.
        curve: Validation metric over iterations.
        truncated: Whether the deadline cut the fit short.
    """

    n_iterations: int | None = None
    n_tried: int | None = None
    learning_rate: float | None = None
    curve: tuple[float, ...] = ()
    truncated: bool = False


class Model(Protocol):
    """What `Family.build` returns.

    `save` and `load` are inverse: the loaded model predicts the same bits.
    """

    def fit(self, train: Rows, valid: Rows | None, limits: Limits) -> FitLog:
        """Learn; may be called once.

        Args:
            valid: For early stopping; None for a refit, where the parameter `n_iterations` says how far to go.

        Raises:
            Unsuitable: The data turn out not to suit the family.
        """
        ...

    def predict(self, x: Features) -> NDArray[np.float64]:
        """(n_rows,) values for regression, (n_rows, n_classes) probabilities that add up to 1 for classification."""
        ...

    def save(self) -> State:
        """The fitted model as data."""
        ...

    def load(self, state: State) -> None:
        """Become the model that was saved."""
        ...


@dataclass(frozen=True, slots=True)
class Family:
    """A model family.

    Attributes:
        name: As in `--include`; occurs in its own file, its test and the docs only.
        title: For people.
        traits: Out of `TRAITS`; what policy rules speak of.
        eligible: Why the family can't learn this, or None if it can.
        cost: Of one fit on all rows of the profile with these parameters, one thread.
        space: What may be tuned.
        default: Good parameters, best first; the portfolio. Each is tried before any tuning.
        build: An unfitted model.
        modules: Modules that a fit loads and that take seconds to load; loaded before the fit's own clock starts, and
            where processes can be forked once for all fits.
        link: "logit" where models are averaged in log-odds, "identity" where probabilities (or values) are.
    """

    name: str
    title: str
    traits: frozenset[str]
    eligible: Callable[[Profile, Task], str | None]
    cost: Callable[[Profile, Params, Hardware], Cost]
    space: Callable[[Profile], Space]
    default: Callable[[Profile], tuple[Params, ...]]
    build: Callable[[Params, Task, Layout], Model]
    modules: tuple[str, ...] = ()
    link: str = "identity"

    def __post_init__(self) -> None:
        unknown = self.traits - TRAITS
        if unknown:
            raise ValueError(f"family {self.name!r} has unknown traits {sorted(unknown)}; known: {sorted(TRAITS)}")

    @property
    def kind(self) -> str:
        """Either neural or shallow."""
        return "neural" if "neural" in self.traits else "shallow"


class TreeModel(Model, Protocol):
    """A model of trees (trait `tree`), open to tree SHAP."""

    def tree_ensemble(self) -> Any:
        """What `shap.TreeExplainer` takes: a LightGBM booster, or a list of its dicts of node arrays."""
        ...

    @property
    def tree_link(self) -> Literal["identity", "log"]:
        """Of regression: whether the trees add up to the prediction or to its logarithm."""
        ...

    def tree_input(self, x: Features) -> NDArray[np.float64]:
        """(n_rows, p) what the trees split on."""
        ...

    def tree_sources(self) -> NDArray[np.intp]:
        """(p, k) the k features that each column of `tree_input` is made of, each named as often as it counts.

        A feature is an index into the numeric ones followed by the categorical ones.
        """
        ...


class LinearModel(Model, Protocol):
    """A model linear in a design matrix (trait `linear`), open to linear SHAP."""

    def linear_design(self, x: Features) -> NDArray[np.float64]:
        """(n_rows, p) the design matrix."""
        ...

    def linear_terms(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.intp]]:
        """Coefficients (p, n_scores), intercepts (n_scores,), and the feature of each design column (p,).

        A feature is an index into the numeric ones followed by the categorical ones.
        Scores are values for regression, log-odds of the second class for binary, one log-odds a class otherwise.
        """
        ...
