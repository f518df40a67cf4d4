"""Sounds: every kind of file becomes the same spectrogram, and numbers say what is in it."""

from __future__ import annotations

import io

import numpy as np
import pytest
from media_files import RATE, sound_bytes, tone

from automl.modalities.audio import decode_sound, mel_bands, sound_features, sound_names
from automl.reading.media import sound_header

RNG = np.random.default_rng(0)
MIDDLES = np.array([float(name.split()[-2]) for name in sound_names(RATE)[:64]])


def decoded(content: bytes, n_frames: int = 48, rate: int = RATE) -> np.ndarray:
    found = decode_sound(content, rate, n_frames)
    assert found.shape == (n_frames, 64)
    assert found.dtype == np.float16
    assert np.isfinite(found).all()
    assert (found >= 0).all()
    return found


def described(spectrogram: np.ndarray, rate: int = RATE) -> dict[str, float]:
    return dict(zip(sound_names(rate), sound_features(spectrogram[None], rate)[0].tolist(), strict=True))


@pytest.mark.parametrize("hertz", [200, 440, 1000, 3000])
def test_a_tone_is_loudest_in_its_band(hertz: float) -> None:
    found = decoded(tone(hertz))
    nearest = int(np.abs(MIDDLES - hertz).argmin())
    assert set(found[2:40].argmax(axis=1)) <= {nearest - 1, nearest, nearest + 1}
    told = described(found)
    assert told["middle frequency"] == pytest.approx(hertz, rel=0.05)
    assert told["zero crossings a second"] == pytest.approx(2 * hertz, rel=0.05)
    assert told["seconds"] == pytest.approx(0.48)


@pytest.mark.parametrize("form", ["FLAC", "OGG", "MP3"])
def test_every_format_gives_the_spectrogram(form: str) -> None:
    plain, packed = decoded(tone(440)), decoded(tone(440, form=form))
    loud = plain[5:40] > plain.max() - 5
    assert np.abs(plain[5:40].astype(float) - packed[5:40])[loud].max() < 0.5


def test_channels_are_averaged_and_rates_brought_together() -> None:
    mono = decoded(tone(440))
    assert np.array_equal(decoded(tone(440, channels=2)), mono)
    for rate in (22_050, 44_100, 48_000, 11_025, 96_000):
        other = decoded(tone(440, rate=rate))
        loud = mono[5:40] > mono.max() - 6
        assert np.abs(other[5:40].astype(float) - mono[5:40])[loud].max() < 0.3, rate
    assert decoded(tone(440, rate=4_000)).argmax(axis=1)[20] == mono.argmax(axis=1)[20]


def test_short_and_silent_sounds() -> None:
    silent = decoded(sound_bytes(np.zeros(4000)))
    assert (silent == 0).all()
    told = described(silent)
    assert (told["seconds"], told["loudness"]) == (0, 0)
    assert np.isfinite(list(told.values())).all()
    one = decoded(sound_bytes(np.array([0.5])))
    assert (one[0] > 0).all()
    assert (one[1:] == 0).all()
    assert np.isfinite(list(described(one).values())).all()


def test_long_sounds_are_cut_and_short_ones_end_in_silence() -> None:
    long = decoded(tone(440, seconds=20.0))
    assert np.array_equal(long[:45], decoded(tone(440, seconds=0.5))[:45])
    short = decoded(tone(440, seconds=0.2))
    assert (short[20:] == 0).all()
    assert described(short)["seconds"] == pytest.approx(0.19)


def test_odd_samples_do_no_harm() -> None:
    wave = np.sin(np.arange(4000) / 5).astype(np.float32)
    wave[[5, 6, 7]] = np.nan, np.inf, -np.inf
    assert np.isfinite(decoded(sound_bytes(wave, subtype="FLOAT")).astype(float)).all()
    plain = decoded(sound_bytes(np.sin(np.arange(4000) / 5)))
    for subtype in ("PCM_U8", "ULAW"):
        coarse = decoded(sound_bytes(np.sin(np.arange(4000) / 5), subtype=subtype))
        assert coarse.argmax(1) == pytest.approx(plain.argmax(1), abs=1)


def test_what_is_no_sound_is_told() -> None:
    flac = sound_bytes(RNG.normal(size=8000) / 9, form="FLAC")
    header = bytearray(tone(440))
    header[24:28] = (5).to_bytes(4, "little")
    cases = {
        "no sound": b"what is this",
        "no samples": sound_bytes(np.zeros(0)),
        "damaged|no s": flac[:60],
        "5 samples a second": bytes(header),
    }
    for why, content in cases.items():
        with pytest.raises(ValueError, match=why):
            decode_sound(content, RATE, 32)


def test_a_header_tells_length_and_rate() -> None:
    for form in ("WAV", "FLAC", "OGG"):
        header = sound_header(io.BytesIO(tone(440, 0.75, 16_000, form)))
        assert (header.seconds, header.rate) == (0.75, 16_000)


@pytest.mark.parametrize("rate", [1_000, 4_000, 8_000, 11_025, 16_000])
def test_every_band_hears_something(rate: int) -> None:
    weights = mel_bands(rate, 64)
    assert np.allclose(weights.sum(axis=0), 1)
    assert (np.diff(weights.argmax(axis=0)) >= 0).all()
    assert len(set(sound_names(rate))) == len(sound_names(rate)) <= 300


def test_numbers_depend_on_their_sound_alone() -> None:
    sounds = np.stack([decoded(tone(hertz, seconds)) for hertz in (150, 700, 2500) for seconds in (0.1, 0.4)])
    found = sound_features(sounds, RATE)
    assert found.shape == (6, len(sound_names(RATE)))
    for i in range(6):
        assert np.array_equal(sound_features(sounds[i : i + 1], RATE)[0], found[i])
    assert sound_features(sounds[:0], RATE).shape == (0, found.shape[1])


def test_numbers_mean_what_their_names_say() -> None:
    rising = np.concatenate([np.sin(2 * np.pi * f * np.arange(1000) / RATE) for f in (200, 200, 3000, 3000)])
    told = described(decoded(sound_bytes(np.concatenate([rising / 2, np.zeros(1000)])), 64))
    assert told["seconds with sound"] == pytest.approx(0.5, abs=0.03)
    assert told["seconds"] < 0.55, "silence at the end does not count"
    quarters = {q: [told[n] for n in sound_names(RATE) if n.startswith(f"level in quarter {q}")] for q in (1, 4)}
    assert quarters[1][0] > quarters[4][0]
    assert quarters[4][-1] > quarters[1][-1]
