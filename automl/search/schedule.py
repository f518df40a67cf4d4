"""What runs next: open trials first, then good defaults, then tuning where the budget earns most."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from msgspec.structs import replace

from automl import registry
from automl.plan import Plan
from automl.profile import Profile
from automl.search.budget import Clock
from automl.search.curve import RowsCurve
from automl.search.jobs import Assignment
from automl.search.ledger import Ledger
from automl.search.prices import Prices
from automl.search.studies import Studies
from automl.search.turns import Turns, origin_of
from automl.space import Params
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
        curve: The learning curve over rows, measured once some trials are complete.
    """

    def __init__(self, plan: Plan, profile: Profile, ledger: Ledger, clock: Clock) -> None:
        self._plan, self._profile, self._ledger, self._clock = plan, profile, ledger, clock
        self._candidates = {c.family: c for c in plan.candidates}
        self._defaults = {c.family: deque(dict(params) for params in c.portfolio) for c in plan.candidates}
        self._open: dict[int, _Open] = {}
        self._prices = Prices(plan, profile, clock)
        self._turns = Turns(plan, profile, ledger, self._prices)
        self.curve = RowsCurve(plan, ledger, clock)
        self._studies = Studies(plan, profile, ledger)
        self._hastened: set[str] = set()
        self._skipped: list[Trial] = []

    def next(self, is_ready: Callable[[str], bool] = lambda _: True) -> Assignment | None:
        """The next fold to run, or None if nothing fits into what is left.

        Args:
            is_ready: Whether a fit of this family could start at once; defaults that could not wait for those that can.
        """
        for book in self._open.values():
            if book.waiting and not book.held:
                return self._assign(book)
        point = None if self.is_full else self.curve.next()
        if point is not None:
            return point
        trial = self._next_trial(is_ready)
        if trial is None:
            return None
        self._ledger.open_trial(trial)
        book = _Open(trial.number, deque(i for i in range(len(self._ledger.splits))))
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
        self._studies.tell(trial)
        return book.running if book is not None else set()

    def take_skipped(self) -> list[Trial]:
        """Defaults that were passed over since the last call, with the reason."""
        skipped, self._skipped = self._skipped, []
        return skipped

    def take_untried(self) -> list[Trial]:
        """The first defaults of families whose turn has not come, passed over for good."""
        tried = {trial.family for trial in self._ledger.trials.values()}
        for family, waiting in self._defaults.items():
            if waiting and family not in tried:
                self._pass_over(family, waiting.popleft(), "the search ended before its turn")
        return self.take_skipped()

    @property
    def is_full(self) -> bool:
        """Whether as many trials have begun as the user wants; baselines and those passed over do not count."""
        limit = self._plan.wishes.n_trials
        begun = [t for t in self._ledger.trials.values() if t.origin != "baseline" and t.state != "skipped"]
        return limit is not None and len(begun) >= limit

    def goes_on(self, family: str) -> bool:
        """Whether a trial of the family runs, or another of them is to be had and there is time for it."""
        waiting = self._defaults[family]
        params = waiting[0] if waiting else self._candidates[family].portfolio[0]
        has_more = bool(waiting or registry.family(family).space(self._profile))
        return self._runs(family) or (has_more and not self._no_time(family, params))

    def hasten(self, families: set[str]) -> None:
        """Let these have a trial before any other family has one, unless they have one that runs."""
        self._hastened = {family for family in families if not self._runs(family)}

    @property
    def every_family_tried(self) -> bool:
        """Whether every candidate has a trial that came to its end, or was passed over."""
        ended = {trial.family for trial in self._ledger.trials.values() if trial.state != "running"}
        return ended >= set(self._candidates)

    def resume(self) -> None:
        """Take over an earlier process's trials: tried defaults are not tried again, unfinished ones go on."""
        tried = {(t.family, repr(sorted(t.params.items()))) for t in self._ledger.trials.values()}
        for family, defaults in self._defaults.items():
            left = [params for params in defaults if (family, repr(sorted(params.items()))) not in tried]
            self._defaults[family] = deque(left)
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
        while self._hastened and not self.is_full:
            trial = self._another(self._hastened.pop())
            if trial is not None:
                return trial
        while (family := self._turns.next_default(self._defaults, is_ready, only_baselines=self.is_full)) is not None:
            trial = self._offered(family)
            if trial is not None:
                return trial
        for family in () if self.is_full else self._turns.by_claim(self._defaults):
            trial = self._another(family)
            if trial is not None:
                return trial
        return None

    def _another(self, family: str) -> Trial | None:
        return self._offered(family) if self._defaults[family] else self._tuned(family)

    def _runs(self, family: str) -> bool:
        return any(self._ledger.trials[number].family == family for number in self._open)

    def _offered(self, family: str) -> Trial | None:
        """The family's next default that there is time for; None, which is noted of the quickest, if there is none."""
        waiting = self._defaults[family]
        for params in waiting:
            if not self._no_time(family, params):
                waiting.remove(params)
                return Trial(number=_number(self._ledger), family=family, params=params, origin=origin_of(family))
        quickest = min(waiting, key=lambda params: self._prices.price(family, params))
        others = f", the quickest of {len(waiting)} defaults" if len(waiting) > 1 else ""
        waiting.clear()
        self._pass_over(family, quickest, self._no_time(family, quickest) + others)
        return None

    def _no_time(self, family: str, params: Params) -> str:
        """Why there is no time for a trial; empty if there is."""
        begun = {trial.family for trial in self._ledger.trials.values() if trial.state != "skipped"}
        return self._prices.no_time(family, params, len(self._ledger.splits), is_first=family not in begun)

    def _pass_over(self, family: str, params: Params, reason: str) -> None:
        number, origin = _number(self._ledger), origin_of(family)
        skipped = Trial(number=number, family=family, params=params, origin=origin, state="skipped", reason=reason)
        self._ledger.open_trial(skipped)
        self._skipped.append(skipped)

    def _tuned(self, family: str) -> Trial | None:
        if self._no_time(family, self._candidates[family].portfolio[0]):
            return None
        number = _number(self._ledger)
        return Trial(number=number, family=family, params=self._studies.ask(family, number), origin="search")


def _number(ledger: Ledger) -> int:
    return max(ledger.trials, default=-1) + 1
