"""A recurrent net over the frames of sounds (GRU, arXiv 1406.1078), beside bags of words and the other columns."""

from __future__ import annotations

from automl.nets.fusion_family import FusionRecipe, fusion_family
from automl.profile import Profile
from automl.space import Choice, Float, Int, Params, Space


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


def _variants(profile: Profile) -> tuple[Params, ...]:  # noqa: ARG001 - any sounds
    """One layer of 64 units in each direction, and one of half of that."""
    return {}, {"width": 32}


FAMILY = fusion_family(
    "soundgru",
    "recurrent net over sounds (GRU)",
    frozenset({"audio", "sequence"}),
    FusionRecipe(
        reads=("audio",),
        fixed={"audio": "gru", "words": "bag", "d_word": 64, "clip": 1.0},
        usual={"width": 64, "depth": 1, "lr": 3e-3, "decay": 5e-2, "dropout": 0.2, "augment": 0.5},
        variants=_variants,
        space=_space,
        rows_seen=96_000,
        epochs=(6, 40),
    ),
)
