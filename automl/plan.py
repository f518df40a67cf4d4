"""What will be tried, what was ruled out, and why; and the verdict when the evidence is in."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from automl.space import Params
from automl.task import Task

ValidationKind: TypeAlias = Literal["holdout", "kfold"]
FamilyKind: TypeAlias = Literal["shallow", "neural"]


class Accelerator(msgspec.Struct, frozen=True):
    """A device beside the CPU: its Lightning registry name, how many, and what it calls itself."""

    name: str
    count: int
    title: str = ""
    memory_bytes: int = 0


class Hardware(msgspec.Struct, frozen=True, kw_only=True):
    """The machine as this process may use it.

    Attributes:
        n_cores: By affinity and cgroup quota, whichever is less.
        memory_bytes: Free for this process, by cgroup limit and what is available.
        accelerators: CUDA, MPS, XPU, TPU devices found.
        speed: Of one core, relative to the machine the cost models were fitted on (1.0).
        notes: What was seen and can't be used, or could not be measured, in sentences.
    """

    n_cores: int
    memory_bytes: int
    accelerators: tuple[Accelerator, ...] = ()
    speed: float = 1.0
    notes: tuple[str, ...] = ()


class Wishes(msgspec.Struct, frozen=True, kw_only=True):
    """What the user asked for beyond the data.

    Attributes:
        seconds: Budget of the whole command, wall clock.
        n_trials: Most trials; None for as many as fit.
        deterministic: Whether trials are counted and taken in turn, so that the same seed gives the same model.
        max_latency_ms: Most milliseconds a single-row prediction may take.
        max_size_mb: Most megabytes of the model file.
        policy: Path of an organisation's own rules.
        pretrained: Which pretrained encoder of the local caches reads texts or images: auto, off, or its name.
    """

    seconds: float = 300.0
    preset: Literal["fast", "balanced", "best", "interpretable"] = "balanced"
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    n_trials: int | None = None
    deterministic: bool = False
    n_jobs: int | None = None
    memory_limit_bytes: int | None = None
    max_latency_ms: float | None = None
    max_size_mb: float | None = None
    device: str = "auto"
    policy: str | None = None
    pretrained: str = "auto"

    @property
    def is_lean(self) -> bool:
        """Whether of each model one fit is to ship, of all rows, where those of its folds would be averaged."""
        is_limited = self.max_latency_ms is not None or self.max_size_mb is not None
        return is_limited or self.preset in ("fast", "interpretable")


class Cost(msgspec.Struct, frozen=True):
    """Of one fit on all rows with one thread.

    Attributes:
        seconds: Of CPU.
        memory_bytes: Peak, beyond the data.
        factor: By how much the seconds are more than the family's cost model says, for fits here took as much longer.
    """

    seconds: float
    memory_bytes: int
    factor: float = 1.0


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """One step of the decision.

    Attributes:
        rule: P001, P002, ...
        sentence: What the rule saw and did, in plain words with the numbers.
        effect: What it acted on: a trait with a factor, "ruled out", "folds", ...
    """

    rule: str
    sentence: str
    effect: str = ""


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """A family that will be tried.

    Attributes:
        kind: shallow or neural.
        share: Of the search budget, 0 to 1, before evidence moves it.
        portfolio: Good defaults, tried in this order before any tuning.
        cost: Expected for one fold's fit of the first default.
        reasons: Codes of the rules that moved it.
    """

    family: str
    kind: FamilyKind
    share: float
    portfolio: tuple[Params, ...]
    cost: Cost
    reasons: tuple[str, ...] = ()


class RuledOut(msgspec.Struct, frozen=True):
    """A family that will not be tried, the rule that said so, and why.

    Attributes:
        is_expected: Whether nobody would look for it here: it reads what the table does not hold, or is not proven yet.
    """

    family: str
    rule: str
    sentence: str
    is_expected: bool = False


class Validation(msgspec.Struct, frozen=True, kw_only=True):
    """How models are compared.

    Attributes:
        kind: holdout or kfold.
        n_folds: Folds of one repeat; of a holdout how many parts are held out, one after another.
        n_repeats: Repeats of the k-fold with other seeds.
        fraction: Of the rows in each part, for a holdout.
        stratify: Whether class shares are kept.
        group: Column whose groups stay together.
        time: Column by whose order the validation rows come last.
        sentence: Why.
    """

    kind: ValidationKind
    n_folds: int
    n_repeats: int = 1
    fraction: float = 0.2
    stratify: bool = False
    group: str | None = None
    time: str | None = None
    sentence: str = ""

    @property
    def n_fits(self) -> int:
        """Fits that one model takes to be compared."""
        return self.n_folds * self.n_repeats

    @property
    def train_share(self) -> float:
        """Share of the rows that one fit learns from (the mean, where folds expand)."""
        if self.kind == "holdout":
            return 1.0 - self.fraction
        return 0.7 if self.time else 1.0 - 1.0 / self.n_folds

    @property
    def unseen_share(self) -> float:
        """Share of the rows that each fit of a model leaves out; none where its k folds cover them all."""
        return 0.0 if self.kind == "kfold" and not self.time else 1.0 - self.train_share


class Pretrained(msgspec.Struct, frozen=True, kw_only=True):
    """A pretrained encoder of a local cache that reads some columns; its weights stay as they are.

    Attributes:
        name: Of its repository.
        revision: Commit of the repository; empty where the cache does not tell.
        columns: Of texts, or of images.
        n_dims: Most numbers that a value becomes.
        seconds: Expected, for all rows, with all cores.
    """

    name: str
    revision: str
    columns: tuple[str, ...]
    n_dims: int
    seconds: float


class ColumnWishes(msgspec.Struct, frozen=True, kw_only=True):
    """What the user said of columns.

    Attributes:
        types: Kinds that they insisted on, by column.
        drop: Columns to leave out.
        id: Columns that only name rows.
    """

    types: dict[str, str] = {}
    drop: tuple[str, ...] = ()
    id: tuple[str, ...] = ()


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """The decision: what to try, on which splits, with which resources, and the whole trace of why.

    Attributes:
        candidates: Baselines, then who costs least beside its share: about the order of their turns.
        n_workers: Fits at a time, each with `threads_per_fit` threads.
        max_models: Most models that compete for a place in the blend.
        max_rows: Most rows the search learns from, where all of them would not fit the budget; None for all.
        columns: What the table it was made for was read with.
        pretrained: Encoders whose frozen features models read beside their own.
    """

    task: Task
    validation: Validation
    candidates: tuple[Candidate, ...]
    ruled_out: tuple[RuledOut, ...]
    reasons: tuple[Reason, ...]
    hardware: Hardware
    wishes: Wishes
    n_workers: int
    threads_per_fit: int
    max_models: int
    max_rows: int | None = None
    columns: ColumnWishes = ColumnWishes()
    pretrained: tuple[Pretrained, ...] = ()

    @property
    def has_refits(self) -> bool:
        """Whether what the search found is fitted once more on all rows."""
        return self.wishes.is_lean or self.validation.unseen_share > 0


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """Shallow or neural, decided by evidence.

    Attributes:
        winner: shallow, neural or tie; None where only one kind was tried.
        margin: By how much the better kind's best blend beats the other's, in the metric (>= 0).
        margin_error: Standard error of the margin, from paired bootstrap over rows.
        sentence: The same in plain words.
    """

    winner: Literal["shallow", "neural", "tie"] | None
    margin: float | None
    margin_error: float | None
    sentence: str
