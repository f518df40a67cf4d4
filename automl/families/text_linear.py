"""Linear models of words, pairs of words and runs of characters (TF-IDF), beside the numbers of other columns."""

from __future__ import annotations

from automl.family import Family, Model
from automl.features import Layout
from automl.models.linear_model import PenalisedLinear
from automl.models.terms import TermsDesign
from automl.models.text_cost import cells_of_terms, no_text
from automl.plan import Cost, Hardware
from automl.profile import Profile
from automl.space import Choice, Params, Space
from automl.task import Task

_PASSES = 520.0  # over the matrix, along the whole path


def _eligible(profile: Profile, task: Task) -> str | None:  # noqa: ARG001 - any task
    return no_text(profile)


def _cost(profile: Profile, params: Params, hardware: Hardware) -> Cost:
    size = profile.size
    cells = cells_of_terms(profile, grams=bool(params["grams"]))
    n_scores = size.n_outputs if size.n_outputs > 2 else 1
    work = _PASSES * (3.5e-9 * cells * n_scores + 2e-8 * size.n_rows * n_scores)
    return Cost(float(0.05 + 2e-8 * cells + work) / hardware.speed, int(40 * cells + 48 * size.n_rows * n_scores))


def _space(profile: Profile) -> Space:
    ratio: Space = {} if profile.size.n_outputs == 1 else {"ratio": Choice((False, True))}
    return {"grams": Choice((True, False))} | ratio


def _default(profile: Profile) -> tuple[Params, ...]:
    plain: Params = {"grams": True, "ratio": False, "l1_ratio": 0.0, "n_steps": 19}
    words = plain | {"grams": False}
    return (plain, words) if profile.size.n_outputs == 1 else (plain, plain | {"ratio": True}, words)


def _build(params: Params, task: Task, layout: Layout) -> Model:  # noqa: ARG001 - the design knows the columns
    def open_design(_is_single: bool) -> TermsDesign:
        return TermsDesign(grams=bool(params["grams"]), ratio=bool(params["ratio"]))

    return PenalisedLinear(params, task, open_design)


FAMILY = Family(
    name="text_linear",
    title="linear model of words (TF-IDF)",
    traits=frozenset({"linear", "text"}),
    eligible=_eligible,
    cost=_cost,
    space=_space,
    default=_default,
    build=_build,
    link="logit",
)
