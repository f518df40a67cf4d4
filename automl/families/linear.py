"""Linear models: logistic regression, ridge and elastic net of numbers, indicators of categories and target means."""

from __future__ import annotations

from functools import partial
from typing import cast

from automl.family import Family, Model
from automl.features import Layout
from automl.models.design import Design, Scaling
from automl.models.linear_model import LARGE, PenalisedLinear
from automl.plan import Cost, Hardware
from automl.profile import Profile
from automl.space import Choice, Float, Params, Space
from automl.task import Task


def _eligible(profile: Profile, task: Task) -> str | None:  # noqa: ARG001 - any task
    return None if profile.size.d else "there is no feature to weigh"


def _columns(profile: Profile) -> float:
    """Expected columns of the design: about one more in ten marks gaps, categories have an indicator a level."""
    size = profile.size
    return size.d_num * 1.1 + min(size.n_levels, 30 * size.d_cat)


def _cost(profile: Profile, params: Params, hardware: Hardware) -> Cost:
    size, p = profile.size, _columns(profile)
    cells = size.n_rows * p
    n_scores = size.n_outputs if size.n_outputs > 2 else 1
    if size.n_outputs == 1 and not params["l1_ratio"]:
        work = 1.0e-10 * cells * min(p, size.n_rows) + 6e-9 * min(p, size.n_rows) ** 3 / 10
    else:
        passes = 150.0 if not params["l1_ratio"] else 300.0
        work = passes * (2.5e-9 * cells * (1 + 0.3 * (n_scores - 1)) + 2e-8 * size.n_rows * n_scores)
    width = 4 if cells > LARGE else 8
    return Cost(
        float(4e-3 + 4e-8 * cells + work) / hardware.speed, int(2 * width * cells + 24 * size.n_rows * n_scores)
    )


def _space(profile: Profile) -> Space:
    space: Space = {
        "scaling": Choice(("robust", "standard", "quantile")),
        "l1_ratio": Float(0.0, 1.0),
    }
    return space | {"target": Choice(("plain", "log"))} if profile.size.is_amount else space


def _has_long_tail(profile: Profile) -> bool:
    return any(c.role == "target" and c.numbers is not None and c.numbers.skew > 1 for c in profile.columns)


def _default(profile: Profile) -> tuple[Params, ...]:
    first: Params = {"scaling": "robust", "l1_ratio": 0.0}
    if profile.size.is_amount:
        first |= {"target": "log" if _has_long_tail(profile) else "plain"}
    quantile, elastic = first | {"scaling": "quantile"}, first | {"scaling": "standard", "l1_ratio": 0.5}
    # Of more columns than rows most tell nothing (Zou & Hastie 2005, doi:10.1111/j.1467-9868.2005.00503.x).
    return (first, elastic, quantile) if profile.size.d > profile.size.n_rows else (first, quantile, elastic)


def _build(params: Params, task: Task, layout: Layout) -> Model:  # noqa: ARG001 - the design knows the columns
    return PenalisedLinear(params, task, partial(_open_design, params))


def _open_design(params: Params, is_single: bool) -> Design:
    return Design(scaling=cast(Scaling, params["scaling"]), dtype="float32" if is_single else "float64")


FAMILY = Family(
    name="linear",
    title="penalised linear model",
    traits=frozenset({"linear", "glass_box"}),
    eligible=_eligible,
    cost=_cost,
    space=_space,
    default=_default,
    build=_build,
    link="logit",
)
