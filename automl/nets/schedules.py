"""How learning rate, weight decay and dropout go over a training, and how a training is paced to its deadline."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

Schedule = Callable[[float], float]

_RISE = 0.3


def constant(progress: float) -> float:  # noqa: ARG001 - one signature for all schedules
    """1 throughout."""
    return 1.0


def coslog4(progress: float) -> float:
    """Four cosine cycles, each twice as long as the one before; arXiv 2407.04491, section 3."""
    return 0.5 * (1 - math.cos(2 * math.pi * math.log2(1 + 15 * progress)))


def flat_cos(progress: float) -> float:
    """1 for the first half, then a cosine down to 0; arXiv 2407.04491, section 3."""
    return 0.5 * (1 + math.cos(math.pi * max(0.0, 2 * progress - 1)))


def one_cycle(progress: float) -> float:
    """From 1/25 up to 1 in the first three tenths, then a cosine down to 0.

    Source: arXiv 1708.07120, as in `torch.optim.lr_scheduler.OneCycleLR`, but that momentum is left alone.
    """
    if progress < _RISE:
        return 1 - 0.96 * 0.5 * (1 + math.cos(math.pi * progress / _RISE))
    return 0.5 * (1 + math.cos(math.pi * (progress - _RISE) / (1 - _RISE)))


SCHEDULES: dict[str, Schedule] = {f.__name__: f for f in (constant, coslog4, flat_cos, one_cycle)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How a net is trained.

    Attributes:
        n_epochs: Passes over the rows that the schedules are laid out for.
        batch_size: Rows a step.
        lr: Peak learning rate, times the factor of each parameter group.
        decay: Decoupled weight decay, likewise.
        beta2: Decay of second moments in Adam.
        lr_schedule, decay_schedule, dropout_schedule: Names in `SCHEDULES`.
        patience: Rounds without improvement before stopping; None for never.
        clip: Largest norm of gradients; None for no clipping.
        stop_epoch: Epoch to stop after, the schedules unchanged (a refit without validation rows).
        bfloat16: Whether a CPU that can is to compute in bfloat16, in which convolutions take half the time.
    """

    n_epochs: int
    lr: float
    batch_size: int = 256
    decay: float = 0.0
    beta2: float = 0.999
    lr_schedule: str = "constant"
    decay_schedule: str = "constant"
    dropout_schedule: str = "constant"
    patience: int | None = None
    clip: float | None = None
    stop_epoch: int | None = None
    bfloat16: bool = False


class Pace:
    """How far along its schedules a training is, and how fast it must go to end before the deadline.

    Progress runs from 0 to 1. When the measured seconds of a step say that the rest will not fit, each further step
    covers more of the schedules, so that they complete in fewer epochs instead of being cut.

    Args:
        n_steps: Steps of the whole schedule.
        until: Progress at which to stop.
        deadline: On the clock that `advance` is told.
        round_steps: Steps between two validations.
        validation_steps: Steps that a validation is thought to take, until one has been timed.
    """

    _WARM_UP = 3
    _SAFETY = 1.1

    def __init__(
        self, n_steps: int, until: float, deadline: float, round_steps: int, validation_steps: float = 0.0
    ) -> None:
        self.progress = 0.0
        self.until = until
        self.deadline = deadline
        self.round_steps = round_steps
        self.n_steps = 0
        self._validation_steps = validation_steps
        self._validation_seconds: float | None = None
        self._asked_rate = self._rate = 1.0 / n_steps
        self._last: float | None = None
        self._seconds = 0.0
        self._n_timed = 0

    @property
    def step_seconds(self) -> float:
        """Mean seconds of a step so far; 0 before it is known."""
        return self._seconds / self._n_timed if self._n_timed else 0.0

    @property
    def validation_seconds(self) -> float:
        """What a validation takes."""
        guess = self._validation_steps * self.step_seconds
        return guess if self._validation_seconds is None else self._validation_seconds

    @property
    def done(self) -> bool:
        """Whether the schedule has come to its end."""
        return self.progress >= self.until - 1e-9

    @property
    def shortened(self) -> bool:
        """Whether the progress made took fewer steps than asked."""
        return self.n_steps * self._asked_rate < 0.99 * self.progress

    def start(self, now: float) -> None:
        """A step begins."""
        self._last = now

    def advance(self, now: float) -> None:
        """A step has ended at `now`."""
        self.n_steps += 1
        self.progress = min(1.0, self.progress + self._rate)
        if self._last is not None and self.n_steps > self._WARM_UP:
            self._seconds += now - self._last
            self._n_timed += 1
        if self._n_timed:
            self._fit_into(self.deadline - now)

    def validated(self, seconds: float) -> None:
        """A validation took so long."""
        self._validation_seconds = seconds

    def late(self, now: float) -> bool:
        """Whether there is time for no more than a last validation."""
        return now + self._SAFETY * (self.step_seconds + self.validation_seconds) >= self.deadline

    def _fit_into(self, seconds: float) -> None:
        each = self.step_seconds + self.validation_seconds / self.round_steps
        spare = seconds / self._SAFETY - self.validation_seconds - self.step_seconds
        affordable = spare / each if each else math.inf
        self._rate = max(self._asked_rate, (self.until - self.progress) / max(affordable, 1.0))
