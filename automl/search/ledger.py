"""The books of a search: every trial, its out-of-fold predictions, and where its fitted models lie."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from automl.metrics import row_losses
from automl.rundir import TRIALS, RunDir
from automl.search.objective import FoldResult, Material
from automl.thresholds import search_metric
from automl.trial import Score, Trial

Array = NDArray[Any]
ALL_ROWS = -1  # in the place of a fold: a model that learned from every row; below it, ones of other seeds


@dataclass(slots=True)
class OutOfFold:
    """Summed predictions of a trial over the repeats of a row, for the rows that any fold validates.

    Shape:
        total: (n_validated,) or (n_validated, n_classes); probabilities in single precision, for there are many trials.
        count: (n_validated,) folds in which the row was validated.
    """

    total: Array
    count: NDArray[np.uint16]

    def at(self, places: NDArray[np.intp]) -> NDArray[np.float64]:
        """Mean predictions of rows that were seen."""
        count, total = self.count[places], self.total[places].astype(np.float64)
        return np.asarray(total / (count if total.ndim == 1 else count[:, None]))


class Ledger:
    """Trials and their predictions, journaled in the run folder before they count."""

    def __init__(self, run: RunDir, material: Material) -> None:
        self.run = run
        self.task = material.task
        self.metric = search_metric(material.task)
        self.y = np.asarray(material.y)
        self.splits = material.splits
        self.trials: dict[int, Trial] = {}
        self._seen: dict[int, OutOfFold] = {}
        self.validated = np.zeros(len(self.y), dtype=bool)
        for split in material.splits:
            self.validated[split.valid] = True
        self._validated_rows = np.flatnonzero(self.validated)
        self._places = np.cumsum(self.validated) - 1

    def open_trial(self, trial: Trial) -> None:
        """Enter a trial that starts."""
        self.trials[trial.number] = trial

    def add_fold(self, number: int, fold: int, result: FoldResult) -> Trial:
        """Enter one fold's result: predictions to disk, then the journal, then the books."""
        np.save(self._oof_path(number, fold), result.prediction)
        trial = self.trials[number]
        told = {name: getattr(result, name) for name in Score.__struct_fields__ if name != "fold"}
        score = Score(fold=fold, **told)
        self._count(number, fold, result.prediction)
        scores = tuple(sorted((*trial.scores, score), key=lambda s: s.fold))
        state = "done" if len(scores) == len(self.splits) else trial.state
        rows = self.rows(number)
        value = self.metric(self.y[rows], self.prediction(number, rows))
        return self._enter(replace(trial, scores=scores, state=state, value=value))

    def end(self, number: int, state: str, reason: str) -> Trial:
        """Close a trial that was pruned, failed or skipped."""
        return self._enter(replace(self.trials[number], state=state, reason=reason))

    def _enter(self, trial: Trial) -> Trial:
        self.run.append(TRIALS, trial)
        self.trials[trial.number] = trial
        return trial

    def _count(self, number: int, fold: int, prediction: Array) -> None:
        if number not in self._seen:
            n_rows, kind = len(self._validated_rows), np.float32 if self.task.is_classification else np.float64
            total = np.zeros((n_rows, *prediction.shape[1:]), dtype=kind)
            self._seen[number] = OutOfFold(total, np.zeros(n_rows, dtype=np.uint16))
        book, places = self._seen[number], self._places[self.splits[fold].valid]
        book.total[places] += prediction
        book.count[places] += 1

    def rows(self, number: int) -> NDArray[np.intp]:
        """Rows a trial has predicted out of fold, sorted."""
        book = self._seen.get(number)
        return np.empty(0, dtype=np.intp) if book is None else self._validated_rows[book.count > 0]

    def prediction(self, number: int, rows: NDArray[np.intp]) -> Array:
        """A trial's mean out-of-fold predictions of rows it has seen."""
        return self._seen[number].at(self._places[rows])

    def losses(self, number: int, rows: NDArray[np.intp]) -> NDArray[np.float64]:
        """Row losses of a trial, for paired comparisons."""
        return row_losses(self.task.kind, self.y[rows], self.prediction(number, rows))

    def complete(self) -> list[Trial]:
        """Trials with every fold, baselines left out, best first."""
        done = [t for t in self.trials.values() if t.state == "done" and t.origin != "baseline" and t.value is not None]
        return sorted(done, key=lambda t: -self.metric.gain(t.value if t.value is not None else 0.0))

    def state_path(self, number: int, fold: int) -> Path:
        """Folder of a fold's fitted model, or of one of all rows."""
        return self.run.work / "fits" / f"{number}_{fold if fold >= 0 else f'all{ALL_ROWS - fold}'}"

    def _oof_path(self, number: int, fold: int) -> Path:
        return self.run.path / "oof" / f"{number}_{fold}.npy"

    def restore(self) -> None:
        """Enter what an earlier process of the same run journaled; folds whose files are not all there are dropped."""
        latest = {trial.number: trial for trial in self.run.journal(TRIALS, Trial)}
        for trial in latest.values():
            kept = tuple(
                s
                for s in trial.scores
                if self._oof_path(trial.number, s.fold).exists() and self.state_path(trial.number, s.fold).exists()
            )
            state = trial.state if trial.state != "done" or len(kept) == len(self.splits) else "running"
            for score in kept:
                self._count(trial.number, score.fold, np.load(self._oof_path(trial.number, score.fold)))
            self.trials[trial.number] = replace(trial, scores=kept, state=state)


def best_of_each(trials: Iterable[Trial], n: int, kept: Sequence[Trial] = ()) -> list[Trial]:
    """At most `n` trials of a list that is best first: those kept, every family's best, then the rest in order.

    Args:
        trials: Best first.
        n: Most trials.
        kept: Those of the last blend, heaviest first, which half of the places are for: better ones by themselves are
            not to drive out those that are better together.
    """
    ordered = list(trials)
    first: dict[str, Trial] = {}
    for trial in ordered:
        first.setdefault(trial.family, trial)
    held = {trial.number for trial in kept[: n // 2]}
    return sorted(ordered, key=lambda t: (t.number not in held, first[t.family] is not t))[: max(n, 1)]
