"""What fits cost on this machine: the families' cost models, the speed of a core, and what past runs really took."""

from __future__ import annotations

import json
import math
from pathlib import Path

import msgspec

from automl.family import Family
from automl.hardware import cache_folder, machine_key, write_atomically
from automl.models.building import takes_scores
from automl.models.text_cost import cost_of_scores
from automl.plan import Cost, Hardware, Wishes
from automl.profile import Profile
from automl.space import Params

# A cost model nobody has checked on this machine is taken to be right within a factor of two (one deviation).
_PRIOR_SPREAD = math.log(2.0)
_PRIOR_COUNT = 3.0
_MEMORY_OF_FITS = 50.0
_Z90 = 1.2816
_QUICK = 0.25  # seconds, below which fits are not told apart by how long they take
_EXPLAINED_FROM = 12.0  # seconds: three tenths of less are not enough for SHAP and LIME
# Python, numpy and a library or two, resident in every worker.
WORKER_BYTES = 350_000_000


class Factor(msgspec.Struct, frozen=True):
    """How a family's fits compare with its cost model here: mean and deviation of log(actual / expected).

    Attributes:
        count: Fits seen.
    """

    mean: float = 0.0
    spread: float = _PRIOR_SPREAD
    count: int = 0

    def updated(self, log_ratio: float) -> Factor:
        """With one more fit: outliers are pulled in to 2.5 deviations (Huber), old fits fade after fifty."""
        off = max(-2.5 * self.spread, min(2.5 * self.spread, log_ratio - self.mean))
        step = 1.0 / (min(self.count, _MEMORY_OF_FITS) + _PRIOR_COUNT)
        variance = (1 - step) * (self.spread**2 + step * off**2)
        return Factor(self.mean + step * off, max(0.1, math.sqrt(variance)), self.count + 1)


class Calibration:
    """Factors of alike fits, learned on this machine."""

    def __init__(self, factors: dict[str, Factor] | None = None, path: Path | None = None) -> None:
        self._factors = dict(factors or {})
        self._kept = dict(self._factors)
        self._path = path

    @classmethod
    def load(cls, folder: Path | None = None) -> Calibration:
        """What past runs on this machine taught; empty where nothing was kept or it can't be read.

        Args:
            folder: Of `calibration.json`; the user's cache folder unless told.
        """
        path = (folder or cache_folder()) / "calibration.json"
        return cls(_stored(path).get(machine_key(), {}), path)

    def factor(self, family: str, seconds: float) -> float:
        """By how much fits take longer here than the family's cost model says, of those that it gives as long."""
        return math.exp(self._factors.get(_kind_of_fit(family, seconds), Factor()).mean)

    def p90(self, family: str, cost: Cost) -> float:
        """Seconds that nine in ten fits of such a cost stay below (log-normal)."""
        known = self._factors.get(_kind_of_fit(family, cost.seconds / cost.factor), Factor())
        return cost.seconds * math.exp(_Z90 * known.spread)

    def record(self, family: str, expected: Cost, actual: float) -> None:
        """Learn from a finished fit.

        Args:
            expected: As `CostModel.fit` gave it on this machine, whatever its calibration knew then.
            actual: Seconds it took; fits cut short by a deadline teach nothing and are not to be recorded.
        """
        if expected.seconds > 0 and actual > 0:
            by_model = expected.seconds / expected.factor
            kind = _kind_of_fit(family, by_model)
            self._factors[kind] = self._factors.get(kind, Factor()).updated(math.log(actual / by_model))

    def save(self) -> str:
        """Keep what was learned for the next run; returns the problem in a sentence, or nothing."""
        if self._path is None or self._factors == self._kept:
            return ""
        content = {**_stored(self._path), machine_key(): self._factors}
        try:
            write_atomically(self._path, json.dumps(msgspec.to_builtins(content)))
        except OSError as error:
            return f"measured costs are not remembered: {self._path} cannot be written ({error.strerror or error})"
        return ""


def _kind_of_fit(family: str, seconds: float) -> str:
    """Fits of a family that are alike: by the power of four of what its cost model gives them.

    Starting up and early stopping shorten or lengthen quick fits of small tables by another factor than long ones.
    """
    power = math.floor(math.log(max(seconds, _QUICK), 4))
    return f"{family} {4.0**power:g} s"


def _stored(path: Path) -> dict[str, dict[str, Factor]]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, dict[str, Factor]])
    except (OSError, msgspec.MsgspecError):
        return {}


class CostModel:
    """Expected cost of fits on this machine.

    Args:
        threads: Of one fit. Twice the threads make a fit 1.6 times as fast (no library here scales better at scale).
    """

    def __init__(self, profile: Profile, hardware: Hardware, calibration: Calibration, threads: int = 1) -> None:
        self._profile = profile
        self._reference = msgspec.structs.replace(hardware, speed=1.0)
        self._scale = 1.0 / (hardware.speed * threads**0.7)
        self._calibration = calibration

    def fit(self, family: Family, params: Params, n_rows: float) -> Cost:
        """Of one fit on `n_rows` rows: expected seconds here, and peak bytes with its copy of the rows."""
        profile = at_rows(self._profile, n_rows)
        own = family.cost(profile, params, self._reference)
        scores = cost_of_scores(profile) if takes_scores(family) else Cost(0.0, 0)
        seconds = (own.seconds + scores.seconds) * self._scale
        factor = self._calibration.factor(family.name, seconds)
        n_bytes = int(own.memory_bytes) + scores.memory_bytes + table_bytes(self._profile, n_rows)
        return Cost(seconds * factor, n_bytes, factor)

    def p90(self, family: Family, cost: Cost) -> float:
        """Seconds that nine in ten such fits stay below."""
        return self._calibration.p90(family.name, cost)


def at_rows(profile: Profile, n_rows: float) -> Profile:
    """The profile as if the table had so many rows, for cost models."""
    n = max(1, round(n_rows))
    shape = profile.shape and msgspec.structs.replace(profile.shape, n_rows=n)
    return msgspec.structs.replace(profile, n_rows=n, shape=shape)


def table_bytes(profile: Profile, n_rows: float) -> int:
    """Bytes of so many encoded rows: 4 a feature, 8 a target."""
    d = profile.shape.d if profile.shape else len(profile.features)
    return int(n_rows * (4 * d + 8))


def search_seconds(wishes: Wishes) -> float:
    """Seconds the search may take: the budget less what start, final blend, explanation and report need.

    That is 12 %, at least 10 s (SHAP and LIME take three to load) and at most 2 min, and never more than three tenths;
    a fifth where that is too little for explanations.
    """
    if wishes.seconds < _EXPLAINED_FROM:
        return 0.8 * wishes.seconds
    return max(0.7 * wishes.seconds, wishes.seconds - min(120.0, max(10.0, 0.12 * wishes.seconds)))


def usable_bytes(hardware: Hardware, wishes: Wishes) -> int:
    """Bytes all workers together may take: 0.7 of what is free, or the user's limit if that is less."""
    free = 0.7 * hardware.memory_bytes
    return int(free if wishes.memory_limit_bytes is None else min(free, wishes.memory_limit_bytes))
