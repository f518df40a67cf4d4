"""Progress as lines, for logs: one an event, with the time of day, no colour, no bars."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from automl.events import BestChanged, Decided, Event, Foreseen, Planned, Profiled, StageDone, TrialEnded, Warned
from automl.profile import Profile
from automl.quantities import format_seconds
from automl.typography import counted, format_score, printable
from automl.words import scheme


class LogLines:
    """A sink that writes lines to stderr.

    Args:
        verbose: Every stage and every trial, not only what moves the result.
        stop: Whether the user has asked the run to stop.
    """

    def __init__(self, *, verbose: bool, stop: Callable[[], bool] = lambda: False) -> None:
        self._verbose = verbose
        self._stop = stop
        self._is_stopping = False
        self._metric, self._n_folds, self._told = "", 0, ""
        self._last_trial: int | None = None
        self._seconds = 0.0

    def __call__(self, event: Event) -> None:
        """Write what there is to say of the event."""
        now = time.strftime("%H:%M:%S")
        texts = self._texts(event)
        if self._stop() and not self._is_stopping:
            self._is_stopping = True
            texts = ["stopping, with the best model so far", *texts]
        for text in texts:
            sys.stderr.write(f"{now} {printable(text)}\n")
        sys.stderr.flush()

    def _texts(self, event: Event) -> list[str]:
        texts: list[str] = []
        match event:
            case StageDone():
                texts = self._stage(event)
            case Profiled():
                texts = self._profiled(event.profile)
            case Planned():
                texts = [self._planned(event)]
            case TrialEnded():
                texts = self._trial(event)
            case BestChanged():
                texts = self._best(event)
            case Foreseen():
                told = event.forecast
                texts = [f"forecast {self._metric} {format_score(told.value, digits=4)} at the time limit"]
            case Warned():
                texts = [f"warning {event.message}"]
            case Decided():
                texts = [f"verdict {event.verdict.sentence}"]
        return texts

    def _stage(self, event: StageDone) -> list[str]:
        self._seconds += event.seconds if event.stage in ("read", "profile") else 0.0
        if not self._verbose and event.stage in ("read", "profile", "decide", "encode"):
            return []
        return [" ".join(part for part in (event.stage, event.detail, f"{event.seconds:.1f} s") if part)]

    def _profiled(self, profile: Profile) -> list[str]:
        size = f"{counted(profile.n_rows, 'row')} {counted(len(profile.columns), 'column')}".replace(",", "")
        grave = [finding for finding in profile.findings if finding.severity != "info" or self._verbose]
        read = f"read {profile.source} {size} {self._seconds:.1f} s"
        return [read, *(f"finding {finding.code} {finding.title}: {finding.evidence}" for finding in grave)]

    def _planned(self, event: Planned) -> str:
        plan = event.plan
        self._metric = plan.task.metric
        self._n_folds = plan.validation.n_fits
        budget = format_seconds(plan.wishes.seconds)
        return f"plan {counted(len(plan.candidates), 'family', 'families')}, {scheme(plan.validation)}, {budget}"

    def _trial(self, event: TrialEnded) -> list[str]:
        trial = event.trial
        self._last_trial = trial.number
        if trial.state in ("failed", "skipped"):
            return [f"{trial.state} {trial.family} (trial {trial.number}): {trial.reason.partition(chr(10))[0]}"]
        if not self._verbose:
            return []
        value = "" if trial.value is None else f" {self._metric} {format_score(trial.value, digits=4)}"
        return [f"{trial.state} {trial.family}{value} (trial {trial.number}, {trial.seconds:.1f} s)"]

    def _best(self, event: BestChanged) -> list[str]:
        """A line where what it says is news."""
        single = len(event.members) == 1
        what = event.members[0][0] if single else f"blend of {len(event.members)}"
        seen = f" on {event.n_folds} of {counted(self._n_folds, 'fold')}" if event.n_folds < self._n_folds else ""
        best = f"best {what} {self._metric} {format_score(event.value, digits=4)}{seen}"
        if best == self._told and not self._verbose:
            return []
        self._told = best
        trial = f" (trial {self._last_trial})" if self._last_trial is not None else ""
        return [best + trial]
