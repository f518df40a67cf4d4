"""Pretrained encoders in the local caches of Hugging Face and sentence-transformers, by listing folders."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from automl.pretrained.cached import CachedEncoder
from automl.pretrained.describe import describe

_HUB_PREFIX = "models--"


def find_cached(environ: Mapping[str, str] | None = None) -> tuple[CachedEncoder, ...]:
    """Every encoder of texts or images, one a repository, in the order of their names.

    Of one that lies in several caches it is the first copy that can be used.

    Args:
        environ: The environment, whose variables say where the caches are; this process's unless told.
    """
    found: dict[str, CachedEncoder] = {}
    for encoder in _described(cache_folders(os.environ if environ is None else environ)):
        known = found.get(encoder.name)
        if known is None or (known.problem and not encoder.problem):
            found[encoder.name] = encoder
    return tuple(found[name] for name in sorted(found))


def find_all(name: str, environ: Mapping[str, str] | None = None) -> tuple[CachedEncoder, ...]:
    """Every copy of one repository in the caches, of any revision."""
    folders = cache_folders(os.environ if environ is None else environ)
    return tuple(
        encoder
        for folder in folders
        for path, repository, revision in _models_in(folder, every=True)
        if repository == name and (encoder := describe(path, repository, revision)) is not None
    )


def cache_folders(environ: Mapping[str, str]) -> tuple[Path, ...]:
    """Where Hugging Face (the hub's client) and sentence-transformers keep what they downloaded."""
    home = environ.get("XDG_CACHE_HOME") or "~/.cache"
    hub = environ.get("HF_HUB_CACHE") or environ.get("HUGGINGFACE_HUB_CACHE")
    hub = hub or f"{environ.get('HF_HOME') or f'{home}/huggingface'}/hub"
    torch = environ.get("TORCH_HOME") or f"{home}/torch"
    sentences = environ.get("SENTENCE_TRANSFORMERS_HOME") or f"{torch}/sentence_transformers"
    return tuple(dict.fromkeys(Path(folder).expanduser() for folder in (hub, sentences)))


def _described(folders: tuple[Path, ...]) -> Iterator[CachedEncoder]:
    for folder in folders:
        for path, name, revision in _models_in(folder):
            encoder = describe(path, name, revision)
            if encoder is not None:
                yield encoder


def _models_in(folder: Path, *, every: bool = False) -> Iterator[tuple[Path, str, str]]:
    """(folder, name, revision) of the models in a cache: of the hub's client, or one folder a model.

    Args:
        every: Whether each revision counts; else the one that `main` was when it was downloaded.
    """
    for path in _folders(folder):
        if path.name.startswith(_HUB_PREFIX):
            name = path.name.removeprefix(_HUB_PREFIX).replace("--", "/")
            for snapshot in _snapshots(path, every=every):
                yield snapshot, name, snapshot.name
        else:
            yield path, path.name.replace("_", "/", 1), ""


def _snapshots(repository: Path, *, every: bool) -> list[Path]:
    snapshots = _folders(repository / "snapshots")
    try:
        main = (repository / "refs" / "main").read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        main = ""
    chosen = [path for path in snapshots if path.name == main] or snapshots[-1:]
    return [*chosen, *(path for path in snapshots if path not in chosen)] if every else chosen


def _folders(path: Path) -> list[Path]:
    try:
        return sorted(entry for entry in path.iterdir() if entry.is_dir())
    except OSError:
        return []
