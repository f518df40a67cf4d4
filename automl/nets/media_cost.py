"""What nets that read images, sounds and texts cost, and which data they suit; no torch here, as in `cost.py`.

Fitted to steps measured on one core of an EPYC (Zen 4, with bfloat16, torch 2.13): images of 28 to 64 pixels, sounds of
0.5 to 4 s, texts of 20 to 256 words, widths 8 to 200; within a third of each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from automl.models.text_cost import words_a_row
from automl.nets.cost import MIN_ROWS, Work, training_cost
from automl.nets.geometry import frames_together, n_stages, strides
from automl.plan import Cost, Hardware
from automl.profile import USUAL_WORDS, ColumnKind, Extent, Profile
from automl.space import Params

_PLURALS = {"image": "images", "audio": "sounds", "text": "texts"}
_BLOCK_KINDS = {"image": "image", "audio": "audio", "text": "words"}
_USUAL = Extent(words=USUAL_WORDS, height=32, width=32, channels=3, seconds=1.0)  # where a profile does not tell
_MOST_WORDS, _MOST_CODES = 256, 31_000
_D_COLUMNS = 64

# Seconds of forward and backward, of a product and of a value: in convolutions, in recurrences, elsewhere.
_CONVOLVED, _CONVOLVED_VALUE = 3e-11, 1.2e-9
_RECURRED, _RECURRED_VALUE = 1e-10, 5e-9
_PRODUCT, _VALUE = 6e-11, 4.5e-9
# Seconds of a value looked up in a table, of a parameter that the optimiser moves, and whatever the rows of a batch: of
# the layers of a trunk, of filters over words, and of a step of a recurrence.
_LOOKED_UP, _PARAMETER = 2.7e-9, 1.2e-9
_TRUNK_STEP, _FILTERS_STEP, _RECURRENCE = 9e-3, 4e-3, 1.2e-4


def refusal(profile: Profile, kinds: tuple[ColumnKind, ...], least_rows: int = MIN_ROWS) -> str | None:
    """Why a net that is for columns of these kinds can't learn from a table, or None."""
    if not profile.holds(*kinds):
        return f"no column holds {' or '.join(_PLURALS[kind] for kind in kinds)}"
    n_rows = profile.size.n_rows
    if n_rows < least_rows:
        return f"{n_rows:,} rows are too few to train such a net on from scratch (at least {least_rows:,})"
    return None


def fusion_cost(profile: Profile, params: Params, hardware: Hardware) -> Cost:
    """Seconds and bytes of one fit of the net that reads blocks.

    Args:
        params: Of the fit; all that `FusionConfig` and `Recipe` have and that is not as it is there.
    """
    works = list(_works(profile, params))
    work = Work(
        row_seconds=sum(w.row_seconds for w in works),
        n_parameters=sum(w.n_parameters for w in works),
        row_floats=sum(w.row_floats for w in works),
        step_seconds=sum(w.step_seconds + _PARAMETER * w.n_parameters for w in works),
    )
    return training_cost(profile.size, work, params, hardware)


def epochs_of(profile: Profile, rows: int, least: int, most: int) -> int:
    """Epochs in which so many rows are seen in all, within limits."""
    return max(least, min(most, round(rows / max(1, profile.size.n_rows))))


def batch_of(profile: Profile) -> int:
    """Rows of a step: few where there are few, so that there are steps enough."""
    for most, size in ((1_000, 32), (20_000, 64), (100_000, 128)):
        if profile.size.n_rows < most:
            return size
    return 256


def n_pairs_of(profile: Profile) -> int:
    """Rows for pairs of words: a power of 2, from 2^12 to 2^16, about as many as there are pairs that repeat."""
    pairs = profile.size.n_rows * words_a_row(profile) / 10
    return int(2 ** max(12, min(16, round(pairs).bit_length())))


def _works(profile: Profile, params: Params) -> Iterator[Work]:
    n_beside = 0
    for column in profile.features:
        reader = params.get(_BLOCK_KINDS.get(column.kind, ""))
        if reader is None:
            n_beside += 1
        else:
            yield _READERS[column.kind, str(reader)](column.extent or _USUAL, profile.size.n_rows, params)
    if n_beside:
        products = 4 * n_beside * _D_COLUMNS + 2 * _D_COLUMNS**2
        yield Work(1.45e-10 * products + 1.6e-7 * n_beside, products + 80 * n_beside, 56 * n_beside + 8 * _D_COLUMNS)


def _n_words(extent: Extent) -> int:
    """Words of a block: those of a text longer than 98 in 100."""
    return int(min(_MOST_WORDS, max(8.0, 2.1 * extent.words)))


def _n_codes(extent: Extent, n_rows: int) -> int:
    """Codes of words; different words grow as the words to the power of 0.75 (Heaps' law)."""
    return int(min(_MOST_CODES, 1000 + (n_rows * extent.words) ** 0.75))


def _number(params: Params, name: str) -> int:
    return int(params[name] or 0)


def _trunk(channels: int, sides: tuple[int, int], params: Params) -> Work:
    """Of a residual net over images or spectrograms."""
    width, depth = _number(params, "width"), _number(params, "depth")
    down = strides(sides)
    area = -(-sides[0] // down[0]) * -(-sides[1] // down[1])
    n_parameters = channels * (2 * max(down) + 1) ** 2 * width
    products, values = area * n_parameters, area * width
    for _ in range(n_stages(sides)):
        area, width = -(-area // 4), 2 * width
        weights = 9 * width * (width // 2 + 2 * depth * width)
        products += area * weights
        values += area * width * (1 + 2 * depth)
        n_parameters += weights
    return Work(_CONVOLVED * products + _CONVOLVED_VALUE * values, n_parameters, 3 * values, _TRUNK_STEP)


def _image(extent: Extent, _n_rows: int, params: Params) -> Work:
    from automl.encoding.blocks import image_shape  # loads polars

    height, width, channels = image_shape(extent)
    return _trunk(channels, (height, width), params)


def _sound(extent: Extent, _n_rows: int, params: Params) -> Work:
    from automl.encoding.blocks import sound_shape

    return _trunk(1, sound_shape(extent), params)


def _recurrent(n_steps: int, d_in: int, width: int) -> Work:
    """Of recurrent units in both directions."""
    weights = 6 * width * (d_in + width)
    values = 12 * width
    seconds = n_steps * (_RECURRED * weights + _RECURRED_VALUE * values)
    return Work(seconds, weights, n_steps * values, 2 * n_steps * _RECURRENCE)


def _recurrent_sound(extent: Extent, _n_rows: int, params: Params) -> Work:
    from automl.encoding.blocks import sound_shape

    n_frames, n_bands = sound_shape(extent)
    width, depth = _number(params, "width"), _number(params, "depth")
    together = frames_together(n_frames)
    n_steps = n_frames // together
    layer = _recurrent(n_steps, 2 * width, width)
    first = 2 * width * together * n_bands
    return Work(
        depth * layer.row_seconds + n_steps * _PRODUCT * first,
        depth * layer.n_parameters + first,
        depth * layer.row_floats,
        depth * layer.step_seconds,
    )


def _bag(extent: Extent, n_rows: int, params: Params) -> Work:
    d = _number(params, "d_word")
    n_parameters = d * (_n_codes(extent, n_rows) + _number(params, "n_pairs"))
    return Work(2 * _n_words(extent) * d * _LOOKED_UP, n_parameters, d + 4 * _n_words(extent))


def _word_convolution(extent: Extent, n_rows: int, params: Params) -> Work:
    d, width, n_words = _number(params, "d_word"), _number(params, "width"), _n_words(extent)
    filters = 12 * d * width
    values = n_words * (3 * width + d)
    seconds = n_words * _CONVOLVED * filters + _VALUE * values
    return Work(seconds, filters + d * _n_codes(extent, n_rows), 3 * values, _FILTERS_STEP)


def _word_recurrence(extent: Extent, n_rows: int, params: Params) -> Work:
    d, n_words = _number(params, "d_word"), _n_words(extent)
    layer = _recurrent(n_words, d, _number(params, "width"))
    n_parameters = layer.n_parameters + d * _n_codes(extent, n_rows)
    return Work(layer.row_seconds, n_parameters, layer.row_floats, layer.step_seconds)


def _attention(extent: Extent, n_rows: int, params: Params) -> Work:
    d, depth, n_words = _number(params, "d_word"), _number(params, "depth"), _n_words(extent)
    weights = 12 * depth * d**2
    values = depth * n_words * (14 * d + 4 * n_words)
    seconds = n_words * _PRODUCT * (weights + 2 * depth * n_words * d) + _VALUE * values
    return Work(seconds, weights + d * (_n_codes(extent, n_rows) + n_words), 2 * values)


_READERS: dict[tuple[str, str], Callable[[Extent, int, Params], Work]] = {
    ("image", "conv"): _image,
    ("audio", "conv"): _sound,
    ("audio", "gru"): _recurrent_sound,
    ("text", "bag"): _bag,
    ("text", "conv"): _word_convolution,
    ("text", "gru"): _word_recurrence,
    ("text", "attention"): _attention,
}
