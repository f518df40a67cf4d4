"""A convolutional net over words (Kim 2014, arXiv 1408.5882), beside the other columns."""

from __future__ import annotations

from automl.family import Family, Model
from automl.features import Layout
from automl.nets.media_cost import batch_of, epochs_of, fusion_cost, refusal
from automl.plan import Cost, Hardware
from automl.profile import Profile
from automl.space import Choice, Float, Params, Space
from automl.task import Task

_ROWS_SEEN = 50_000
_RECIPE: Params = {
    "words": "conv",
    "n_epochs": 10,
    "batch_size": 64,
    "lr_schedule": "one_cycle",
    "bfloat16": True,
    "d_word": 64,
    "width": 100,
    "lr": 1e-3,
}


def _eligible(profile: Profile, task: Task) -> str | None:  # noqa: ARG001 - any task
    return refusal(profile, ("text",))


def _cost(profile: Profile, params: Params, hardware: Hardware) -> Cost:
    return fusion_cost(profile, _RECIPE | params, hardware)


def _space(profile: Profile) -> Space:  # noqa: ARG001 - any texts
    return {
        "width": Choice((50, 100, 200)),
        "d_word": Choice((32, 64, 128)),
        "lr": Float(3e-4, 5e-3, log=True),
        "decay": Float(1e-2, 1.0, log=True),
        "dropout": Float(0.1, 0.7),
        "word_dropout": Float(0.0, 0.5),
    }


def _default(profile: Profile) -> tuple[Params, ...]:
    """Kim's 100 filters of each length and his dropout, and half of the filters on shorter vectors."""
    usual: Params = {
        "n_epochs": epochs_of(profile, _ROWS_SEEN, least=5, most=20),
        "batch_size": batch_of(profile),
        "width": 100,
        "d_word": 64,
        "lr": 1e-3,
        "decay": 0.05,
        "dropout": 0.5,
        "word_dropout": 0.1,
    }
    return usual, usual | {"width": 50, "d_word": 32, "lr": 2e-3, "word_dropout": 0.2}


def _build(params: Params, task: Task, layout: Layout) -> Model:  # noqa: ARG001 - the model looks at the rows
    from automl.nets.model import NetModel

    return NetModel("fusion", _RECIPE | params, task)


FAMILY = Family(
    name="textcnn",
    title="convolutional net over words",
    traits=frozenset({"neural", "text"}),
    eligible=_eligible,
    cost=_cost,
    space=_space,
    default=_default,
    build=_build,
    modules=("automl.nets.training",),
)
