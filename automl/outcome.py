"""What a run came to: the record from which the report, the terminal summary and `--json` are made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from automl.attribution import Attribution
from automl.forecast import Forecast
from automl.plan import Plan, Verdict
from automl.pretrained.reference import Reference
from automl.profile import Profile
from automl.task import Threshold
from automl.trial import Trial


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """A metric with a bootstrap interval.

    Attributes:
        level: Of the interval, 0 to 1.
        error: Standard error.
        n_rows: Rows it was computed on.
        n_new: Rows of the new sample whose score the interval is for; None for the metric of the population.
    """

    metric: str
    value: float
    low: float
    high: float
    error: float
    n_rows: int
    level: float = 0.9
    n_new: int | None = None


class BlendMember(msgspec.Struct, frozen=True, kw_only=True):
    """A trial in the final blend; weights add up to 1."""

    trial: int
    family: str
    kind: str
    weight: float
    value: float


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """A finished run.

    Attributes:
        folder: The run folder.
        model: Path of the model file.
        score: Of the shipped model, for new data.
        metrics: Every metric that suits the task, from the same out-of-fold rows.
        test: The same on `--test FILE`; empty without.
        baselines: (title, estimate) of the baselines.
        members: The blend, heaviest first.
        refitted: Trials of it whose model in the file learned from all rows; the scores are of those that did not.
        threshold: By which labels are told where the metric is one of labels, as `metrics.labels` takes it.
        temperature: Of the probability calibration; 1 is none.
        stopped: Why the search ended, in a sentence.
        skipped: What was skipped and why, in sentences.
        pretrained: Encoders that the model needs wherever it predicts.
        forecast: What more time or rows would bring, as the search ended; None where it was too short to tell.
        seconds: Wall clock of the command so far; `stages` by stage.
        n_train: Rows learned from.
        versions: Of Python and the packages that matter.
        started: Seconds since the epoch.
    """

    folder: str
    model: str
    profile: Profile
    plan: Plan
    trials: tuple[Trial, ...]
    score: Estimate
    metrics: tuple[Estimate, ...]
    baselines: tuple[tuple[str, Estimate], ...]
    members: tuple[BlendMember, ...]
    verdict: Verdict
    stopped: str
    seconds: float
    stages: dict[str, float]
    n_train: int
    started: float
    versions: dict[str, str]
    refitted: tuple[int, ...] = ()
    test: tuple[Estimate, ...] = ()
    threshold: Threshold | None = None
    temperature: float = 1.0
    skipped: tuple[str, ...] = ()
    attribution: Attribution | None = None
    pretrained: tuple[Reference, ...] = ()
    forecast: Forecast | None = None
    settings: dict[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Evidence:
    """Out-of-fold rows of the shipped blend, for figures.

    Shape:
        y: (n_rows,) values or class codes.
        prediction: (n_rows,) values or (n_rows, n_classes) probabilities.
    """

    y: NDArray[Any]
    prediction: NDArray[np.float64]
