"""What a model file says of the encoder it needs: which repository, which revision, and the checksums of its files."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import msgspec

from automl.errors import ModelFileError
from automl.pretrained.cached import INSTALL, WEIGHTS, CachedEncoder, Library, package_lacking
from automl.pretrained.discover import find_all


class Reference(msgspec.Struct, frozen=True, kw_only=True):
    """A pretrained encoder that a model needs wherever it predicts.

    Attributes:
        revision: Commit of the repository; empty where the cache did not tell.
        files: (name, sha256) of every file that is read, the weights among them.
        n_bytes: Of the weights.
    """

    name: str
    revision: str
    library: Library
    files: tuple[tuple[str, str], ...]
    n_bytes: int

    @property
    def sha256(self) -> str:
        """Of the weights."""
        return dict(self.files).get(WEIGHTS, "")

    @property
    def download(self) -> str:
        """The command that puts it into the cache of the Hugging Face hub."""
        return f"hf download {self.name}" + (f" --revision {self.revision}" if self.revision else "")


def pin(encoder: CachedEncoder) -> Reference:
    """The encoder with the checksums that its files have now."""
    return Reference(
        name=encoder.name,
        revision=encoder.revision,
        library=encoder.library,
        files=tuple((name, _sha256(encoder.path / name)) for name in encoder.files),
        n_bytes=encoder.n_bytes,
    )


def find(reference: Reference) -> CachedEncoder:
    """The encoder in a local cache whose files are bit for bit those that the model was made with.

    Raises:
        ModelFileError: It is not there, is another one, or the package that loads it is not installed; says what would
            mend it.
    """
    package = package_lacking(reference.library)
    if package is not None:
        problem = f"the model needs the pretrained encoder {reference.name}, and {package} to load it: not installed"
        raise ModelFileError(problem, INSTALL)
    copies = find_all(reference.name)
    changed = ""
    for encoder in copies:
        odd = _odd_files(encoder, dict(reference.files))
        if not odd:
            return encoder
        changed = changed or f"{odd[0]} in {encoder.folder} is not the file it learned with: its sha256 differs"
    what = f"the pretrained encoder {reference.name}"
    at = f" (revision {reference.revision})" if reference.revision else ""
    if changed:
        raise ModelFileError(f"the model needs {what}{at} as it was: {changed}", f"get it: {reference.download}")
    raise ModelFileError(
        f"the model needs {what}{at}, which is in no local cache here",
        f"get it: {reference.download}",
        "it is not part of the model file; nothing is downloaded unasked",
    )


def _odd_files(encoder: CachedEncoder, pinned: Mapping[str, str]) -> list[str]:
    """Files that are read and were not pinned, or the other way round, or that differ; only those read are opened."""
    known = [name for name in encoder.files if (encoder.path / name).is_file()]
    differ = [name for name in known if _sha256(encoder.path / name) != pinned.get(name)]
    return [*differ, *sorted(set(pinned) - set(known))]


def _sha256(path: Path) -> str:
    about = path.stat()
    return _digest(path, about.st_size, about.st_mtime_ns)


@lru_cache(maxsize=64)
def _digest(path: Path, _n_bytes: int, _changed: int) -> str:
    """Of a file that has not been written since; weights are hundreds of megabytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
