"""Pretrained encoders at work: texts and images to vectors, nothing trained; all that imports transformers and timm.

Texts of as many word pieces go together, so that nothing is padded. A batch takes one thread, and as many run side by
side as there are cores.
"""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, lru_cache
from hashlib import sha256
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from automl.errors import ModelFileError
from automl.hardware import count_cores
from automl.pretrained.cached import INSTALL, WEIGHTS, CachedEncoder
from automl.pretrained.reference import Reference, find

Vectors: TypeAlias = NDArray[np.float32]

# The clients of the hub read these once, when they are imported; nothing here may ask the network.
_OFFLINE = {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "TRANSFORMERS_OFFLINE": "1"}
_N_REMEMBERED = 4096
_BATCH = 16


@dataclass(frozen=True, slots=True)
class Reader:
    """How an encoder reads.

    Attributes:
        prepare: A text to (n_pieces,) codes of word pieces; an image to itself.
        forward: Prepared values of one shape, (n, ...), to vectors (n, n_dims).
    """

    prepare: Callable[[Any], NDArray[Any]]
    forward: Callable[[NDArray[Any]], Tensor]


class Embedder:
    """A pretrained encoder that turns texts, or images, into vectors.

    The first few thousand are remembered: they are asked for again when directions are fitted to a sample of them.

    Args:
        reader: How.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._known: dict[bytes, Vectors] = {}

    def embed(self, values: Iterable[Any]) -> Vectors:
        """(n_rows, n_dims) vectors of length 1, of texts or of images (height, width, 3) of uint8."""
        asked = [(_key(value), value) for value in values]
        new = {key: value for key, value in asked if key not in self._known}
        by_shape = defaultdict[tuple[int, ...], list[tuple[bytes, NDArray[Any]]]](list)
        for key, value in new.items():
            prepared = self._reader.prepare(value)
            by_shape[prepared.shape].append((key, prepared))
        batches = [group[i : i + _BATCH] for group in by_shape.values() for i in range(0, len(group), _BATCH)]
        found: dict[bytes, Vectors] = {}
        for batch, vectors in zip(batches, _pool().map(self._vectors, batches), strict=True):
            found.update(zip((key for key, _ in batch), vectors, strict=True))
        room = _N_REMEMBERED - len(self._known)
        self._known.update(list(found.items())[: max(0, room)])
        return np.stack([found[key] if key in found else self._known[key] for key, _ in asked])

    def _vectors(self, batch: list[tuple[bytes, NDArray[Any]]]) -> Vectors:
        with torch.inference_mode():
            vectors = self._reader.forward(np.stack([prepared for _, prepared in batch]))
            found: Vectors = torch.nn.functional.normalize(vectors, dim=1).numpy()
            return found


def _key(value: Any) -> bytes:
    return value.encode() if isinstance(value, str) else sha256(np.ascontiguousarray(value).data).digest()


@lru_cache(maxsize=4)
def open_embedder(reference: Reference) -> Embedder:
    """Load an encoder from the local cache.

    Raises:
        ModelFileError: It is not there as it was, its package is not installed, or its weights do not suit it.
    """
    encoder = find(reference)
    os.environ.update(_OFFLINE)
    try:
        return Embedder(_text_reader(encoder) if encoder.reads == "text" else _image_reader(encoder))
    except Exception as error:
        # each library has errors of its own
        problem = f"the pretrained encoder {encoder.name} in {encoder.folder} cannot be loaded: {error}"
        raise ModelFileError(problem, f"it takes working packages: {INSTALL}") from error


def _text_reader(encoder: CachedEncoder) -> Reader:
    """Word pieces through the language model, pooled."""
    from transformers import AutoModel, AutoTokenizer, logging

    logging.disable_progress_bar()
    logging.set_verbosity_error()
    told: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    tokenizer = AutoTokenizer.from_pretrained(encoder.folder, **told)
    model = AutoModel.from_pretrained(encoder.folder, use_safetensors=True, dtype=torch.float32, **told).eval()

    def prepare(text: str) -> NDArray[np.int64]:
        return np.asarray(tokenizer(text, truncation=True, max_length=encoder.longest)["input_ids"], dtype=np.int64)

    def forward(pieces: NDArray[np.int64]) -> Tensor:
        codes = torch.from_numpy(pieces)
        vectors: Tensor = model(input_ids=codes, attention_mask=torch.ones_like(codes)).last_hidden_state
        return vectors.mean(dim=1) if encoder.pooling == "mean" else vectors[:, 0]

    return Reader(prepare, forward)


def _image_reader(encoder: CachedEncoder) -> Reader:
    """Pixels, standardised as in pretraining, through the backbone without its classifier."""
    import timm
    from safetensors.torch import load_file

    config = json.loads((encoder.path / "config.json").read_text(encoding="utf-8"))
    told, more = config["pretrained_cfg"], config.get("model_args") or {}
    model = timm.create_model(config["architecture"], pretrained=False, num_classes=0, **more)
    lost = model.load_state_dict(load_file(encoder.path / WEIGHTS), strict=False)
    named = told.get("classifier") or ()
    heads = tuple(f"{name}." for name in ([named] if isinstance(named, str) else named))
    odd = [*lost.missing_keys, *(key for key in lost.unexpected_keys if not key.startswith(heads))]
    if odd:
        raise ValueError(f"its weights are not those of {config['architecture']}: {odd[0]}")
    model.eval()
    mean, deviation = (torch.tensor(told[key], dtype=torch.float32).view(3, 1, 1) for key in ("mean", "std"))

    def forward(pixels: NDArray[np.uint8]) -> Tensor:
        images = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255
        found: Tensor = model((images - mean) / deviation)
        return found if found.ndim == 2 else found.flatten(2).mean(dim=2)

    return Reader(np.asarray, forward)


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(
        count_cores(), thread_name_prefix="embed", initializer=torch.set_num_threads, initargs=(1,)
    )
