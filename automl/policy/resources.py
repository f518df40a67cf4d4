"""How many rows, how many fits at a time, and which fits fit: the race cut to memory and time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from automl.plan import Cost, Validation
from automl.policy.cost import WORKER_BYTES, CostModel, usable_bytes
from automl.policy.effects import Case
from automl.policy.units import seconds_text
from automl.policy.weigh import Entrant, Trace
from automl.profile import ColumnProfile
from automl.quantities import format_bytes
from automl.space import Params
from automl.typography import counted, format_share

SAMPLE, WORKERS, MEMORY, TIME, KEPT = "P040", "P041", "P043", "P044", "P045"
_FEWEST_ROWS = 20_000
_MANY_ROWS = 100_000
# Of images and sounds as many are read as this share of the search allows, and so many at least.
_READ_FOR, _FEWEST_MEDIA = 0.3, 500
# Rows are sampled where no family most wanted can be expected to finish one fit in this share of the search. It is
# nearly all of it: boosting often stops long before it is expected to, and more rows are worth more than a second fit.
_SAMPLE_FOR = 0.9
# A fit that takes more of the search (nine times in ten) is not tried; the best of each kind is judged by what is
# expected, and may take nearly all of it: a fit that runs late is cut short and kept.
_MOST_OF_ONE_FIT, _MOST_OF_THE_BEST = 0.6, 0.9
# Nets have lighter copies of their best default, nearly as good: where all folds of a net's default take more of the
# search than this, it comes after lighter ones.
_LIGHT = 0.1
# All folds of one model may take this share of the search, and (but for the best of each kind) so many times the
# family's share of it.
_MOST_OF_ALL_FITS = 0.6
_MOST_OVER_SHARE = 3.0


@dataclass(frozen=True, slots=True)
class Option:
    """Parameters with what one fold's fit of them costs."""

    params: Params
    cost: Cost


@dataclass(frozen=True, slots=True)
class Runner:
    """A family with those of its defaults that fit memory and time, in the family's order."""

    entrant: Entrant
    options: tuple[Option, ...]


def strongest(entrants: Sequence[Entrant]) -> list[Entrant]:
    """Families to be tuned, the heaviest first."""
    return sorted((e for e in entrants if not e.is_baseline), key=lambda e: (-e.weight, e.family.name))


def sample_rows(case: Case, entrants: Sequence[Entrant], model: CostModel, trace: Trace) -> int | None:
    """Rows to learn from where one fit on all of them would eat the budget or the memory; None for all."""
    n, main = case.shape.n_rows, strongest(entrants)
    main = [e for e in main if e.weight >= 0.5 * main[0].weight]
    if not main or n <= _FEWEST_ROWS:
        return None
    seconds = _SAMPLE_FOR * case.search_seconds
    free = usable_bytes(case.hardware, case.wishes) - WORKER_BYTES
    params = {e.family.name: e.family.default(case.profile)[0] for e in main}

    def fits(rows: float) -> bool:
        costs = [model.fit(e.family, params[e.family.name], rows) for e in main]
        return any(cost.seconds <= seconds and cost.memory_bytes <= free for cost in costs)

    if fits(n):
        return None
    low, high = math.log(_FEWEST_ROWS), math.log(n)
    for _ in range(20):
        middle = (low + high) / 2
        low, high = (middle, high) if fits(math.exp(middle)) else (low, middle)
    rows = math.exp(low)
    size = 10 ** (math.floor(math.log10(rows)) - 1)
    rows = max(_FEWEST_ROWS, int(rows // size * size))
    trace.say(
        SAMPLE,
        f"{counted(n, 'row')} are more than one fit of a main family learns from in {seconds_text(seconds)} "
        f"and {format_bytes(free)}: the search learns from {rows:,} of them, drawn at random",
        f"≤ {rows:,} rows",
    )
    return rows


def readable_rows(case: Case, trace: Trace) -> int | None:
    """Rows whose images and sounds can be read in a share of the search; None for all."""
    seconds = _READ_FOR * case.search_seconds * case.hardware.n_cores * case.hardware.speed
    each = sum(_reading_seconds(column) for column in case.profile.features)
    n = case.shape.n_rows
    if n * each <= seconds:
        return None
    rows = max(_FEWEST_MEDIA, int(seconds / each))
    if rows >= n:
        return None
    trace.say(
        SAMPLE,
        f"reading the files of {counted(n, 'row')} takes about {seconds_text(n * each / case.hardware.n_cores)}: the "
        f"search learns from {rows:,} of them, drawn at random",
        f"≤ {rows:,} rows",
    )
    return rows


def _reading_seconds(column: ColumnProfile) -> float:
    """Of one file, on one core: measured on jpeg and wav, other formats take up to ten times as long."""
    extent = column.extent
    if extent is None or column.kind not in ("image", "audio"):
        return 0.0
    return 2e-4 + 3e-9 * extent.height * extent.width + 5e-8 * extent.seconds * extent.rate


def share_out(case: Case, entrants: Sequence[Entrant], model: CostModel, trace: Trace) -> tuple[int, int]:
    """Workers and threads of each fit.

    One thread a fit and as many fits as cores: on two shared cores LightGBM with two threads was up to 30 times slower
    than with one. Cores are given to threads only where memory or a lack of fits leaves them idle.
    """
    cores, n, asked = case.hardware.n_cores, case.shape.n_rows, case.wishes.n_jobs
    main = strongest(entrants)[:3]
    needs = sorted(model.fit(e.family, e.family.default(case.profile)[0], n).memory_bytes for e in main)
    need = WORKER_BYTES + (needs[len(needs) // 2] if needs else 0)
    by_memory = max(1, usable_bytes(case.hardware, case.wishes) // need)
    workers = min(asked or cores, by_memory)
    if n >= _MANY_ROWS and asked is None:
        workers = min(workers, max(2, len(entrants)))
    threads = 1 if asked else max(1, cores // workers)
    why = "as --jobs says" if asked else "one fit a core beats one fit on all cores"
    if workers == by_memory < (asked or cores):
        why = f"a worker needs about {format_bytes(need)}, and no more of them fit into memory"
    elif threads > 1:
        why = f"{len(entrants)} families do not keep {cores} cores busy with one thread each"
    elif cores == 1:
        why = "there is 1 core"
    trace.say(
        WORKERS,
        f"{counted(workers, 'fit')} at a time with {counted(threads, 'thread')} each: {why}",
        f"{workers} × {threads}",
    )
    return workers, threads


def cut(
    case: Case, entrants: Sequence[Entrant], model: CostModel, validation: Validation, n_workers: int, trace: Trace
) -> list[Runner]:
    """The families with the defaults that memory and time allow; never none, if one could run at all."""
    gates = _Gates(case, model, validation, n_workers, sum(e.weight for e in strongest(entrants)))
    priced = [Runner(entrant, gates.price(entrant)) for entrant in entrants]
    spared = _best_of_each_kind(priced)
    runners: list[Runner] = []
    stopped: list[tuple[Runner, str, str]] = []
    for runner in priced:
        is_spared = runner.entrant.family.name in spared
        refusals = [gates.refusal(runner.entrant, option, is_spared=is_spared) for option in runner.options]
        if None in refusals:
            runners.append(Runner(runner.entrant, gates.in_order(runner.entrant, _fitting(runner.options, refusals))))
            continue
        cheapest, refusal = min(zip(runner.options, refusals, strict=True), key=lambda pair: pair[0].cost.seconds)
        stopped.append((Runner(runner.entrant, (cheapest,)), *(refusal or (TIME, ""))))
    if stopped and all(runner.entrant.is_baseline for runner in runners):
        kept = min(stopped, key=lambda s: (s[1] == MEMORY, s[0].options[0].cost.seconds, s[0].entrant.family.name))
        stopped.remove(kept)
        runners.append(kept[0])
        trace.say(KEPT, f"{kept[0].entrant.family.name} is kept as the cheapest, though {kept[1]} says: {kept[2]}")
    for runner, rule, sentence in stopped:
        trace.drop(runner.entrant.family, rule, sentence)
    return runners


def _fitting(options: Sequence[Option], refusals: Sequence[tuple[str, str] | None]) -> tuple[Option, ...]:
    """From the first that passes both gates, those that fit memory: a timed fit tells the search what others take."""
    first = refusals.index(None)
    return tuple(
        option
        for option, refusal in zip(options[first:], refusals[first:], strict=True)
        if refusal is None or refusal[0] != MEMORY
    )


def _best_of_each_kind(runners: Sequence[Runner]) -> set[str]:
    """The heaviest neural and the heaviest shallow family, the cheaper of equals: the race between kinds needs both."""
    best: dict[str, Runner] = {}
    for runner in runners:
        if not runner.entrant.is_baseline:
            kind = runner.entrant.family.kind
            best[kind] = min(
                best.get(kind, runner), runner, key=lambda r: (-r.entrant.weight, r.options[0].cost.seconds)
            )
    return {runner.entrant.family.name for runner in best.values()}


class _Gates:
    """What one fold's fit may cost in memory and time."""

    def __init__(
        self, case: Case, model: CostModel, validation: Validation, n_workers: int, total_weight: float
    ) -> None:
        self._case = case
        self._total_weight = total_weight
        self._model = model
        self._n_train = case.shape.n_rows * validation.train_share
        self._n_fits = validation.n_fits
        self._n_workers = n_workers
        self._search = case.search_seconds
        self._bytes = max(0, usable_bytes(case.hardware, case.wishes) // n_workers - WORKER_BYTES)

    def price(self, entrant: Entrant) -> tuple[Option, ...]:
        """Every default of the family with the cost of one fold."""
        family = entrant.family
        defaults = family.default(self._case.profile)
        return tuple(Option(params, self._model.fit(family, params, self._n_train)) for params in defaults)

    def in_order(self, entrant: Entrant, options: tuple[Option, ...]) -> tuple[Option, ...]:
        """The defaults in the family's order; of a net those that take much of the search last, the lightest first."""
        if "neural" not in entrant.family.traits:
            return options
        all_workers = self._search * self._n_workers

        def heaviness(option: Option) -> float:
            share = option.cost.seconds * self._n_fits / all_workers
            return share if share > _LIGHT else 0.0

        return tuple(sorted(options, key=heaviness))

    def refusal(self, entrant: Entrant, option: Option, *, is_spared: bool) -> tuple[str, str] | None:
        """The gate that stops it and why, or None. Baselines always pass; a wanted family passes the time gate.

        Args:
            is_spared: Whether it may take more of the search than its share, and run late.
        """
        if entrant.is_baseline:
            return None
        if option.cost.memory_bytes > self._bytes:
            need, left = format_bytes(option.cost.memory_bytes), format_bytes(self._bytes)
            return MEMORY, f"one fit needs {need}, each of {counted(self._n_workers, 'worker')} has {left}"
        too_slow = "" if entrant.is_wanted else self._too_slow(entrant, option.cost, is_spared=is_spared)
        return (TIME, too_slow) if too_slow else None

    def _too_slow(self, entrant: Entrant, cost: Cost, *, is_spared: bool) -> str:
        worst = cost.seconds if is_spared else self._model.p90(entrant.family, cost)
        if worst > (_MOST_OF_THE_BEST if is_spared else _MOST_OF_ONE_FIT) * self._search:
            return f"one fit may take {seconds_text(worst)}, the whole search has {seconds_text(self._search)}"
        bag, all_workers = cost.seconds * self._n_fits, self._search * self._n_workers
        fits = f"its {counted(self._n_fits, 'fit')} take {seconds_text(bag)}"
        if bag > _MOST_OF_ALL_FITS * all_workers and not (is_spared and self._n_fits == 1):
            return f"{fits}, all workers together have {seconds_text(all_workers)}"
        share = entrant.weight / self._total_weight
        if bag > _MOST_OVER_SHARE * share * all_workers and not is_spared:
            took, worth = format_share(bag / all_workers), format_share(share)
            return f"{fits}, {took} of the search; its chances are worth {worth}"
        return ""
