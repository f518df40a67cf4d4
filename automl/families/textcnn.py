"""A convolutional net over words (Kim 2014, arXiv 1408.5882), beside the other columns."""

from __future__ import annotations

from automl.nets.fusion_family import FusionRecipe, fusion_family
from automl.profile import Profile
from automl.space import Choice, Float, Params, Space


def _space(profile: Profile) -> Space:  # noqa: ARG001 - any texts
    return {
        "width": Choice((50, 100, 200)),
        "d_word": Choice((32, 64, 128)),
        "lr": Float(3e-4, 5e-3, log=True),
        "decay": Float(1e-2, 1.0, log=True),
        "dropout": Float(0.1, 0.7),
        "word_dropout": Float(0.0, 0.5),
    }


def _variants(profile: Profile) -> tuple[Params, ...]:  # noqa: ARG001 - any texts
    """Kim's 100 filters of each length and his dropout, and half of the filters on shorter vectors."""
    return {}, {"width": 50, "d_word": 32, "lr": 2e-3, "word_dropout": 0.2}


FAMILY = fusion_family(
    "textcnn",
    "convolutional net over words",
    frozenset({"text"}),
    FusionRecipe(
        reads=("text",),
        fixed={"words": "conv", "bfloat16": True},
        usual={"width": 100, "d_word": 64, "lr": 1e-3, "decay": 0.05, "dropout": 0.5, "word_dropout": 0.1},
        variants=_variants,
        space=_space,
        rows_seen=50_000,
        epochs=(5, 20),
    ),
)
