"""A residual net over images or spectrograms (arXiv 1512.03385), beside bags of words and the other columns."""

from __future__ import annotations

from automl.family import Family, Model
from automl.features import Layout
from automl.nets.media_cost import batch_of, epochs_of, fusion_cost, n_pairs_of, refusal
from automl.plan import Cost, Hardware
from automl.profile import Profile
from automl.space import Choice, Float, Int, Params, Space
from automl.task import Task

_READS = ("image", "audio")
_ROWS_SEEN, _MOST_EPOCHS = 96_000, 40
_RECIPE: Params = {
    "image": "conv",
    "audio": "conv",
    "words": "bag",
    "n_epochs": 16,
    "batch_size": 64,
    "lr_schedule": "one_cycle",
    "bfloat16": True,
    "width": 16,
    "depth": 1,
    "d_word": 64,
    "n_pairs": 2**14,
    "lr": 5e-3,
}


def _eligible(profile: Profile, task: Task) -> str | None:  # noqa: ARG001 - any task
    return refusal(profile, _READS)


def _cost(profile: Profile, params: Params, hardware: Hardware) -> Cost:
    return fusion_cost(profile, _RECIPE | params, hardware)


def _space(profile: Profile) -> Space:
    """Wider nets where there are rows enough; mirroring only where there are images."""
    most = 3 if profile.size.n_rows >= 1_000 else 2
    space: Space = {
        "width": Choice((8, 16, 32)[:most]),
        "depth": Int(1, 2),
        "lr": Float(1e-3, 2e-2, log=True),
        "decay": Float(1e-3, 0.3, log=True),
        "dropout": Float(0.0, 0.5),
        "augment": Float(0.0, 1.0),
    }
    return space | {"flip": Choice((True, False))} if _has_images(profile) else space


def _default(profile: Profile) -> tuple[Params, ...]:
    """A small ResNet, one of half the width with the other answer to mirroring, and a deeper one that changes more.

    Colour photographs are mirrored in the first; what is grey may be writing, which is not to be.
    """
    flip = any(c.kind == "image" and c.extent is not None and c.extent.channels == 3 for c in profile.features)
    usual: Params = {
        "n_epochs": epochs_of(profile, _ROWS_SEEN, least=6, most=_MOST_EPOCHS),
        "batch_size": batch_of(profile),
        "width": 16,
        "depth": 1,
        "lr": 5e-3,
        "decay": 5e-2,
        "dropout": 0.1,
        "augment": 0.5,
        "flip": flip,
        "n_pairs": n_pairs_of(profile),
    }
    return usual, usual | {"width": 8, "flip": _has_images(profile) and not flip}, usual | {"depth": 2, "augment": 0.8}


def _has_images(profile: Profile) -> bool:
    return any(c.kind == "image" for c in profile.features)


def _build(params: Params, task: Task, layout: Layout) -> Model:  # noqa: ARG001 - the model looks at the rows
    from automl.nets.model import NetModel

    return NetModel("fusion", _RECIPE | params, task)


FAMILY = Family(
    name="convnet",
    title="convolutional net (small ResNet)",
    traits=frozenset({"neural", "image", "audio"}),
    eligible=_eligible,
    cost=_cost,
    space=_space,
    default=_default,
    build=_build,
    modules=("automl.nets.training",),
)
