"""A small transformer over words, from scratch (arXiv 1706.03762), beside the other columns."""

from __future__ import annotations

from automl.nets.fusion_family import FusionRecipe, fusion_family
from automl.profile import Profile
from automl.space import Choice, Float, Int, Params, Space

# From scratch it needs more texts than other nets do before it is worth its time.
_LEAST_ROWS = 5_000


def _space(profile: Profile) -> Space:  # noqa: ARG001 - any texts
    return {
        "depth": Int(1, 4),
        "d_word": Choice((32, 64, 128)),
        "lr": Float(2e-4, 3e-3, log=True),
        "decay": Float(1e-2, 1.0, log=True),
        "dropout": Float(0.0, 0.5),
        "word_dropout": Float(0.0, 0.5),
    }


def _variants(profile: Profile) -> tuple[Params, ...]:  # noqa: ARG001 - any texts
    """One block of 64 numbers, and two."""
    return {}, {"depth": 2, "word_dropout": 0.2}


FAMILY = fusion_family(
    "transformer",
    "transformer over words, from scratch",
    frozenset({"text", "sequence"}),
    FusionRecipe(
        reads=("text",),
        fixed={"words": "attention", "clip": 1.0},
        usual={"depth": 1, "d_word": 64, "lr": 1e-3, "decay": 0.05, "dropout": 0.2, "word_dropout": 0.1},
        variants=_variants,
        space=_space,
        rows_seen=50_000,
        epochs=(4, 10),
        least_rows=_LEAST_ROWS,
    ),
)
