"""A residual net over images or spectrograms (arXiv 1512.03385), beside bags of words and the other columns."""

from __future__ import annotations

from automl.nets.fusion_family import FusionRecipe, fusion_family
from automl.profile import Profile
from automl.space import Choice, Float, Int, Params, Space


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
    return space | {"flip": Choice((True, False))} if profile.holds("image") else space


def _variants(profile: Profile) -> tuple[Params, ...]:
    """A small ResNet, one of half the width with the other answer to mirroring, and a deeper one that changes more.

    Colour photographs are mirrored in the first; what is grey may be writing, which is not to be.
    """
    flip = any(c.kind == "image" and c.extent is not None and c.extent.channels == 3 for c in profile.features)
    narrow: Params = {"width": 8, "flip": profile.holds("image") and not flip}
    return {"flip": flip}, narrow, {"flip": flip, "depth": 2, "augment": 0.8}


FAMILY = fusion_family(
    "convnet",
    "convolutional net (small ResNet)",
    frozenset({"image", "audio"}),
    FusionRecipe(
        reads=("image", "audio"),
        fixed={"image": "conv", "audio": "conv", "words": "bag", "d_word": 64, "bfloat16": True},
        usual={"width": 16, "depth": 1, "lr": 5e-3, "decay": 5e-2, "dropout": 0.1, "augment": 0.5},
        variants=_variants,
        space=_space,
        rows_seen=96_000,
        epochs=(6, 40),
    ),
)
