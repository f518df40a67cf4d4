"""The loop: jobs out, results in, the best model kept on disk."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from automl import registry
from automl.engines import Engine, JobResult
from automl.events import BestChanged, Foreseen, Progress, Sink, TrialEnded, TrialStarted
from automl.forecast import Forecast
from automl.plan import Plan
from automl.quantities import format_seconds
from automl.search.best import Blend, best_blend, same_members
from automl.search.budget import Clock
from automl.search.jobs import Assignment, fold_job
from automl.search.ledger import Ledger
from automl.search.outlook import forecast
from automl.search.patience import Patience
from automl.search.race import reason_to_stop
from automl.search.refit import seconds_to_hold
from automl.search.saving import Saver
from automl.search.schedule import Schedule
from automl.trial import Trial
from automl.typography import format_score

_FIRST_JOB = 1000
_TICK = 0.25
_RESTART_SECONDS = 4.0
_FAREWELL_SECONDS = 1.0
# Of this process's time, while workers may be waiting for it.
_SHARE_OF_BLENDING = 0.1


@dataclass(slots=True)
class _Flight:
    """By number: jobs on their way, when each is due at the latest, and results that wait for those of earlier jobs."""

    jobs: dict[int, Assignment] = field(default_factory=dict)
    due: dict[int, float] = field(default_factory=dict)
    early: dict[int, JobResult] = field(default_factory=dict)
    n_started: int = _FIRST_JOB

    def land(self, number: int) -> Assignment | None:
        """A job that is back, or is not waited for any longer; None if it is not on its way."""
        self.due.pop(number, None)
        return self.jobs.pop(number, None)

    def unknown_until(self, known: set[str]) -> float:
        """`time.monotonic()` at which the last job of a family that is not yet known is due; 0 if there is none."""
        due = (self.due[number] for number, assignment in self.jobs.items() if assignment.trial.family not in known)
        return max(due, default=0.0)


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
        self._clock, self._sink, self._stop = clock, sink, stop
        self._flight = _Flight()
        self._patience = Patience(clock.seconds)
        self._saver = Saver(save, clock.seconds)
        self._is_behind, self._due = False, 0.0
        self.best: Blend | None = None
        self.forecast: Forecast | None = None

    def run(self) -> str:
        """Search until the time is out, the gain is below the noise, or there is nothing left; says which."""
        reason = ""
        try:
            while not reason:
                self._fill()
                if not self._flight.jobs:
                    reason = self._schedule.why_none
                    break
                self._receive(self._engine.wait(min(_TICK, self._clock.search_left)))
                if self._is_behind and time.monotonic() >= self._due:
                    self._update_best()
                self._saver.catch_up()
                self._sink(self._progress())
                reason = self._reason_to_end()
            self._abandon()
            for untried in () if self._schedule.is_full else self._schedule.offers.untried():
                self._sink(TrialEnded(untried))
            if self._is_behind or not self._ledger.complete():
                self._update_best()
            if not self._stop():
                self._foresee()
        finally:
            self._saver.close()
        self._saver.result()
        return reason

    def _fill(self) -> None:
        while len(self._flight.jobs) < self._plan.n_workers:
            assignment = self._schedule.next(partial(_is_ready, self._plan, self._engine))
            for skipped in self._schedule.offers.skipped():
                self._sink(TrialEnded(skipped))
            if assignment is None:
                return
            self._submit(assignment)

    def _submit(self, assignment: Assignment) -> None:
        number, trial = self._flight.n_started, assignment.trial
        self._flight.n_started += 1
        self._flight.jobs[number] = assignment
        self._flight.due[number] = time.monotonic() + assignment.seconds
        if not trial.scores:
            self._sink(TrialStarted(trial.number, trial.family))
        left = self._clock.search_left
        self._engine.submit(fold_job(self._plan, self._ledger, assignment, number=number, left=left))

    def _receive(self, results: list[JobResult]) -> None:
        """Enter results and start what follows: all there are, or, where it is not to hang on the clock, in turn."""
        if not self._plan.wishes.deterministic:
            for result in results:
                self._is_behind |= self._take(result)
            self._fill()
            return
        flight = self._flight
        flight.early |= {result.number: result for result in results}
        while flight.jobs and (first := min(flight.jobs)) in flight.early:
            self._is_behind |= self._take(flight.early.pop(first))
            self._fill()

    def _take(self, result: JobResult) -> bool:
        """Enter a result; whether the best model may have changed."""
        assignment = self._flight.land(result.number)
        if assignment is None:
            return False
        if assignment.share < 1.0:
            self._schedule.curve.take(assignment, result)
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
                self._flight.land(job)
                if mean_seconds > _RESTART_SECONDS:
                    self._engine.cancel(job)
        self._sink(TrialEnded(trial))

    def _update_best(self) -> None:
        began = time.monotonic()
        # The clock decides how many blends there were before.
        last = None if self._plan.wishes.deterministic else self.best
        blend = best_blend(self._ledger, self._plan.max_models, self._plan.task.seed, last=last)
        self._is_behind = False
        self._due = time.monotonic() + (1 / _SHARE_OF_BLENDING - 1) * (time.monotonic() - began)
        if blend is None or same_members(self.best, blend):
            return
        self.best = blend
        # What tells what a family can do is let come to its end, whatever time refits would take.
        first = self._flight.unknown_until({trial.family for trial in self._ledger.complete()})
        held = seconds_to_hold(self._plan, self._ledger, blend, self._clock)
        self._clock.held = max(0.0, min(held, self._clock.refit_deadline - first))
        if self._ledger.complete():
            self._patience.note(self._ledger, blend)
            self._schedule.note_best(blend)
        saved = self._saver.offer(blend)
        self._sink(BestChanged(blend.value, blend.error, blend.by_family(), saved, len(blend.trials[0].scores)))

    def _progress(self) -> Progress:
        n_done = sum(trial.state != "running" for trial in self._ledger.trials.values())
        return Progress(self._clock.elapsed, self._clock.seconds, n_done, len(self._flight.jobs))

    def _reason_to_end(self) -> str:
        if self._stop():
            return "stopped by the user"
        if self._clock.search_left <= 0:
            return "the time limit was reached"
        if self._plan.wishes.deterministic:
            return ""
        if not self._schedule.every_family_tried:
            self._patience.renew()
            return ""
        if self.forecast is None and (foreseen := self._foresee()) is not None:
            self._sink(Foreseen(foreseen))
        patience = self._patience
        if not patience.is_out() or patience.awaits(self._ledger) or self._schedule.hasten(patience.awaited()):
            return ""
        return self._not_worth_it()

    def _not_worth_it(self) -> str:
        """Why the time that is left is not searched on in; empty where it is."""
        foreseen = self._foresee()
        noise = self.best.error if self.best is not None else 0.0
        if foreseen is not None and self._patience.is_worth(foreseen.to_limit, noise):
            self._patience.renew()
            return ""
        return _less_than_noise(foreseen, noise, self._clock.search_left)

    def _foresee(self) -> Forecast | None:
        """Look ahead anew; None while there is too little to go by."""
        if self.best is not None:
            gain_of_rows = self._schedule.curve.gain_of_twice()
            self.forecast = forecast(self._ledger, self.best, self._clock, self._plan.max_models, gain_of_rows)
        return self.forecast

    def _abandon(self) -> None:
        """Let jobs that are about to end come back, so that their workers are warm for what follows; stop the rest."""
        for result in self._flight.early.values():
            self._is_behind |= self._take(result)
        until = time.monotonic() + _FAREWELL_SECONDS
        while self._flight.jobs and time.monotonic() < until and not self._stop():
            for result in self._engine.wait(until - time.monotonic()):
                self._is_behind |= self._take(result)
        for number in self._flight.jobs:
            self._engine.cancel(number)
        self._flight.jobs.clear()
        unfinished = [trial.number for trial in self._ledger.trials.values() if trial.state == "running"]
        for number in unfinished if not self._stop() else ():
            self._sink(TrialEnded(self._ledger.end(number, "skipped", "the search ended before its last fold")))


def _less_than_noise(foreseen: Forecast | None, noise: float, seconds: float) -> str:
    if foreseen is None:
        return "more time would gain less than the noise"
    gain = (
        f"about {format_score(foreseen.to_limit, digits=1)}" if foreseen.to_limit > 0.01 * noise else "next to nothing"
    )
    error = format_score(noise, digits=1)
    return f"more time would gain less than the noise: {format_seconds(seconds)} more {gain}, the score is ± {error}"


def _is_ready(plan: Plan, engine: Engine, family: str) -> bool:
    """Whether what a family's fits load is there; where trials are counted they are always the same ones."""
    return plan.wishes.n_trials is not None or engine.is_ready(registry.family(family).modules)
