"""TabM: an ensemble of multilayer perceptrons in one net (arXiv 2410.24210)."""

from __future__ import annotations

from automl.family import Family, Model
from automl.features import Layout
from automl.nets.cost import Work, epochs_for, n_embedded, n_flags, refusal, training_cost
from automl.plan import Cost, Hardware
from automl.profile import Profile, Shape
from automl.space import Choice, Float, Int, Params, Space
from automl.task import Task

_MAX_COLUMNS = 2_000
_RECIPE: Params = {
    "n_epochs": 64,
    "batch_size": 256,
    "lr": 2e-3,
    "k": 8,
    "width": 128,
    "patience": 12,
    "clip": 1.0,
}


def _eligible(profile: Profile, task: Task) -> str | None:  # noqa: ARG001 - the contract's arguments
    return refusal(profile.size, _MAX_COLUMNS, "to embed each")


def _work(size: Shape, params: Params) -> Work:
    k, width, depth = (int(params.get(name) or default) for name, default in (("k", 8), ("width", 128), ("depth", 2)))
    d_number, n_bins = int(params.get("d_number") or 16), int(params.get("n_bins") or 48)
    d_in = d_number * size.d_num + n_flags(size) + 8 * n_embedded(size)
    shared = d_in * width + (depth - 1) * width**2
    embeddings = n_bins * d_number * size.d_num + (8 * size.n_levels if n_embedded(size) else 0)
    n_parameters = shared + embeddings + k * (d_in + width * (2 * depth + size.n_outputs))
    seconds = 1e-10 * k * shared + 7e-9 * k * width * depth
    return Work(seconds, n_parameters, 2 * n_bins * size.d_num + 2 * k * (d_in + depth * width))


def _cost(profile: Profile, params: Params, hardware: Hardware) -> Cost:
    recipe = _RECIPE | params
    return training_cost(profile.size, _work(profile.size, recipe), recipe, hardware)


def _space(profile: Profile) -> Space:  # noqa: ARG001 - the contract's arguments
    """The space of the paper, with k and widths a CPU can afford."""
    return {
        "k": Choice((4, 8, 16)),
        "width": Choice((64, 128, 256)),
        "depth": Int(1, 3),
        "lr": Float(3e-4, 5e-3, log=True),
        "decay": Float(1e-5, 1e-1, log=True),
        "dropout": Float(0.0, 0.5),
        "n_bins": Int(4, 64),
        "d_number": Choice((8, 16)),
    }


def _default(profile: Profile) -> tuple[Params, ...]:
    """A light ensemble, one of half as many members and cost, then one of more members and finer bins."""
    n_rows = profile.size.n_rows
    batch_size = _batch_size(n_rows)
    n_epochs = epochs_for(n_rows, batch_size, steps=400, most=64)
    light: Params = {
        "n_epochs": n_epochs * 3 // 2,
        "batch_size": batch_size,
        "k": 8,
        "width": 128,
        "depth": 2,
        "lr": 2e-3,
        "decay": 3e-4,
        "dropout": 0.1,
        "n_bins": 16,
        "d_number": 8,
    }
    fine: Params = {"n_epochs": 2 * n_epochs, "k": 16, "n_bins": 48, "d_number": 16}
    return light, light | {"k": 4}, light | fine


def _batch_size(n_rows: int) -> int:
    """What the paper's experiments used, by their number of rows, but never 32: a CPU takes twice as long over it."""
    for most, size in ((4_500, 64), (6_400, 128), (32_000, 256), (108_000, 512)):
        if n_rows < most:
            return size
    return 1024


def _build(params: Params, task: Task, layout: Layout) -> Model:  # noqa: ARG001 - the contract's arguments
    from automl.nets.model import NetModel

    return NetModel("tabm", _RECIPE | params, task)


FAMILY = Family(
    name="tabm",
    title="ensemble of perceptrons in one net (TabM)",
    traits=frozenset({"neural"}),
    eligible=_eligible,
    cost=_cost,
    space=_space,
    default=_default,
    build=_build,
    modules=("automl.nets.training",),
)
