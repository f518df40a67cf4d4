"""A recurrent net over words, read both ways (GRU, arXiv 1406.1078), beside the other columns."""

from __future__ import annotations

from automl.nets.fusion_family import FusionRecipe, fusion_family
from automl.profile import Profile
from automl.space import Choice, Float, Params, Space


def _space(profile: Profile) -> Space:  # noqa: ARG001 - any texts
    return {
        "width": Choice((32, 64, 128)),
        "d_word": Choice((32, 64, 128)),
        "lr": Float(5e-4, 1e-2, log=True),
        "decay": Float(1e-2, 1.0, log=True),
        "dropout": Float(0.0, 0.6),
        "word_dropout": Float(0.0, 0.5),
    }


def _variants(profile: Profile) -> tuple[Params, ...]:  # noqa: ARG001 - any texts
    """64 units in each direction, and half as many on shorter vectors."""
    return {}, {"width": 32, "d_word": 32, "word_dropout": 0.2}


FAMILY = fusion_family(
    "textgru",
    "recurrent net over words (GRU)",
    frozenset({"text", "sequence"}),
    FusionRecipe(
        reads=("text",),
        fixed={"words": "gru", "clip": 1.0},
        usual={"width": 64, "d_word": 64, "lr": 2e-3, "decay": 0.05, "dropout": 0.3, "word_dropout": 0.1},
        variants=_variants,
        space=_space,
        rows_seen=40_000,
        epochs=(4, 15),
    ),
)
