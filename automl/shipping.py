"""The model file of a blend: which of its fits go in, and whether it keeps to the size and time asked for."""

from __future__ import annotations

import platform
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import msgspec
import numpy as np

from automl import __version__
from automl.bundle import FORMAT, Manifest, ModelEntry, load_model, write_bundle
from automl.encoder import Encoder
from automl.outcome import Estimate
from automl.plan import Wishes
from automl.profile import Profile
from automl.quantities import format_bytes
from automl.rundir import MODEL, RunDir
from automl.search.best import Blend, Finish, n_shipped
from automl.search.ledger import Ledger
from automl.states import pack
from automl.table import Table

_PACKAGES = (
    "scikit-learn",
    "lightgbm",
    "torch",
    "pytorch-lightning",
    "optuna",
    "shap",
    "lime",
    "polars",
    "numpy",
    "scipy",
    "pillow",
    "soundfile",
)
_OPTIONAL = ("transformers", "timm")
_TIMED = 9  # predictions of one row; the first ones are slow
_UNFINISHED = Finish()


@dataclass(frozen=True, slots=True)
class ModelFile:
    """The model file of a run, written anew for every blend that is the best so far.

    Attributes:
        ledger: Where the fits are.
        is_lean: Whether of a trial that has no refit one fold only is shipped.
    """

    run: RunDir
    ledger: Ledger
    encoder: Encoder
    profile: Profile
    is_lean: bool = False

    def write(
        self, blend: Blend, after: Finish = _UNFINISHED, score: Estimate | None = None, *, compress: bool = False
    ) -> None:
        """Write it: of each trial some fitted folds or its refits, the encoder and the profile."""
        files: dict[str, bytes | Path] = {"profile.json": msgspec.json.encode(self.profile)}
        files.update(_below("encoder", pack(self.encoder.save())))
        entries = []
        for trial, weight in zip(blend.trials, blend.weights, strict=True):
            folders = []
            fitted = [each.fold for each in trial.scores]
            folds = blend.refitted.get(trial.number) or (fitted[:1] if self.is_lean else shipped_folds(fitted, weight))
            for fold in folds:
                state = self.ledger.state_path(trial.number, fold)
                folder = f"models/{trial.number}/{state.name.rpartition('_')[2]}"
                folders.append(folder)
                files.update(_below(folder, {path.name: path for path in state.iterdir()}))
            entries.append(
                ModelEntry(
                    trial=trial.number, family=trial.family, params=trial.params, weight=weight, folders=tuple(folders)
                )
            )
        manifest = Manifest(
            format=FORMAT,
            version=__version__,
            task=self.ledger.task,
            models=tuple(entries),
            files={},
            temperature=after.temperature,
            threshold=after.threshold,
            score=score,
            n_train=len(self.ledger.y),
            created=time.time(),
            versions=versions(),
            pretrained=self.encoder.references,
        )
        write_bundle(self.run.path / MODEL, manifest, files, compress=compress)


def shipped_folds(folds: Sequence[int], weight: float) -> tuple[int, ...]:
    """Which of a trial's folds go into the model file: all of a heavy one's, of a light one's some, evenly spaced."""
    n = n_shipped(len(folds), weight)
    return tuple(folds[i * len(folds) // n] for i in range(n))


def _below(folder: str, files: Mapping[str, bytes | Path]) -> dict[str, bytes | Path]:
    return {f"{folder}/{name}": data for name, data in files.items()}


def wishes_missed(wishes: Wishes, model: Path, table: Table) -> Iterator[str]:
    """What the finished file is beyond, of the size and the time of a prediction that were asked for."""
    size = model.stat().st_size
    if wishes.max_size_mb is not None and size > wishes.max_size_mb * 1e6:
        yield f"the model file takes {format_bytes(size)}, more than --max-size {wishes.max_size_mb:g}MB"
    if wishes.max_latency_ms is not None:
        took = _milliseconds_of_a_row(model, table)
        if took > wishes.max_latency_ms:
            limit = f"--max-latency {wishes.max_latency_ms:g}ms"
            yield f"a prediction of one row takes {took:.1f} ms here, more than {limit}"


def _milliseconds_of_a_row(model: Path, table: Table) -> float:
    """The median of some predictions of one row, once the model is loaded."""
    loaded, row = load_model(model), table.take(np.array([0]))
    took = []
    for _ in range(_TIMED):
        began = time.perf_counter()
        loaded.predict_table(row)
        took.append(1000 * (time.perf_counter() - began))
    return float(np.median(took))


def versions() -> dict[str, str]:
    """Of Python, this package and those that models depend on."""
    found = {"python": platform.python_version(), "automl": __version__}
    for package in (*_PACKAGES, *_OPTIONAL):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            if package not in _OPTIONAL:
                found[package] = "not installed"
    return found
