"""Pretrained encoders at work, tiny ones with random weights; needs the extra `pretrained`."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from cached_models import BACKBONE, PLAIN, SENTENCES, tiny_backbone, tiny_plain, tiny_sentences

from automl.errors import ModelFileError
from automl.nets.pretrained import open_embedder
from automl.pretrained.discover import find_cached
from automl.pretrained.reference import Reference, pin

WORDS = ["river", "stone", "cloud", "light", "winter", "garden"]
TEXTS = ["river stone", "cloud", "light winter garden river stone cloud", "unheard words", ""]


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))

    def refuse(self: socket.socket, address: Any) -> None:
        raise AssertionError(f"something called {address}")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    open_embedder.cache_clear()
    return tmp_path


def pinned(name: str) -> Reference:
    return pin(next(encoder for encoder in find_cached() if encoder.name == name))


@pytest.mark.parametrize("cls", [False, True])
def test_texts_are_pooled_as_they_were_in_pretraining(hub: Path, cls: bool) -> None:
    transformers = pytest.importorskip("transformers")
    folder = tiny_sentences(hub, WORDS, cls=cls)
    vectors = open_embedder(pinned(SENTENCES)).embed(TEXTS)
    assert vectors.shape == (len(TEXTS), 24)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    # beside a padded batch through the library's own classes, the padding left out of the mean
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModel.from_pretrained(folder).eval()
    batch = tokenizer(TEXTS, padding=True, return_tensors="pt")
    with torch.inference_mode():
        hidden = model(**batch).last_hidden_state
    mask = batch["attention_mask"][..., None]
    pooled = hidden[:, 0] if cls else (hidden * mask).sum(dim=1) / mask.sum(dim=1)
    expected = torch.nn.functional.normalize(pooled, dim=1).numpy()
    np.testing.assert_allclose(vectors, expected, atol=1e-5)


def test_a_text_has_the_same_vector_in_any_company(hub: Path) -> None:
    pytest.importorskip("transformers")
    tiny_plain(hub, WORDS)
    reference = pinned(PLAIN)
    together = open_embedder(reference).embed(TEXTS)
    open_embedder.cache_clear()  # which remembers nothing
    alone = np.concatenate([open_embedder(reference).embed([text]) for text in reversed(TEXTS)])
    np.testing.assert_allclose(alone[::-1], together, atol=1e-6)
    many = open_embedder(reference).embed([f"{WORDS[i % 6]} stone" for i in range(100)])
    np.testing.assert_allclose(many[6:12], many[:6], atol=1e-6)
    assert len(np.unique(many.round(3), axis=0)) == 6


def test_long_texts_are_cut(hub: Path) -> None:
    pytest.importorskip("transformers")
    tiny_plain(hub, WORDS)
    embedder = open_embedder(pinned(PLAIN))
    long, longer = embedder.embed(["river stone " * 30, "river stone " * 500])
    np.testing.assert_array_equal(long, longer)


def test_images_are_standardised_and_lose_the_classifier(hub: Path) -> None:
    timm = pytest.importorskip("timm")
    from safetensors.torch import load_file

    folder = tiny_backbone(hub)
    images = np.random.default_rng(0).integers(0, 256, (3, 48, 40, 3), dtype=np.uint8)
    vectors = open_embedder(pinned(BACKBONE)).embed(images)
    assert vectors.shape == (3, 512)
    model = timm.create_model("resnet10t", pretrained=False, num_classes=10)
    model.load_state_dict(load_file(folder / "model.safetensors"))
    mean, deviation = torch.tensor([0.5, 0.4, 0.3]), torch.tensor([0.2, 0.3, 0.4])
    x = ((torch.from_numpy(images).float() / 255 - mean) / deviation).permute(0, 3, 1, 2)
    with torch.inference_mode():
        features = model.eval().forward_head(model.forward_features(x), pre_logits=True)
    np.testing.assert_allclose(vectors, torch.nn.functional.normalize(features, dim=1).numpy(), atol=1e-5)


def test_nothing_asks_the_network(hub: Path) -> None:
    pytest.importorskip("transformers")
    tiny_plain(hub, WORDS)
    open_embedder(pinned(PLAIN)).embed(TEXTS)
    assert os.environ["HF_HUB_OFFLINE"] == "1"
    assert os.environ["HF_HUB_DISABLE_TELEMETRY"] == "1"


def test_weights_of_another_net_are_refused(hub: Path) -> None:
    pytest.importorskip("timm")
    from safetensors.torch import load_file, save_file

    folder = tiny_backbone(hub)
    weights = load_file(folder / "model.safetensors")
    lost = "layer1.0.conv1.weight"
    save_file({name: value for name, value in weights.items() if name != lost}, folder / "model.safetensors")
    with pytest.raises(ModelFileError, match=f"tiny/backbone .* cannot be loaded: .*{lost}"):
        open_embedder(pinned(BACKBONE))
    (folder / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(ModelFileError, match="cannot be loaded"):
        open_embedder(pinned(BACKBONE))
