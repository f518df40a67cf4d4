"""Sounds: decoded to log-mel spectrograms of one size, and summed up in numbers for models that read no frames.

All numbers of a sound are computed from its own spectrogram alone, so that it gives the same bits alone and among
others.
"""

from __future__ import annotations

import io
from fractions import Fraction
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl.reading.media import open_sound

FRAMES_A_SECOND = 100
N_BANDS = 64

_WINDOW = 0.025  # seconds
_LOWEST = 20.0  # Hz
_FLOOR = 1e-8  # power density that counts as silence, 80 dB below noise of amplitude 1
_QUIET = float(np.log(1e4))  # frames fainter than the loudest one by more, 40 dB, are pauses
_COEFFICIENTS = 13
_WIDE = 2  # bands in a wide one
_EDGES = {"faint": 0.1, "loud": 0.9}
_PARTS, _GROUPS = 4, 8


def decode_sound(content: bytes, rate: int, n_frames: int, n_bands: int = N_BANDS) -> NDArray[np.float16]:
    """A sound file as a log-mel spectrogram: the start of the sound, or all of it and silence.

    Channels are averaged. Frames of 25 ms start every 10 ms; their power, in a Hann window, is averaged over
    triangles that are evenly spaced in mel. Values are log(1 + power / 1e-8): silence is 0.

    Args:
        content: Of a wav, flac, ogg or mp3 file.
        rate: Samples a second to which the sound is brought.
        n_frames: Of the result.
        n_bands: Likewise.

    Returns:
        (n_frames, n_bands).

    Raises:
        ValueError: It cannot be decoded; the message says why in a few words.
    """
    samples = _samples(content, rate, n_frames)
    size, hop = _window_size(rate), rate // FRAMES_A_SECOND
    n_known = min(n_frames, 1 + max(0, -(-(len(samples) - size) // hop)))
    padded = np.zeros((n_known - 1) * hop + size)
    kept = min(len(samples), len(padded))
    padded[:kept] = samples[:kept]
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop]
    window = np.hanning(size + 2)[1:-1]
    power = np.abs(np.fft.rfft(frames * window, _transform_size(rate, n_bands))) ** 2 / (window**2).sum()
    spectrogram = np.zeros((n_frames, n_bands), dtype=np.float16)
    spectrogram[:n_known] = np.log1p((_sparse_bands(rate, n_bands) @ power.T).T / _FLOOR)
    return spectrogram


def _samples(content: bytes, rate: int, n_frames: int) -> NDArray[np.float64]:
    """(n_samples,) of the start of a sound, its channels averaged, at one rate."""
    with open_sound(io.BytesIO(content)) as sound:
        seconds = n_frames / FRAMES_A_SECOND + _WINDOW
        try:
            found = sound.read(int(np.ceil(seconds * sound.samplerate)), dtype="float32", always_2d=True)
        except Exception as error:
            # soundfile's own errors, and those of the file it reads from
            raise ValueError(f"damaged: {getattr(error, 'error_string', error)}"[:100]) from None
        own_rate = int(sound.samplerate)
    if not len(found):
        raise ValueError("no samples in it")
    mono: NDArray[np.float64] = np.clip(np.nan_to_num(found.mean(axis=1, dtype=np.float64)), -1e3, 1e3)
    if own_rate == rate:
        return mono
    from scipy.signal import resample_poly

    ratio = Fraction(rate, own_rate).limit_denominator(1000)
    return np.asarray(resample_poly(mono, ratio.numerator, ratio.denominator), dtype=np.float64)


def _window_size(rate: int) -> int:
    return round(_WINDOW * rate)


def _transform_size(rate: int, n_bands: int) -> int:
    """A power of two of at least a window, such that the narrow bands of low tones hold frequencies of their own."""
    lowest, next_one = _band_edges(rate, n_bands)[:2]
    return 1 << int(np.ceil(np.log2(max(_window_size(rate), rate / (next_one - lowest)))))


@cache
def mel_bands(rate: int, n_bands: int) -> NDArray[np.float64]:
    """Weights of triangles that are evenly spaced in mel = 2595 log10(1 + f / 700), from 20 Hz to half the rate.

    The formula is that of O'Shaughnessy, Speech Communication (1987), p. 150. The weights of a band add up to 1.

    Returns:
        (n_frequencies, n_bands).
    """
    size = _transform_size(rate, n_bands)
    frequency = np.arange(size // 2 + 1) * rate / size
    edges = _band_edges(rate, n_bands)
    low, middle, high = edges[:-2], edges[1:-1], edges[2:]
    rising = (frequency[:, None] - low) / (middle - low)
    falling = (high - frequency[:, None]) / (high - middle)
    weights = np.maximum(0.0, np.minimum(rising, falling))
    total = weights.sum(axis=0)
    return np.asarray(weights / np.where(total > 0, total, 1.0))


@cache
def _sparse_bands(rate: int, n_bands: int) -> Any:
    """(n_bands, n_frequencies) the same, sparse: faster, and without the threads of a dense product."""
    from scipy.sparse import csr_matrix

    return csr_matrix(mel_bands(rate, n_bands).T)


def _band_edges(rate: int, n_bands: int) -> NDArray[np.float64]:
    """(n_bands + 2,) Hz: where a band begins, the next one has its middle and the one after that ends."""
    ends = 2595 * np.log10(1 + np.array([_LOWEST, rate / 2]) / 700)
    return np.asarray(700 * (10 ** (np.linspace(ends[0], ends[1], n_bands + 2) / 2595) - 1))


def sound_names(rate: int, n_bands: int = N_BANDS) -> tuple[str, ...]:
    """What the numbers of `sound_features` are."""
    middle = _band_edges(rate, n_bands)[1:-1]
    tones = [f"{hertz:.0f} Hz" for hertz in middle]
    wide = [f"{hertz:.0f} Hz" for hertz in middle.reshape(-1, _WIDE).mean(axis=1)]
    groups = [f"{hertz:.0f} Hz" for hertz in middle.reshape(_GROUPS, -1).mean(axis=1)]
    names = [f"{what} at {tone}" for what in ("level", "deviation") for tone in tones]
    names += [f"{edge} level at {tone}" for edge in _EDGES for tone in wide]
    for what in ("mfcc", "change of mfcc"):
        names += [f"{what} {k}: {how}" for how in ("mean", "deviation") for k in range(_COEFFICIENTS)]
    names += [f"level in quarter {q + 1} at {tone}" for q in range(_PARTS) for tone in groups]
    names += ["seconds", "seconds with sound", "loudness", "deviation of loudness", "loudest"]
    return (*names, "middle frequency", "deviation of middle frequency", "zero crossings a second")


def sound_features(spectrograms: NDArray[np.float16], rate: int) -> NDArray[np.float64]:
    """Numbers that sum sounds up, over the frames that are no pauses.

    Mean, deviation and two quantiles of each band; means and deviations of the first 13 mel-frequency cepstral
    coefficients (Davis & Mermelstein 1980, doi:10.1109/TASSP.1980.1163420) and of their change over five frames
    (Furui 1986, doi:10.1109/TASSP.1986.1164788); levels in each quarter; length, loudness, and where the spectrum has
    its middle.

    Args:
        spectrograms: (n_rows, n_frames, n_bands), of `decode_sound`.
        rate: Samples a second.

    Returns:
        (n_rows, n_features), in the order of `sound_names`.
    """
    n_features = len(sound_names(rate, spectrograms.shape[2]))
    rows = [_features(spectrogram.astype(np.float64), rate) for spectrogram in spectrograms]
    return np.array(rows).reshape(len(spectrograms), n_features)


def _features(levels: NDArray[np.float64], rate: int) -> NDArray[np.float64]:
    """(n_features,) of one spectrogram (n_frames, n_bands)."""
    power = np.expm1(levels).mean(axis=1)
    loudness = np.log1p(power)
    sounding = np.flatnonzero((loudness > 0) & (loudness >= loudness.max() - _QUIET))
    if not len(sounding):
        sounding = np.arange(1)
    n_known = int(np.flatnonzero(loudness).max(initial=-1)) + 1
    heard, loud = levels[sounding], loudness[sounding]
    wide = heard.reshape(len(heard), -1, _WIDE).mean(axis=2)
    cepstrum = levels[sounding[0] : sounding[-1] + 1] @ _cosines(levels.shape[1])
    parts = [
        *(heard.mean(axis=0), heard.std(axis=0)),
        *np.quantile(wide, tuple(_EDGES.values()), axis=0),
        *(moment for values in (cepstrum, _change(cepstrum)) for moment in (values.mean(axis=0), values.std(axis=0))),
        *_quarters(levels[sounding[0] : sounding[-1] + 1]),
        np.array([n_known, len(sounding)]) / FRAMES_A_SECOND,
        np.array([loud.mean(), loud.std(), loud.max()]),
        _middle(np.expm1(heard), rate),
    ]
    return np.concatenate(parts)


@cache
def _cosines(n_bands: int) -> NDArray[np.float64]:
    """(n_bands, 13) the orthonormal cosine transform of second type."""
    k = np.arange(_COEFFICIENTS)
    cosines = np.cos(np.pi * k * (2 * np.arange(n_bands)[:, None] + 1) / (2 * n_bands))
    return np.asarray(cosines * np.sqrt(np.where(k == 0, 1, 2) / n_bands))


def _change(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n_frames, n) slope of a line through five frames each; the first and the last frame count on."""
    padded = np.pad(values, ((2, 2), (0, 0)), mode="edge")
    return (2 * (padded[4:] - padded[:-4]) + padded[3:-1] - padded[1:-3]) / 10


def _quarters(levels: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """Means of groups of bands in each quarter of the frames; (n_groups,) each."""
    grouped = levels.reshape(len(levels), _GROUPS, -1).mean(axis=2)
    edges = np.arange(_PARTS + 1) * len(grouped) // _PARTS
    last = len(grouped) - 1
    return [grouped[min(a, last) : max(b, a + 1)].mean(axis=0) for a, b in pairwise(edges.tolist())]


def _middle(power: NDArray[np.float64], rate: int) -> NDArray[np.float64]:
    """Mean and deviation over frames of the middle frequency, Hz, and how often the sound crosses zero.

    The zero crossings are those of noise of this spectrum: twice its root mean square frequency (Rice 1945,
    doi:10.1002/j.1538-7305.1945.tb00453.x).

    Args:
        power: (n_frames, n_bands) density in each band.
        rate: Samples a second.
    """
    edges = _band_edges(rate, power.shape[1])
    middle, width = edges[1:-1], (edges[2:] - edges[:-2]) / 2
    energy = (power * width).sum(axis=1)
    energy = np.where(energy > 0, energy, 1.0)
    centre = (power * width * middle).sum(axis=1) / energy
    crossings = 2 * np.sqrt((power * width * middle**2).sum(axis=1) / energy)
    return np.array([centre.mean(), centre.std(), crossings.mean()])
