"""How large the block of a column of images or sounds is: from its profile alone, so that a plan knows it too."""

from __future__ import annotations

from automl.modalities.audio import FRAMES_A_SECOND, N_BANDS
from automl.profile import Extent

_LONGEST_SIDE, _SHORTEST_SIDE, _STEP = 64, 16, 4  # pixels
_HIGHEST_RATE = 16_000
_FEWEST_FRAMES, _MOST_SECONDS = 32, 10.0


def image_shape(extent: Extent) -> tuple[int, int, int]:
    """(height, width, channels) of the median image, its longer side at most 64 pixels; sides are multiples of 4."""
    longest = max(extent.height, extent.width, 1)
    scale = min(1.0, _LONGEST_SIDE / longest)
    height, width = (_side(size * scale) for size in (extent.height, extent.width))
    return height, width, extent.channels or 3


def _side(size: float) -> int:
    return min(_LONGEST_SIDE, max(_SHORTEST_SIDE, _STEP * round(size / _STEP)))


def sound_rate(extent: Extent) -> int:
    """Samples a second that sounds are brought to: the most frequent rate, at most 16,000."""
    return min(extent.rate or _HIGHEST_RATE, _HIGHEST_RATE)


def sound_shape(extent: Extent) -> tuple[int, int]:
    """(n_frames, n_bands): as long as all but the longest sounds, 0.32 to 10 seconds."""
    seconds = min(extent.seconds, _MOST_SECONDS)
    return max(_FEWEST_FRAMES, round(seconds * FRAMES_A_SECOND)), N_BANDS
