"""Models of a family as the data want them: on the scale of the metric, texts as numbers where it reads no words."""

from __future__ import annotations

from functools import partial

import msgspec

from automl.family import Family, Model
from automl.features import Layout
from automl.models.log_scale import OnLogScale
from automl.models.text_scores import WithTextScores, has_terms
from automl.space import Params
from automl.task import Task

_READ_ROWS_THEMSELVES = frozenset({"text", "sequence", "baseline"})
_N_WORDS = 400  # that boosted trees split on beside the scores; forests and nets are better off without


def takes_scores(family: Family) -> bool:
    """Whether the family's models are given scores of texts."""
    return not family.traits & _READ_ROWS_THEMSELVES


def build_model(family: Family, params: Params, task: Task, layout: Layout) -> Model:
    """An unfitted model of a family."""
    if task.metric == "rmsle":
        return OnLogScale(build_model(family, params, msgspec.structs.replace(task, metric="rmse"), layout))
    if not takes_scores(family) or not has_terms(layout):
        return family.build(params, task, layout)
    n_words = _N_WORDS if "boosting" in family.traits else 0
    return WithTextScores(partial(family.build, params, task), task, layout, n_words)
