"""A small transformer over words, from scratch (arXiv 1706.03762), beside the other columns."""

from __future__ import annotations

from automl.family import Family, Model
from automl.features import Layout
from automl.nets.media_cost import batch_of, epochs_of, fusion_cost, refusal
from automl.plan import Cost, Hardware
from automl.profile import Profile
from automl.space import Choice, Float, Int, Params, Space
from automl.task import Task

_ROWS_SEEN = 50_000
# From scratch it needs more texts than other nets do before it is worth its time.
_LEAST_ROWS = 5_000
_RECIPE: Params = {
    "words": "attention",
    "n_epochs": 6,
    "batch_size": 64,
    "lr_schedule": "one_cycle",
    "clip": 1.0,
    "d_word": 64,
    "depth": 1,
    "lr": 1e-3,
}


def _eligible(profile: Profile, task: Task) -> str | None:  # noqa: ARG001 - any task
    return refusal(profile, ("text",), _LEAST_ROWS)


def _cost(profile: Profile, params: Params, hardware: Hardware) -> Cost:
    return fusion_cost(profile, _RECIPE | params, hardware)


def _space(profile: Profile) -> Space:  # noqa: ARG001 - any texts
    return {
        "depth": Int(1, 4),
        "d_word": Choice((32, 64, 128)),
        "lr": Float(2e-4, 3e-3, log=True),
        "decay": Float(1e-2, 1.0, log=True),
        "dropout": Float(0.0, 0.5),
        "word_dropout": Float(0.0, 0.5),
    }


def _default(profile: Profile) -> tuple[Params, ...]:
    """One block of 64 numbers, and two."""
    usual: Params = {
        "n_epochs": epochs_of(profile, _ROWS_SEEN, least=4, most=10),
        "batch_size": batch_of(profile),
        "depth": 1,
        "d_word": 64,
        "lr": 1e-3,
        "decay": 0.05,
        "dropout": 0.2,
        "word_dropout": 0.1,
    }
    return usual, usual | {"depth": 2, "word_dropout": 0.2}


def _build(params: Params, task: Task, layout: Layout) -> Model:  # noqa: ARG001 - the model looks at the rows
    from automl.nets.model import NetModel

    return NetModel("fusion", _RECIPE | params, task)


FAMILY = Family(
    name="transformer",
    title="transformer over words, from scratch",
    traits=frozenset({"neural", "text", "sequence"}),
    eligible=_eligible,
    cost=_cost,
    space=_space,
    default=_default,
    build=_build,
    modules=("automl.nets.training",),
)
