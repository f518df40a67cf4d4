"""The encoder where a pretrained one reads columns too; a function takes its place, so that no extra is needed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from cached_models import BACKBONE, SENTENCES, backbone_files, sentence_files, snapshot
from media_files import picture, write_files

from automl.encoder import Encoder, fit_encoder, load_encoder
from automl.encoding.embedding import Wanted, measure_seconds
from automl.encoding.projection import fit_projection
from automl.errors import DataError
from automl.family import State
from automl.modalities.tabular import profile_table
from automl.nets import pretrained
from automl.pretrained import reference as referring
from automl.pretrained.discover import find_all
from automl.pretrained.reference import pin
from automl.profile import Profile
from automl.settings import Settings
from automl.table import Table

N, D = 60, 12
WORDS = ("river", "stone", "cloud", "light", "winter", "garden", "window", "letter")


class FakeEmbedder:
    """Counts of letters of a text, mean colours of an image's quarters; notes what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def embed(self, values: Any) -> np.ndarray:
        self.asked += list(values)
        return np.stack([self._vector(value) for value in values]).astype(np.float32)

    def _vector(self, value: Any) -> np.ndarray:
        if isinstance(value, str):
            return np.array([value.count(letter) for letter in "abcdefghilno"], dtype=np.float64)
        height, width = value.shape[0] // 2, value.shape[1] // 2
        quarters = [value[i : i + height, j : j + width].mean(axis=(0, 1)) for i in (0, height) for j in (0, width)]
        return np.concatenate(quarters)


@pytest.fixture
def embedder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeEmbedder:
    fake = FakeEmbedder()
    sentence_files(snapshot(tmp_path / "hub", SENTENCES))
    size = {"input_size": [3, 32, 24]}
    backbone_files(snapshot(tmp_path / "hub", BACKBONE), pretrained_cfg=size)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(referring, "package_lacking", lambda library: None)
    monkeypatch.setattr(pretrained, "open_embedder", lambda reference: fake)
    return fake


def texts() -> list[str | None]:
    rng = np.random.default_rng(0)
    found: list[str | None] = [" ".join(rng.choice(WORDS, 9)) for _ in range(N)]
    found[3], found[7] = None, found[5]
    return found


def fitted(table: Table, n_dims: int = 6, **names: str) -> tuple[Profile, Encoder]:
    profile, task = profile_table(table, Settings(data="t", target="label"))
    assert task is not None
    wanted = {column: Wanted(pin(find_all(name)[0]), n_dims) for column, name in names.items()}
    return profile, fit_encoder(table, profile, task, wanted)


def of_column(encoder: Encoder, x: np.ndarray) -> np.ndarray:
    return x[:, [i for i, name in enumerate(encoder.layout.num_names) if ": meaning " in name]]


def test_texts_become_numbers_beside_what_is_there(embedder: FakeEmbedder) -> None:
    table = Table.from_columns({"note": texts(), "label": ["a", "b"] * (N // 2)})
    _, plain = fitted(table)
    _, encoder = fitted(table, note=SENTENCES)
    more = encoder.layout.num_names[len(plain.layout.num_names) :]
    assert more == tuple(f"note: meaning {i}" for i in range(1, 7))
    assert encoder.layout.columns == plain.layout.columns == ("note",)
    assert (encoder.layout.embedded, plain.layout.embedded) == (("note",), ())
    embedder.asked.clear()
    x = of_column(encoder, encoder.encode(table).x_num)
    assert len(embedder.asked) == N - 2  # each text once, and nothing asked of the missing one
    assert np.isnan(x[3]).all()
    assert np.isfinite(np.delete(x, 3, axis=0)).all()
    np.testing.assert_array_equal(x[5], x[7])
    alone = np.concatenate([encoder.encode(table.take(slice(i, i + 1))).x_num for i in range(N)])
    np.testing.assert_array_equal(of_column(encoder, alone), x)
    missing = table.take(slice(3, 4))
    assert np.isnan(of_column(encoder, encoder.encode(missing).x_num)).all()


def test_a_saved_encoder_gives_the_same_bits(embedder: FakeEmbedder) -> None:
    table = Table.from_columns({"note": texts(), "label": ["a", "b"] * (N // 2)})
    _, encoder = fitted(table, note=SENTENCES)
    state = encoder.save()
    again = load_encoder(State(json.loads(json.dumps(state.config)), state.arrays))
    assert again.layout == encoder.layout
    assert again.references == encoder.references
    assert [each.name for each in again.references] == [SENTENCES]
    np.testing.assert_array_equal(again.encode(table).x_num, encoder.encode(table).x_num)


def test_too_few_texts_are_not_embedded(embedder: FakeEmbedder) -> None:
    two = [" ".join(WORDS), " ".join(WORDS[::-1])]
    table = Table.from_columns({"note": [two[i % 2] for i in range(N)], "label": ["a", "b"] * (N // 2)})
    profile, task = profile_table(table, Settings(data="t", target="label", types={"note": "text"}))
    assert task is not None
    encoder = fit_encoder(table, profile, task, {"note": Wanted(pin(find_all(SENTENCES)[0]), 6)})
    assert encoder.references == ()


@pytest.fixture
def photos(tmp_path: Path) -> Table:
    rng = np.random.default_rng(0)
    files = {f"{i}.png": picture(i % 10, 28, i) for i in range(N)} | {"bad.png": b"no picture"}
    names: list[str | None] = [f"{i}.png" for i in rng.permutation(N)]
    names[4] = None
    columns = {"photo": names, "label": ["a", "b"] * (N // 2)}
    return Table(pl.DataFrame(columns), "photos.csv", write_files(tmp_path / "photos", files))


def test_images_become_numbers_at_the_size_of_the_encoder(embedder: FakeEmbedder, photos: Table) -> None:
    _, encoder = fitted(photos, photo=BACKBONE)
    embedder.asked.clear()
    x = encoder.encode(photos)
    assert {value.shape for value in embedder.asked} == {(32, 24, 3)}
    assert len(embedder.asked) == N - 1
    embedded = of_column(encoder, x.x_num)
    assert np.isnan(embedded[4]).all()
    assert np.isfinite(np.delete(embedded, 4, axis=0)).all()
    assert [block.kind for block in encoder.layout.blocks] == ["image"]
    spoilt = photos.take(slice(0, 3)).with_columns({"photo": ["1.png", "bad.png", "2.png"]})
    _, bad = encoder.encode_rows(spoilt)
    assert bad.mask.tolist() == [False, True, False]
    with pytest.raises(DataError, match="is not an image that can be read"):
        encoder.encode(spoilt)


def test_patches_that_are_away_are_away_for_the_pretrained_encoder_too(embedder: FakeEmbedder, photos: Table) -> None:
    _, encoder = fitted(photos, n_dims=D, photo=BACKBONE)
    rows = photos.take(slice(0, 3))
    seen = encoder.decode(rows, "photo")
    as_it_is = encoder.encode_decoded(rows, "photo", seen)
    np.testing.assert_array_equal(as_it_is.x_num, encoder.encode(rows).x_num)
    shown = seen.copy()
    shown[1, : seen.shape[1] // 2, : seen.shape[2] // 2] = 255
    embedder.asked.clear()
    changed = encoder.encode_decoded(rows, "photo", shown)
    away = embedder.asked[1]
    assert (away[:16, :12] == 255).all()
    assert (away[16:] < 255).all()
    moved = of_column(encoder, changed.x_num) != of_column(encoder, as_it_is.x_num)
    assert moved.any(axis=1).tolist() == [False, True, False]


def test_reading_is_timed_on_a_few_values(embedder: FakeEmbedder) -> None:
    table = Table.from_columns({"note": texts(), "label": ["a", "b"] * (N // 2)})
    profile, _ = fitted(table)
    reference = pin(find_all(SENTENCES)[0])
    assert measure_seconds(table.column("note"), profile.column("note"), reference) > 0
    assert len(embedder.asked) == len(set(embedder.asked)) > 8
    one = Table.from_columns({"note": ["the same text"] * 3})
    assert measure_seconds(one.column("note"), profile.column("note"), reference) == 0


def test_directions_keep_what_varies_and_share_it_out() -> None:
    rng = np.random.default_rng(0)
    frame = np.linalg.qr(rng.normal(size=(40, 40)))[0][:20]
    vectors = (rng.normal(size=(400, 20)) * np.geomspace(1, 50, 20) @ frame).astype(np.float32)
    projection = fit_projection(vectors, 20)
    assert projection is not None
    found = projection.encode(vectors)
    np.testing.assert_allclose(projection.directions.T @ projection.directions, np.eye(20), atol=1e-5)
    distances = np.linalg.norm(found[:50] - found[50:100], axis=1)
    np.testing.assert_allclose(distances, np.linalg.norm(vectors[:50] - vectors[50:100], axis=1), rtol=1e-3)
    spread = found.std(axis=0)
    assert spread.max() / spread.min() < 5  # of plain components 50
    np.testing.assert_array_equal(projection.encode(vectors[7:8])[0], found[7])
    few = fit_projection(vectors, 4)
    assert few is not None
    assert few.encode(vectors).var(axis=0).sum() > 0.7 * vectors.var(axis=0).sum()
    assert fit_projection(vectors[:2], 3) is None
