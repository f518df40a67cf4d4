"""The encoder on images and sounds: blocks beside numbers, the same bits alone, in company and after saving."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from media_files import image_bytes, picture, tone, write_files, write_zip

from automl.encoder import Encoder, fit_encoder, load_encoder
from automl.encoding.blocks import image_shape, sound_rate, sound_shape
from automl.errors import DataError
from automl.family import State
from automl.features import Block, Features
from automl.modalities.tabular import profile_table
from automl.profile import Extent
from automl.settings import Settings
from automl.table import Table

N = 40
RNG = np.random.default_rng(0)
FILES = {f"p/{i}.png": picture(i % 10, 28, i) for i in range(N)} | {
    f"s/{i}.wav": tone(200 + 30 * i, 0.3 + 0.01 * i) for i in range(N)
}


def table(root: Path) -> Table:
    columns = {
        "size": RNG.normal(size=N),
        "photo": [f"p/{i}.png" if i % 9 else None for i in range(N)],
        "sound": [f"s/{i % 25}.wav" if i != 7 else "n/a" for i in range(N)],
        "label": ["a", "b"] * (N // 2),
    }
    return Table(pl.DataFrame(columns), "new.csv", root)


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Table, Encoder]:
    rows = table(write_files(tmp_path_factory.mktemp("media"), FILES))
    profile, task = profile_table(rows, Settings(data="t"))
    assert task is not None
    return rows, fit_encoder(rows, profile, task)


def same(a: Features, b: Features) -> bool:
    blocks = all(np.array_equal(x, y) for x, y in zip(a.blocks, b.blocks, strict=True))
    return blocks and np.array_equal(a.x_num, b.x_num, equal_nan=True) and a.layout == b.layout


def test_columns_of_files_become_blocks_and_numbers(fitted: tuple[Table, Encoder]) -> None:
    rows, encoder = fitted
    x = encoder.encode(rows)
    assert encoder.columns == ("size", "photo", "sound")
    assert x.layout.blocks == (
        Block(column="photo", kind="image", shape=(28, 28, 1)),
        Block(column="sound", kind="audio", shape=(52, 64)),
    )
    photos, sounds = x.blocks
    assert (photos.shape, photos.dtype) == ((N, 28, 28, 1), np.uint8)
    assert (sounds.shape, sounds.dtype) == ((N, 52, 64), np.float16)
    for name, source in zip(x.layout.num_names, x.layout.num_sources, strict=True):
        assert name.partition(": ")[0] == x.layout.columns[source]
    missing = rows.column("photo").missing
    assert (photos[missing] == 0).all()
    assert (photos[~missing].reshape(int((~missing).sum()), -1).max(axis=1) > 0).all()
    of_photo = np.array([x.layout.columns[source] == "photo" for source in x.layout.num_sources])
    assert np.array_equal(np.isnan(x.x_num[:, of_photo]).all(axis=1), missing)
    assert np.isfinite(x.x_num[~missing & (np.arange(N) != 7)]).all()
    assert np.array_equal(sounds[1], sounds[26]), "one file named twice"
    assert (sounds[7] == 0).all()


def test_a_row_gives_the_same_bits_alone_and_in_company(fitted: tuple[Table, Encoder]) -> None:
    rows, encoder = fitted
    x = encoder.encode(rows)
    for chosen in ([0], [1], [7], [30, 2, 2], list(range(N))[::-1]):
        index = np.array(chosen, dtype=np.intp)
        assert same(encoder.encode(rows.take(index)), x.take(index))
    assert encoder.encode(rows.take(slice(0, 0))).n_rows == 0


def test_saving_and_packing_change_no_bit(fitted: tuple[Table, Encoder], tmp_path: Path) -> None:
    rows, encoder = fitted
    state = encoder.save()
    loaded = load_encoder(State(json.loads(json.dumps(state.config)), dict(state.arrays)))
    assert same(loaded.encode(rows), encoder.encode(rows))
    packed = Table(rows.frame, "new.csv", write_zip(tmp_path / "files.zip", FILES))
    assert same(encoder.encode(packed), encoder.encode(rows))


def test_decoded_files_stand_for_the_files(fitted: tuple[Table, Encoder]) -> None:
    rows, encoder = fitted
    x = encoder.encode(rows)
    for column, block in (("photo", 0), ("sound", 1)):
        values = encoder.decode(rows, column)
        assert np.array_equal(values, x.blocks[block])
        assert same(encoder.encode_decoded(rows, column, values), x)
    dark = encoder.decode(rows, "photo") // 2
    changed = encoder.encode_decoded(rows, "photo", dark)
    assert np.array_equal(changed.blocks[0], dark)
    brightness = x.layout.num_names.index("photo: mean brightness r1 c1")
    assert changed.x_num[1, brightness] < x.x_num[1, brightness]
    assert np.array_equal(changed.x_num[:, 0], x.x_num[:, 0])
    with pytest.raises(KeyError):
        encoder.decode(rows, "size")


def test_files_that_cannot_be_read_are_told_by_row(fitted: tuple[Table, Encoder], tmp_path: Path) -> None:
    rows, encoder = fitted
    root = write_files(tmp_path, FILES | {"p/5.png": b"", "p/6.png": b"no picture", "s/8.wav": b"RIFF"})
    (root / "p/4.png").unlink()
    spoilt = Table(rows.frame, "new.csv", root)
    x, bad = encoder.encode_rows(spoilt)
    assert {row: why.split("(")[1] for row, why in bad.reasons.items() if row < 9} == {
        4: "no such file)", 5: "0 bytes)", 6: "no image)", 8: bad.reasons[8].split("(")[1]
    }  # fmt: skip
    assert bad.reasons[5] == "column 'photo': 'p/5.png' is not an image that can be read (0 bytes)"
    assert bad.reasons[8].startswith("column 'sound': 's/8.wav' is not a sound that can be read (no sound")
    assert np.flatnonzero(bad.mask).tolist() == [4, 5, 6, 8, 33]
    assert (x.blocks[0][4:7] == 0).all()
    assert np.isnan(x.x_num[4, 1:200]).all()
    with pytest.raises(DataError, match=r"new.csv, row 5, column 'photo': 'p/4.png' is not an image"):
        encoder.encode(spoilt)
    assert same(encoder.encode(spoilt, on_bad="null"), x)
    good = np.flatnonzero(~bad.mask)
    assert same(x.take(good), encoder.encode(rows).take(good))


def test_a_name_that_leads_out_is_refused_whatever_is_done_with_bad_rows(fitted: tuple[Table, Encoder]) -> None:
    rows, encoder = fitted
    escaping = Table(rows.frame.with_columns(photo=pl.lit("../../etc/passwd")), "new.csv", rows.root)
    with pytest.raises(DataError, match="leads out of"):
        encoder.encode(escaping, on_bad="null")
    in_memory = Table(rows.frame, "new.csv")
    with pytest.raises(DataError, match="in memory"):
        encoder.encode(in_memory)


def test_colours_are_kept_where_there_are_some(tmp_path: Path) -> None:
    files = {f"{i}.png": image_bytes(RNG.integers(0, 255, (20, 30, 3), dtype=np.uint8)) for i in range(20)}
    files["3.png"] = picture(5, 20)
    rows = Table(pl.DataFrame({"f": [*files], "label": ["a", "b"] * 10}), "t.csv", write_files(tmp_path, files))
    profile, task = profile_table(rows, Settings(data="t"))
    assert task is not None
    x = fit_encoder(rows, profile, task).encode(rows)
    assert x.blocks[0].shape == (20, 20, 32, 3)
    assert (x.blocks[0][3, ..., 0] == x.blocks[0][3, ..., 2]).all()


def test_blocks_are_sized_by_the_profile_alone() -> None:
    sizes = {(28, 28): (28, 28), (64, 64): (64, 64), (8, 8): (16, 16), (480, 640): (48, 64), (30, 30): (32, 32)}
    sizes |= {(2000, 50): (64, 16), (0, 0): (16, 16), (65, 63): (64, 64), (100, 1): (64, 16)}
    for (height, width), expected in sizes.items():
        assert image_shape(Extent(height=height, width=width, channels=1)) == (*expected, 1)
    assert image_shape(Extent(height=28, width=28))[2] == 3
    lengths = {0.0: 32, 0.1: 32, 0.74: 74, 10.0: 1000, 900.0: 1000}
    for seconds, n_frames in lengths.items():
        assert sound_shape(Extent(seconds=seconds, rate=8000)) == (n_frames, 64)
    assert [sound_rate(Extent(rate=rate)) for rate in (0, 8_000, 44_100)] == [16_000, 8_000, 16_000]
