"""The loop: jobs out, results in, the best model kept on disk."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from automl.engines import Engine, JobResult
from automl.events import BestChanged, Progress, Sink, TrialEnded, TrialStarted
from automl.plan import Plan
from automl.search.best import Blend, best_blend, improvement, same_members
from automl.search.budget import Clock
from automl.search.jobs import fold_job
from automl.search.ledger import Ledger
from automl.search.race import reason_to_stop
from automl.search.refit import seconds_to_hold
from automl.search.schedule import Assignment, Schedule
from automl.trial import Trial

_FIRST_JOB = 1000
_TICK = 0.25
_SAVE_EVERY = 5.0
_RESTART_SECONDS = 4.0
_FAREWELL_SECONDS = 1.0
_PATIENCE_SECONDS = 5.0
_PATIENCE_SHARE = 0.2
_PATIENCE_BUDGET = 0.05
_PATIENCE_TRIALS = 8
_PATIENCE_OF_THE_BEST = 3


@dataclass(slots=True)
class _Flight:
    """Jobs on their way, by number."""

    jobs: dict[int, Assignment] = field(default_factory=dict)
    n_started: int = _FIRST_JOB


@dataclass(slots=True)
class _Patience:
    """When the best model last improved by more than the noise.

    Attributes:
        budget: Seconds of the whole command.
        best: The blend that the next ones are held against.
    """

    budget: float
    best: Blend | None = None
    since: float = field(default_factory=time.monotonic)
    began: float = field(default_factory=time.monotonic)
    n_trials: int = 0
    n_of_the_best: int = 0

    def note(self, ledger: Ledger, blend: Blend) -> None:
        """Take note of a blend; better by a quarter of the standard error of the difference is better."""
        if self.best is not None:
            gain, error = improvement(ledger, self.best, blend)
            if gain <= 0.25 * error:
                return
        self.best, self.since, self.n_trials, self.n_of_the_best = blend, time.monotonic(), 0, 0

    def count(self, trial: Trial) -> None:
        """Take note of a trial that came to its end."""
        self.n_trials += 1
        self.n_of_the_best += self.best is not None and trial.family in dict(self.best.by_family())

    def is_out(self) -> bool:
        """Whether nothing has come of enough time and enough trials, some of them of families that are in the blend."""
        now = time.monotonic()
        enough = max(_PATIENCE_SECONDS, _PATIENCE_SHARE * (now - self.began), _PATIENCE_BUDGET * self.budget)
        is_tried = self.n_trials >= _PATIENCE_TRIALS and self.n_of_the_best >= _PATIENCE_OF_THE_BEST
        return is_tried and now - self.since > enough


class Search:
    """One search over a plan's candidates.

    Args:
        plan: What to try, and on which terms.
        ledger: The books, filled as results come.
        schedule: What runs next.
        engine: Where jobs run.
        clock: The time.
        sink: Takes events.
        save: Writes the model file for a blend; called from a thread, never twice at a time.
        stop: Becomes true when the user wants the search to end.
    """

    def __init__(
        self,
        plan: Plan,
        ledger: Ledger,
        schedule: Schedule,
        engine: Engine,
        clock: Clock,
        sink: Sink,
        save: Callable[[Blend], None],
        stop: Callable[[], bool],
    ) -> None:
        self._plan, self._ledger, self._schedule, self._engine = plan, ledger, schedule, engine
        self._clock, self._sink, self._save, self._stop = clock, sink, save, stop
        self._flight = _Flight()
        self._patience = _Patience(clock.seconds)
        self._saver = ThreadPoolExecutor(1, thread_name_prefix="save")
        self._saving: Future[None] | None = None
        self._saved_at = float("-inf")
        self.best: Blend | None = None

    def run(self) -> str:
        """Search until the time is out, the gain is below the noise, or there is nothing left; says which."""
        reason = ""
        try:
            while not reason:
                self._fill()
                if not self._flight.jobs:
                    reason = self._nothing_left()
                    break
                results = self._engine.wait(min(_TICK, self._clock.search_left))
                ended = [self._take(result) for result in results]
                self._fill()
                if any(ended):
                    self._update_best()
                self._sink(self._progress())
                reason = self._reason_to_end()
            self._abandon()
            if not self._ledger.complete():
                self._update_best()
        finally:
            self._saver.shutdown(wait=True)
        if self._saving is not None:
            self._saving.result()
        return reason

    def _fill(self) -> None:
        while len(self._flight.jobs) < self._plan.n_workers and not self._out_of_trials():
            assignment = self._schedule.next()
            for skipped in self._schedule.take_skipped():
                self._sink(TrialEnded(skipped))
            if assignment is None:
                return
            self._submit(assignment)

    def _out_of_trials(self) -> bool:
        limit = self._plan.wishes.n_trials
        started = [t for t in self._ledger.trials.values() if t.origin != "baseline" and t.state != "skipped"]
        return limit is not None and len(started) >= limit and not any(t.state == "running" for t in started)

    def _submit(self, assignment: Assignment) -> None:
        number, trial = self._flight.n_started, assignment.trial
        self._flight.n_started += 1
        self._flight.jobs[number] = assignment
        if not trial.scores:
            self._sink(TrialStarted(trial.number, trial.family))
        left = self._clock.search_left
        self._engine.submit(
            fold_job(
                self._plan,
                self._ledger,
                trial,
                assignment.fold,
                number=number,
                seconds=assignment.seconds,
                left=left,
            )
        )

    def _take(self, result: JobResult) -> bool:
        """Enter a result; whether the best model may have changed."""
        assignment = self._flight.jobs.pop(result.number, None)
        if assignment is None:
            return False
        number, fold = assignment.trial.number, assignment.fold
        if result.outcome != "done":
            state = "skipped" if result.outcome == "unsuitable" else "failed"
            self._close(self._ledger.end(number, state, result.message))
            return False
        trial = self._ledger.add_fold(number, fold, result.value)
        self._schedule.fold_ended(trial, fold, result.value.seconds)
        if trial.state == "done":
            self._patience.count(trial)
            self._sink(TrialEnded(trial))
            return True
        reason = reason_to_stop(self._ledger, trial, self._plan.max_models) if trial.origin != "baseline" else ""
        if reason:
            self._patience.count(trial)
            self._close(self._ledger.end(number, "pruned", reason))
        return self.best is None

    def _close(self, trial: Trial) -> None:
        """No more of a trial: a running fold that is longer than a worker's restart is cancelled, the end is told."""
        folds = self._schedule.close(trial)
        mean_seconds = trial.seconds / max(len(trial.scores), 1)
        for job, assignment in list(self._flight.jobs.items()):
            if assignment.trial.number == trial.number and assignment.fold in folds:
                del self._flight.jobs[job]
                if mean_seconds > _RESTART_SECONDS:
                    self._engine.cancel(job)
        self._sink(TrialEnded(trial))

    def _update_best(self) -> None:
        blend = best_blend(self._ledger, self._plan.max_models, self._plan.task.seed)
        if blend is None or same_members(self.best, blend):
            return
        self.best = blend
        self._clock.held = seconds_to_hold(self._plan, self._ledger, blend, self._clock)
        if self._ledger.complete():
            self._patience.note(self._ledger, blend)
        saved = self._save_now_and_then(blend)
        self._sink(BestChanged(blend.value, blend.error, blend.by_family(), saved, len(blend.trials[0].scores)))

    def _save_now_and_then(self, blend: Blend) -> bool:
        """Start writing the model file unless that was done a moment ago or is still going on."""
        if self._saving is not None and not self._saving.done():
            return False
        if time.monotonic() - self._saved_at < max(_SAVE_EVERY, 0.05 * self._clock.seconds):
            return False
        if self._saving is not None:
            self._saving.result()
        self._saved_at = time.monotonic()
        self._saving = self._saver.submit(self._save, blend)
        return True

    def _progress(self) -> Progress:
        n_done = sum(trial.state != "running" for trial in self._ledger.trials.values())
        return Progress(self._clock.elapsed, self._clock.seconds, n_done, len(self._flight.jobs))

    def _reason_to_end(self) -> str:
        if self._stop():
            return "stopped by the user"
        if self._clock.search_left <= 0:
            return "the time limit was reached"
        if self._schedule.every_family_tried and self._patience.is_out():
            return "more time would gain less than the noise"
        return ""

    def _nothing_left(self) -> str:
        if self._out_of_trials():
            return f"{self._plan.wishes.n_trials} trials were asked for"
        return "nothing more fits into the time left"

    def _abandon(self) -> None:
        """Let jobs that are about to end come back, so that their workers are warm for what follows; stop the rest."""
        until = time.monotonic() + _FAREWELL_SECONDS
        while self._flight.jobs and time.monotonic() < until and not self._stop():
            for result in self._engine.wait(until - time.monotonic()):
                if self._take(result):
                    self._update_best()
        for number, assignment in self._flight.jobs.items():
            self._engine.cancel(number)
            trial = self._ledger.trials[assignment.trial.number]
            if trial.state == "running" and not self._stop():
                self._sink(
                    TrialEnded(self._ledger.end(trial.number, "skipped", "the search ended before its last fold"))
                )
        self._flight.jobs.clear()
