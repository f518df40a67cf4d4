"""RealMLP: a multilayer perceptron with meta-learned defaults (arXiv 2407.04491)."""

from __future__ import annotations

from automl.family import Family, Model
from automl.features import Layout
from automl.nets.cost import Work, epochs_for, n_embedded, n_flags, refusal, training_cost
from automl.plan import Cost, Hardware
from automl.profile import Profile, Shape
from automl.space import Choice, Float, Int, Params, Space
from automl.task import Task

_MAX_COLUMNS = 20_000
# Above this, periodic embeddings would cost more than the net they feed.
_MAX_EMBEDDED_NUMBERS = 200
_RECIPE: Params = {
    "n_epochs": 32,
    "batch_size": 256,
    "beta2": 0.95,
    "lr_schedule": "coslog4",
    "decay_schedule": "flat_cos",
    "dropout_schedule": "flat_cos",
}


def _usual(*, regression: bool) -> Params:
    return {"activation": "mish", "lr": 0.2} if regression else {"activation": "selu", "lr": 0.04}


def _eligible(profile: Profile, task: Task) -> str | None:  # noqa: ARG001 - the contract's arguments
    return refusal(profile.size, _MAX_COLUMNS, "for a dense first layer")


def _work(size: Shape, params: Params) -> Work:
    width, depth = int(params.get("width") or 256), int(params.get("depth") or 3)
    embedded = bool(params.get("embed_numbers", True))
    d_in = size.d_num * (4 if embedded else 1) + n_flags(size) + 8 * n_embedded(size)
    products = d_in * width + (depth - 1) * width**2 + width * size.n_outputs
    waves = 16 * size.d_num if embedded else 0
    tables = 8 * size.n_levels if n_embedded(size) else 0
    seconds = 1.45e-10 * products + 1e-8 * waves
    return Work(seconds, products + 5 * waves + tables, 2 * d_in + 3 * waves + 4 * depth * width)


def _cost(profile: Profile, params: Params, hardware: Hardware) -> Cost:
    recipe = _RECIPE | params
    return training_cost(profile.size, _work(profile.size, recipe), recipe, hardware)


def _space(profile: Profile) -> Space:  # noqa: ARG001 - the contract's arguments
    """The space of TabArena, with widths a CPU can afford."""
    return {
        "width": Choice((128, 256, 384)),
        "depth": Int(2, 4),
        "activation": Choice(("selu", "mish")),
        "lr": Float(2e-2, 3e-1, log=True),
        "decay": Float(1e-3, 5e-2, log=True),
        "dropout": Float(0.0, 0.5),
        "beta2": Float(0.95, 0.995),
        "embed_numbers": Choice((True, False)),
        "sigma": Float(1e-2, 10.0, log=True),
    }


def _default(profile: Profile) -> tuple[Params, ...]:
    """RealMLP-TD, one of half the width and cost (as good on most tables), and a deeper and more regular one."""
    size = profile.size
    regression = size.n_outputs == 1
    batch_size = _batch_size(size.n_rows)
    tuned: Params = {
        "n_epochs": epochs_for(size.n_rows, batch_size, steps=440, most=200),
        "batch_size": batch_size,
        "width": 256,
        "depth": 3,
        **_usual(regression=regression),
        "decay": 2e-2,
        "dropout": 0.15,
        "beta2": 0.95,
        "embed_numbers": size.d_num <= _MAX_EMBEDDED_NUMBERS,
        "sigma": 0.1,
    }
    # AutoGluon's r9 of the TabArena space; its learning rate suits classification, a short regression needs more
    regular: Params = {"depth": 4, "activation": "mish", "dropout": 0.45, "lr": 0.1 if regression else 0.028}
    return tuned, tuned | {"width": 128}, tuned | regular


def _batch_size(n_rows: int) -> int:
    """256 as in the source; less where rows, and so steps, would be too few, more where epochs would take too long."""
    for most, size in ((2_000, 64), (50_000, 256), (200_000, 512)):
        if n_rows < most:
            return size
    return 1024


def _build(params: Params, task: Task, layout: Layout) -> Model:  # noqa: ARG001 - the contract's arguments
    from automl.nets.model import NetModel

    return NetModel("realmlp", _RECIPE | _usual(regression=not task.is_classification) | params, task)


FAMILY = Family(
    name="mlp",
    title="multilayer perceptron (RealMLP)",
    traits=frozenset({"neural"}),
    eligible=_eligible,
    cost=_cost,
    space=_space,
    default=_default,
    build=_build,
    modules=("automl.nets.training",),
)
