"""A bag of learnt vectors of words and pairs of words (fastText, arXiv 1607.01759), beside the other columns."""

from __future__ import annotations

from automl.family import Family, Model
from automl.features import Layout
from automl.nets.media_cost import batch_of, epochs_of, fusion_cost, n_pairs_of, refusal
from automl.plan import Cost, Hardware
from automl.profile import Profile
from automl.space import Choice, Float, Params, Space
from automl.task import Task

_ROWS_SEEN = 45_000
_RECIPE: Params = {
    "words": "bag",
    "n_epochs": 10,
    "batch_size": 64,
    "lr_schedule": "one_cycle",
    "d_word": 64,
    "n_pairs": 2**14,
    "lr": 4e-3,
}


def _eligible(profile: Profile, task: Task) -> str | None:  # noqa: ARG001 - any task
    return refusal(profile, ("text",))


def _cost(profile: Profile, params: Params, hardware: Hardware) -> Cost:
    return fusion_cost(profile, _RECIPE | params, hardware)


def _space(profile: Profile) -> Space:  # noqa: ARG001 - any texts
    return {
        "d_word": Choice((32, 64, 128)),
        "lr": Float(1e-3, 2e-2, log=True),
        "decay": Float(1e-2, 1.0, log=True),
        "dropout": Float(0.0, 0.6),
        "word_dropout": Float(0.0, 0.5),
    }


def _default(profile: Profile) -> tuple[Params, ...]:
    """Vectors of 64 numbers, and of 32 that are learnt faster and with gaps: few epochs, for rare words overfit."""
    usual: Params = {
        "n_epochs": epochs_of(profile, _ROWS_SEEN, least=5, most=20),
        "batch_size": batch_of(profile),
        "d_word": 64,
        "n_pairs": n_pairs_of(profile),
        "lr": 4e-3,
        "decay": 0.1,
        "dropout": 0.3,
        "word_dropout": 0.1,
    }
    return usual, usual | {"d_word": 32, "lr": 8e-3, "word_dropout": 0.3}


def _build(params: Params, task: Task, layout: Layout) -> Model:  # noqa: ARG001 - the model looks at the rows
    from automl.nets.model import NetModel

    return NetModel("fusion", _RECIPE | params, task)


FAMILY = Family(
    name="textbag",
    title="bag of learnt words (fastText)",
    traits=frozenset({"neural", "text"}),
    eligible=_eligible,
    cost=_cost,
    space=_space,
    default=_default,
    build=_build,
    modules=("automl.nets.training",),
)
