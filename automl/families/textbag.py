"""A bag of learnt vectors of words and pairs of words (fastText, arXiv 1607.01759), beside the other columns."""

from __future__ import annotations

from automl.nets.fusion_family import FusionRecipe, fusion_family
from automl.profile import Profile
from automl.space import Choice, Float, Params, Space


def _space(profile: Profile) -> Space:  # noqa: ARG001 - any texts
    return {
        "d_word": Choice((32, 64, 128)),
        "lr": Float(1e-3, 2e-2, log=True),
        "decay": Float(1e-2, 1.0, log=True),
        "dropout": Float(0.0, 0.6),
        "word_dropout": Float(0.0, 0.5),
    }


def _variants(profile: Profile) -> tuple[Params, ...]:  # noqa: ARG001 - any texts
    """Vectors of 64 numbers, and of 32 that are learnt faster and with gaps: few epochs, for rare words overfit."""
    return {}, {"d_word": 32, "lr": 8e-3, "word_dropout": 0.3}


FAMILY = fusion_family(
    "textbag",
    "bag of learnt words (fastText)",
    frozenset({"text"}),
    FusionRecipe(
        reads=("text",),
        fixed={"words": "bag"},
        usual={"d_word": 64, "lr": 4e-3, "decay": 0.1, "dropout": 0.3, "word_dropout": 0.1},
        variants=_variants,
        space=_space,
        rows_seen=45_000,
        epochs=(5, 20),
    ),
)
