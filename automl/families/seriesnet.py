"""A recurrent or convolutional net over the window of earlier rows, beside the columns of the row."""

from __future__ import annotations

from automl.family import Family, Model
from automl.features import Layout
from automl.nets.cost import Work, epochs_for, refusal, training_cost
from automl.plan import Cost, Hardware
from automl.profile import Profile
from automl.space import Choice, Float, Params, Space
from automl.task import Task

_RECIPE: Params = {
    "n_epochs": 32,
    "batch_size": 256,
    "lr": 2e-3,
    "decay": 1e-2,
    "lr_schedule": "one_cycle",
    "decay_schedule": "constant",
    "clip": 1.0,
}
_MAX_COLUMNS = 5_000
_USUAL_WINDOW = 16


def _eligible(profile: Profile, task: Task) -> str | None:
    if task.history is None:
        return "rows have no past: --window tells how far to look back"
    return refusal(profile.size, _MAX_COLUMNS, "for a net")


def _cost(profile: Profile, params: Params, hardware: Hardware) -> Cost:
    recipe = _RECIPE | params
    width = int(recipe.get("width") or 32)
    size = profile.size
    # every column of the window is a column of the profile, so that variables are counted by the row
    d, steps = max(1, size.d_num // _USUAL_WINDOW), _USUAL_WINDOW
    products = steps * 6 * width * (2 * d + width) + 64 * (size.d_num + 64)
    work = Work(4e-10 * products, 6 * width * (2 * d + width) + 64 * size.d_num, 12 * steps * width)
    return training_cost(size, work, recipe, hardware)


def _space(profile: Profile) -> Space:  # noqa: ARG001 - the contract's arguments
    return {
        "series": Choice(("gru", "conv")),
        "width": Choice((16, 32, 64)),
        "lr": Float(5e-4, 1e-2, log=True),
        "dropout": Float(0.0, 0.4),
    }


def _default(profile: Profile) -> tuple[Params, ...]:
    n_rows = profile.size.n_rows
    batch_size = 64 if n_rows < 5_000 else 256
    first: Params = {
        "series": "gru",
        "width": 32,
        "dropout": 0.1,
        "lr": 2e-3,
        "batch_size": batch_size,
        "n_epochs": epochs_for(n_rows, batch_size, steps=600, most=60),
    }
    return first, first | {"series": "conv"}


def _build(params: Params, task: Task, layout: Layout) -> Model:  # noqa: ARG001 - the contract's arguments
    from automl.nets.model import NetModel

    return NetModel("fusion", _RECIPE | params, task)


FAMILY = Family(
    name="seriesnet",
    title="net over earlier rows",
    traits=frozenset({"neural", "sequence"}),
    eligible=_eligible,
    cost=_cost,
    space=_space,
    default=_default,
    build=_build,
    modules=("automl.nets.training",),
)
