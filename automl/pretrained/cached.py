"""What is known of a pretrained encoder in a local cache."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Literal, TypeAlias

import msgspec

Reads: TypeAlias = Literal["text", "image"]
Library: TypeAlias = Literal["sentence-transformers", "transformers", "timm"]
Pooling: TypeAlias = Literal["mean", "cls"]

INSTALL = "pip install 'automl[pretrained]'"
WEIGHTS = "model.safetensors"


class CachedEncoder(msgspec.Struct, frozen=True, kw_only=True):
    """A pretrained encoder in a local cache.

    Attributes:
        name: Of the repository: "sentence-transformers/all-MiniLM-L6-v2".
        revision: Commit of the repository; empty where the cache does not tell.
        folder: Where its files lie.
        files: Names, below the folder, of all files that are read.
        n_dims: Numbers that a text or an image becomes.
        n_bytes: Of the weights.
        work: Multiplications a word piece, or an image.
        longest: Word pieces of a text that are read; 0 for images.
        pooling: How the vectors of word pieces become that of the text: their mean, or the first one's.
        height, width: Of the images it reads, in pixels.
        problem: Why it is not used, in a few words; empty where it can be.
    """

    reads: Reads
    library: Library
    name: str
    revision: str
    folder: str
    files: tuple[str, ...] = ()
    n_dims: int = 0
    n_bytes: int = 0
    work: float = 0.0
    longest: int = 0
    pooling: Pooling = "mean"
    height: int = 0
    width: int = 0
    problem: str = ""

    @property
    def path(self) -> Path:
        """Its folder."""
        return Path(self.folder)


def package_lacking(library: Library) -> str | None:
    """The package that would load an encoder and is not installed; nothing is imported.

    sentence-transformers itself is not needed: its models are those of transformers, pooled.
    """
    package = "timm" if library == "timm" else "transformers"
    return None if find_spec(package) else package
