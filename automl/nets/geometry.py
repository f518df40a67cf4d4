"""How nets for images, sounds and texts are laid out for the size of these; no torch, for costs are told by it too."""

from __future__ import annotations

import math
from collections.abc import Sequence

# Sides of at most so many pixels are convolved as they are; larger ones are made smaller by the first layer.
_FULL_SIDE = 50
_LEAST_SIDE = 3
_MOST_STAGES = 3
_STEPS = 100


def strides(sides: Sequence[int]) -> tuple[int, int]:
    """By how much the first layer of convolutions makes the height and the width smaller: 1, 2 or 4."""
    height, width = (1 if side <= _FULL_SIDE else 2 if side <= 2 * _FULL_SIDE else 4 for side in sides)
    return height, width


def n_stages(sides: Sequence[int]) -> int:
    """Halvings after the first layer, such that a few pixels are left of each side."""
    least = min(-(-side // stride) for side, stride in zip(sides, strides(sides), strict=True))
    return max(1, min(_MOST_STAGES, int(math.log2(max(1, least / _LEAST_SIDE)))))


def frames_together(n_frames: int) -> int:
    """Frames that make one step of a recurrence: as many as leave a hundred steps or fewer, 4 at most."""
    return min(4, -(-n_frames // _STEPS))
