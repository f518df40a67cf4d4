"""What runs next: open trials first, then good defaults, then tuning where the budget earns most."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from msgspec.structs import replace

from automl.plan import Plan
from automl.profile import Profile
from automl.search.best import Blend
from automl.search.budget import Clock
from automl.search.curve import RowsCurve
from automl.search.jobs import Assignment
from automl.search.ledger import Ledger
from automl.search.offers import Offers
from automl.search.prices import Prices
from automl.search.turns import Turns
from automl.trial import Trial


@dataclass(slots=True)
class _Open:
    """A trial with folds to run."""

    number: int
    waiting: deque[int]
    held: bool = True
    running: set[int] = field(default_factory=set)


class Schedule:
    """Decides what the next free worker does.

    Args:
        plan: The decision: candidates, shares, folds.
        profile: For cost models and spaces.
        ledger: The books.
        clock: The time.

    Attributes:
        offers: The trials that are to be had.
        curve: The learning curve over rows, measured once some trials are complete.
    """

    def __init__(self, plan: Plan, profile: Profile, ledger: Ledger, clock: Clock) -> None:
        self._plan, self._ledger = plan, ledger
        self._families = {candidate.family for candidate in plan.candidates}
        self._open: dict[int, _Open] = {}
        self._prices = Prices(plan, profile, clock)
        self._turns = Turns(plan, profile, ledger, self._prices)
        self.offers = Offers(plan, profile, ledger, self._prices)
        self.curve = RowsCurve(plan, ledger, clock)
        self._hastened: set[str] = set()

    def next(self, is_ready: Callable[[str], bool] = lambda _: True) -> Assignment | None:
        """The next fold to run, or None if nothing fits into what is left.

        Args:
            is_ready: Whether a fit of this family could start at once; defaults that could not wait for those that can.
        """
        for book in self._open.values():
            if book.waiting and not book.held and self._prices.can_begin(self._ledger.trials[book.number]):
                return self._assign(book)
        point = None if self.is_full else self.curve.next()
        if point is not None:
            return point
        trial = self._next_trial(is_ready)
        if trial is None:
            return None
        self._ledger.open_trial(trial)
        book = _Open(trial.number, deque(range(len(self._ledger.splits))))
        self._open[trial.number] = book
        return self._assign(book)

    def fold_ended(self, trial: Trial, fold: int, seconds: float) -> None:
        """A fold came back; its trial's other folds may start (unless it is closed next)."""
        self._prices.note(trial, seconds)
        book = self._open.get(trial.number)
        if book is not None:
            book.running.discard(fold)
            book.held = False
            if not book.waiting and not book.running:
                self.close(trial)

    def close(self, trial: Trial) -> set[int]:
        """No more folds of this trial; the folds still running, to be cancelled. Its gain is told to the sampler."""
        book = self._open.pop(trial.number, None)
        self.offers.tell(trial)
        return book.running if book is not None else set()

    @property
    def is_full(self) -> bool:
        """Whether as many trials have begun as the user wants; baselines and those passed over do not count."""
        limit = self._plan.wishes.n_trials
        begun = [t for t in self._ledger.trials.values() if t.origin != "baseline" and t.state != "skipped"]
        return limit is not None and len(begun) >= limit

    @property
    def why_none(self) -> str:
        """Why there is nothing to run next."""
        return (
            f"{self._plan.wishes.n_trials} trials were asked for"
            if self.is_full
            else "nothing more fits into the time left"
        )

    @property
    def every_family_tried(self) -> bool:
        """Whether every candidate has a trial that came to its end, or was passed over."""
        ended = {trial.family for trial in self._ledger.trials.values() if trial.state != "running"}
        return ended >= self._families

    def note_best(self, blend: Blend) -> None:
        """Let the families of the best blend have the turns that they have earned."""
        if not self._plan.wishes.deterministic:
            self._turns.earned = dict(blend.by_family())

    def hasten(self, families: set[str]) -> bool:
        """Let each of these that has no running trial have the next one; whether one of them runs or is to come."""
        running = families & {self._ledger.trials[number].family for number in self._open}
        self._hastened = {family for family in families - running if self.offers.has(family)}
        return bool(running or self._hastened)

    def resume(self) -> None:
        """Take over an earlier process's trials: tried defaults are not tried again, unfinished ones go on."""
        self.offers.resume()
        for trial in list(self._ledger.trials.values()):
            if trial.state == "running":
                done = {score.fold for score in trial.scores}
                waiting = deque(i for i in range(len(self._ledger.splits)) if i not in done)
                # The sampler that asked for it is gone, so that it is not to be told.
                unasked = replace(trial, origin="portfolio") if trial.origin == "search" else trial
                self._ledger.open_trial(unasked)
                self._open[trial.number] = _Open(trial.number, waiting, held=False)

    def _assign(self, book: _Open) -> Assignment:
        fold = book.waiting.popleft()
        book.running.add(fold)
        trial = self._ledger.trials[book.number]
        return Assignment(trial, fold, self._prices.limit(trial, len(self._ledger.splits)))

    def _next_trial(self, is_ready: Callable[[str], bool]) -> Trial | None:
        offers, is_full = self.offers, self.is_full
        while self._hastened and not is_full:
            trial = offers.take(self._hastened.pop())
            if trial is not None:
                return trial
        while (family := self._turns.next_default(offers.defaults, is_ready, only_baselines=is_full)) is not None:
            trial = offers.take_default(family)
            if trial is not None:
                return trial
        for family in () if is_full else self._turns.by_claim(offers.defaults):
            trial = offers.take(family)
            if trial is not None:
                return trial
        return None
