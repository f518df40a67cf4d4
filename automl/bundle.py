"""The model file: one zip of JSON, safetensors and text with a manifest of checksums. Reading it runs nothing of it.

Layout: `manifest.json`, `profile.json`, `encoder/…`, `models/<trial>/<fold>/…`, and `explain.json` once explained.
"""

from __future__ import annotations

import hashlib
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from automl import __version__, registry
from automl.archives import DAMAGE
from automl.encoder import Encoder, load_encoder
from automl.ensemble import average, calibrate, mix
from automl.errors import ModelFileError, UsageError
from automl.family import Family, Model
from automl.features import Features, Layout
from automl.history import with_history
from automl.metrics import labels
from automl.models.building import build_model
from automl.outcome import Estimate
from automl.pretrained.reference import Reference, find
from automl.profile import Profile
from automl.space import Params
from automl.states import unpack
from automl.table import Table
from automl.task import Task, Threshold

FORMAT = 1
_MANIFEST = "manifest.json"
_NAME = re.compile(r"^(?:[a-z0-9_]+/){0,3}[a-z0-9_]+\.(?:json|safetensors|txt)$")
_MAX_BYTES = 64 * 2**30


class FileEntry(msgspec.Struct, frozen=True):
    """Checksum and size of one file inside."""

    sha256: str
    n_bytes: int


class ModelEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One trial of the blend: its weight and the folders of its folds' models, which are averaged."""

    trial: int
    family: str
    params: Params
    weight: float
    folders: tuple[str, ...]


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What the file is and how its models make one prediction.

    Attributes:
        temperature: Of the blended probabilities; 1 is none.
        threshold: By which labels are told, as `metrics.labels` takes it; None for the likeliest class.
        score: What the run expects for new data.
        pretrained: Encoders it needs wherever it predicts; their weights are not in the file.
        versions: Of the packages that made it.
    """

    format: int
    version: str
    task: Task
    models: tuple[ModelEntry, ...]
    files: dict[str, FileEntry]
    temperature: float = 1.0
    threshold: Threshold | None = None
    score: Estimate | None = None
    n_train: int = 0
    created: float = 0.0
    versions: dict[str, str] = {}
    pretrained: tuple[Reference, ...] = ()


@dataclass(frozen=True, slots=True)
class LoadedMember:
    """One fold's model in the blend, with its share of the weight."""

    weight: float
    family: Family
    model: Model


class Predictor:
    """A loaded model file: from rows of the user's file to predictions."""

    def __init__(
        self, manifest: Manifest, encoder: Encoder, models: Sequence[Sequence[Model]], profile: Profile
    ) -> None:
        self.manifest = manifest
        self.encoder = encoder
        self.profile = profile
        self._models = models

    @property
    def task(self) -> Task:
        """What is predicted."""
        return self.manifest.task

    @property
    def classes(self) -> tuple[str, ...]:
        """Class labels as they stood in the file, in the order of probability columns; empty for regression."""
        return self.task.labels

    @property
    def layout(self) -> Layout:
        """Names and origin of the encoded features."""
        return self.encoder.layout

    @cached_property
    def members(self) -> tuple[LoadedMember, ...]:
        """Every fold's model with its weight; the weights add up to 1."""
        return tuple(
            LoadedMember(entry.weight / len(models), registry.family(entry.family), model)
            for entry, models in zip(self.manifest.models, self._models, strict=True)
            for model in models
        )

    def prepare(self, table: Table) -> Table:
        """A whole table with the earlier values that its rows need; the same table where they need none."""
        return with_history(table, self.task.history)

    def encode(self, table: Table) -> Features:
        """Rows as features, one by one; nothing is fitted."""
        return self.encoder.encode(table)

    def decode(self, table: Table, column: str) -> NDArray[Any]:
        """A column of media as the model sees it: images as uint8, sounds as spectrograms."""
        return self.encoder.decode(table, column)

    def encode_decoded(self, table: Table, column: str, values: NDArray[Any]) -> Features:
        """`encode` with the media of one column given as `decode` returns them."""
        return self.encoder.encode_decoded(table, column, values)

    def predict(self, x: Features) -> NDArray[np.float64]:
        """Values (n_rows,), or calibrated probabilities (n_rows, n_classes)."""
        blended = mix(
            [
                average([model.predict(x) for model in models], registry.family(entry.family).link, self.task)
                for entry, models in zip(self.manifest.models, self._models, strict=True)
            ],
            [entry.weight for entry in self.manifest.models],
        )
        return calibrate(blended, self.manifest.temperature) if self.task.is_classification else blended

    def predict_table(self, table: Table) -> NDArray[np.float64]:
        """`predict` of the user's rows, all of them in one table where they look back."""
        return self.predict(self.encode(self.prepare(table)))

    def labels(self, prediction: NDArray[np.float64]) -> NDArray[Any]:
        """What the column `prediction` says: values as they are, or class labels as they stood in the file."""
        if not self.task.is_classification:
            return prediction
        return np.asarray(self.classes, dtype=object)[labels(prediction, self.manifest.threshold)]


def write_bundle(path: Path, manifest: Manifest, files: Mapping[str, bytes | Path], *, compress: bool = True) -> None:
    """Write a model file, by rename.

    Args:
        path: Where to.
        manifest: Its `files` are filled in here.
        files: Contents by name; a path stands for the file there.
        compress: A third of the size, at ten times the time.

    Raises:
        ValueError: A name inside would not be read back.
    """
    entries: dict[str, FileEntry] = {}
    partial = path.with_name(path.name + ".partial")
    how = zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED
    with zipfile.ZipFile(partial, "w") as archive:
        for name in sorted(files):
            if not _NAME.match(name) or name == _MANIFEST:
                raise ValueError(f"name={name!r} is not one that a model file may hold")
            source = files[name]
            data = source.read_bytes() if isinstance(source, Path) else source
            entries[name] = FileEntry(hashlib.sha256(data).hexdigest(), len(data))
            archive.writestr(_info(name), data, how, compresslevel=1)
        done = msgspec.structs.replace(manifest, files=entries)
        archive.writestr(_info(_MANIFEST), msgspec.json.format(msgspec.json.encode(done), indent=1), how)
    partial.replace(path)


def _info(name: str) -> zipfile.ZipInfo:
    """A fixed time stamp, so that the same model is the same file."""
    info = zipfile.ZipInfo(name)
    info.external_attr = 0o644 << 16
    return info


def read_manifest(path: Path) -> Manifest:
    """The manifest, checked to be of a format this version reads.

    Raises:
        UsageError: There is no such file.
        ModelFileError: It is not a model file, or of a newer format.
    """
    with _opened(path) as archive:
        return _manifest(path, archive)


def _opened(path: Path) -> zipfile.ZipFile:
    if not path.is_file():
        nearest = path / "model.automl"
        raise UsageError(f"no model file {path}", *([f"try: {nearest}"] if nearest.is_file() else []))
    try:
        return zipfile.ZipFile(path)
    except DAMAGE as error:
        raise ModelFileError(f"{path} is not a model file: {error}") from error


def _manifest(path: Path, archive: zipfile.ZipFile) -> Manifest:
    try:
        data = archive.read(_MANIFEST)
    except DAMAGE as error:
        raise ModelFileError(f"{path} is not a model file: it has no readable {_MANIFEST}") from error
    try:
        manifest = msgspec.json.decode(upgrade(data), type=Manifest)
    except msgspec.DecodeError as error:
        raise ModelFileError(f"{path} has a manifest that this version can't read: {error}") from error
    weights = [entry.weight for entry in manifest.models]
    if not weights or min(weights) < 0 or abs(sum(weights) - 1) > 1e-6 or not all(e.folders for e in manifest.models):
        raise ModelFileError(f"{path} has a manifest whose models do not make one prediction: weights {weights}")
    if manifest.threshold is not None and not _suits(manifest.threshold, len(manifest.task.classes)):
        raise ModelFileError(f"{path} has a manifest whose thresholds do not suit its classes: {manifest.threshold}")
    return manifest


def _suits(threshold: Threshold, n_classes: int) -> bool:
    """Whether it is one number for two classes, or one above 0 for each of more."""
    if isinstance(threshold, tuple):
        return n_classes == len(threshold) > 2 and min(threshold) > 0
    return n_classes == 2


def upgrade(data: bytes) -> bytes:
    """A manifest of any format up to this version's, as one of this version's.

    Raises:
        ModelFileError: The format is newer, or no format at all.
    """
    try:
        found = msgspec.json.decode(data, type=dict).get("format")
    except msgspec.DecodeError as error:
        raise ModelFileError(f"the manifest is not JSON: {error}") from error
    if not isinstance(found, int) or not 1 <= found <= FORMAT:
        raise ModelFileError(
            f"the model file has format {found!r}; this version reads 1 to {FORMAT}",
            "try: pip install --upgrade automl",
        )
    return data


def _checked_files(path: Path, archive: zipfile.ZipFile, manifest: Manifest) -> dict[str, bytes]:
    inside = [info.filename for info in archive.infolist()]
    wrong = [name for name in inside if not _NAME.match(name)]
    if wrong or len(set(inside)) != len(inside):
        raise ModelFileError(f"{path} holds files that no model file has: {(wrong or inside)[:3]}")
    if set(inside) - {_MANIFEST} != set(manifest.files):
        odd = sorted((set(inside) - {_MANIFEST}) ^ set(manifest.files))
        raise ModelFileError(f"{path} and its manifest do not list the same files: {odd[:3]}")
    if sum(entry.n_bytes for entry in manifest.files.values()) > _MAX_BYTES:
        raise ModelFileError(f"{path} claims to unpack to more than {_MAX_BYTES // 2**30} GiB")
    files = {}
    for name, entry in manifest.files.items():
        if archive.getinfo(name).file_size != entry.n_bytes:
            raise ModelFileError(f"{path}: {name} has {archive.getinfo(name).file_size} bytes, not {entry.n_bytes}")
        try:
            data = archive.read(name)
        except DAMAGE as error:
            raise ModelFileError(f"{path}: {name} is damaged: {error}") from error
        if hashlib.sha256(data).hexdigest() != entry.sha256:
            raise ModelFileError(f"{path}: {name} is not what was saved: its sha256 differs from the manifest's")
        files[name] = data
    return files


def load_model(path: str | Path) -> Predictor:
    """Load a model file: checksums first, then the data of each model handed to its family. Nothing is unpickled.

    Raises:
        UsageError: There is no such file.
        ModelFileError: It is damaged, unsafe, of a newer format, of a family that is not installed, or needs a
            pretrained encoder that is not in the local cache as it was.
    """
    path = Path(path)
    with _opened(path) as archive:
        manifest = _manifest(path, archive)
        files = _checked_files(path, archive, manifest)
    try:
        encoder = load_encoder(unpack(_taken(files, "encoder")))
        profile = msgspec.json.decode(files["profile.json"], type=Profile)
    except (KeyError, ValueError, TypeError, msgspec.MsgspecError) as error:
        raise ModelFileError(f"{path} has an encoder or a profile that this version can't read: {error!r}") from error
    for reference in encoder.references:
        find(reference)
    missing = sorted({entry.family for entry in manifest.models} - set(registry.names("families")))
    if missing:
        raise ModelFileError(f"{path} has models of {', '.join(missing)}, which this installation does not have")
    models = [
        [_model(entry, files, folder, manifest, encoder) for folder in entry.folders] for entry in manifest.models
    ]
    return Predictor(manifest, encoder, models, profile)


def _taken(files: dict[str, bytes], folder: str) -> dict[str, bytes]:
    """The files of a folder, which are then no longer held."""
    names = [name for name in files if name.startswith(f"{folder}/")]
    return {name.removeprefix(f"{folder}/"): files.pop(name) for name in names}


def _model(entry: ModelEntry, files: dict[str, bytes], folder: str, manifest: Manifest, encoder: Encoder) -> Model:
    model = build_model(registry.family(entry.family), entry.params, manifest.task, encoder.layout)
    try:
        model.load(unpack(_taken(files, folder)))
    except (KeyError, ValueError, TypeError, IndexError) as error:
        raise ModelFileError(f"{folder} does not hold a {entry.family} model: {error!r}") from error
    return model


def inspect(path: Path) -> dict[str, Any]:
    """What is in the file, without loading any model: the manifest as plain data."""
    manifest = read_manifest(path)
    return {"path": str(path), "bytes": path.stat().st_size, **msgspec.to_builtins(manifest)}


def verify(path: Path) -> list[str]:
    """Check everything that can be checked and say what was found good, a line each.

    Raises:
        ModelFileError: At the first thing that is not good.
    """
    with _opened(path) as archive:
        manifest = _manifest(path, archive)
        files = _checked_files(path, archive, manifest)
    lines = [
        f"format {manifest.format}, written by automl {manifest.version} (this is {__version__})",
        f"{len(files)} files, {sum(map(len, files.values())):,} bytes: every sha256 matches",
        "only json, safetensors and txt inside: nothing that could run",
    ]
    predictor = load_model(path)
    lines += [
        f"{reference.name} is in the local cache: its {len(reference.files)} files are those it learned with"
        for reference in predictor.encoder.references
    ]
    return [
        *lines,
        f"{len(predictor.members)} models load: {', '.join(sorted({m.family.title for m in predictor.members}))}",
    ]
