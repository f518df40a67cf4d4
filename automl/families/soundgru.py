"""A recurrent net over the frames of sounds (GRU, arXiv 1406.1078), beside bags of words and the other columns."""

from __future__ import annotations

from automl.family import Family, Model
from automl.features import Layout
from automl.nets.media_cost import batch_of, epochs_of, fusion_cost, n_pairs_of, refusal
from automl.plan import Cost, Hardware
from automl.profile import Profile
from automl.space import Choice, Float, Int, Params, Space
from automl.task import Task

_ROWS_SEEN, _MOST_EPOCHS = 96_000, 40
_RECIPE: Params = {
    "audio": "gru",
    "words": "bag",
    "n_epochs": 16,
    "batch_size": 64,
    "lr_schedule": "one_cycle",
    "clip": 1.0,
    "width": 64,
    "depth": 1,
    "d_word": 64,
    "n_pairs": 2**14,
    "lr": 3e-3,
}


def _eligible(profile: Profile, task: Task) -> str | None:  # noqa: ARG001 - any task
    return refusal(profile, ("audio",))


def _cost(profile: Profile, params: Params, hardware: Hardware) -> Cost:
    return fusion_cost(profile, _RECIPE | params, hardware)


def _space(profile: Profile) -> Space:
    """More units where there are rows enough."""
    most = 3 if profile.size.n_rows >= 1_000 else 2
    return {
        "width": Choice((32, 64, 128)[:most]),
        "depth": Int(1, 2),
        "lr": Float(5e-4, 1e-2, log=True),
        "decay": Float(1e-3, 0.3, log=True),
        "dropout": Float(0.0, 0.5),
        "augment": Float(0.0, 1.0),
    }


def _default(profile: Profile) -> tuple[Params, ...]:
    """One layer of 64 units in each direction, and one of half of that."""
    usual: Params = {
        "n_epochs": epochs_of(profile, _ROWS_SEEN, least=6, most=_MOST_EPOCHS),
        "batch_size": batch_of(profile),
        "width": 64,
        "depth": 1,
        "lr": 3e-3,
        "decay": 5e-2,
        "dropout": 0.2,
        "augment": 0.5,
        "n_pairs": n_pairs_of(profile),
    }
    return usual, usual | {"width": 32}


def _build(params: Params, task: Task, layout: Layout) -> Model:  # noqa: ARG001 - the model looks at the rows
    from automl.nets.model import NetModel

    return NetModel("fusion", _RECIPE | params, task)


FAMILY = Family(
    name="soundgru",
    title="recurrent net over sounds (GRU)",
    traits=frozenset({"neural", "audio", "sequence"}),
    eligible=_eligible,
    cost=_cost,
    space=_space,
    default=_default,
    build=_build,
    modules=("automl.nets.training",),
)
