"""How it was found: the decision, the race, the search history, the time."""

from __future__ import annotations

import math
from collections import Counter
from itertools import accumulate
from statistics import median

from automl.metrics import METRICS
from automl.outcome import Outcome
from automl.quantities import format_bytes, format_seconds
from automl.report import Block, Figure, Section, Series, TableBlock, Text
from automl.trial import Trial
from automl.typography import counted, format_score, format_share
from automl.words import sentence

_MAX_ROWS = 50
_MAX_FAMILIES = 5
_MAX_CURVES = 4


def section(outcome: Outcome) -> Section:
    """The trace of the decision and of the search."""
    blocks: list[Block] = [Text("The decision", "heading"), _reasons(outcome), _candidates(outcome)]
    if outcome.plan.ruled_out:
        rows = tuple((r.family, r.rule, sentence(r.sentence)) for r in outcome.plan.ruled_out)
        blocks.append(TableBlock("Ruled out", ("family", "rule", "why"), rows))
    blocks += [Text("The race", "heading"), *_history(outcome), *_curves(outcome), _leaderboard(outcome)]
    blocks += [*_ended_early(outcome), Text("Time and machine", "heading"), Text(_machine(outcome)), *_time(outcome)]
    return Section("How it was found", "found", tuple(blocks))


def _reasons(outcome: Outcome) -> TableBlock:
    rows = tuple((r.rule, sentence(r.sentence), r.effect) for r in outcome.plan.reasons)
    return TableBlock("Rule by rule", ("rule", "what it saw", "what it did"), rows)


def _candidates(outcome: Outcome) -> TableBlock:
    rows = tuple(
        (
            c.family,
            c.kind,
            format_share(c.share),
            format_seconds(c.cost.seconds),
            format_bytes(c.cost.memory_bytes),
            ", ".join(c.reasons),
        )
        for c in sorted(outcome.plan.candidates, key=lambda c: -c.share)
    )
    head = ("family", "kind", "share of budget", "expected a fit", "memory", "moved by")
    return TableBlock("Candidates", head, rows, (False, False, True, True, True, False))


def _leaderboard(outcome: Outcome) -> TableBlock:
    metric = METRICS[outcome.score.metric]
    weights = {m.trial: m.weight for m in outcome.members}
    done = [(t, t.value) for t in outcome.trials if t.state == "done" and t.value is not None]
    done.sort(key=lambda pair: -metric.gain(pair[1]))
    rows = tuple(
        (
            str(rank),
            t.family,
            t.origin,
            format_score(value, outcome.score.error / 10),
            f"{weights[t.number]:.2f}" if t.number in weights else "",
            format_seconds(t.seconds),
            str(t.number),
            _params(t),
        )
        for rank, (t, value) in enumerate(done[:_MAX_ROWS], start=1)
    )
    head = ("", "family", "origin", metric.name, "weight", "time", "trial", "parameters")
    more = f" (the best {_MAX_ROWS} of {len(done):,})" if len(done) > _MAX_ROWS else ""
    numeric = (True, False, False, True, True, True, True, False)
    return TableBlock(f"Leaderboard{more}", head, rows, numeric)


def _params(trial: Trial) -> str:
    parts = [f"{k} {v:.3g}" if isinstance(v, float) else f"{k} {v}" for k, v in trial.params.items()]
    shown = ", ".join(parts)
    return shown if len(shown) <= 120 else f"{shown[:119]}…"


def _ended_early(outcome: Outcome) -> list[Block]:
    ended = [t for t in outcome.trials if t.state in ("pruned", "failed", "skipped", "running")]
    if not ended:
        return []
    counts = Counter(t.state for t in ended)
    told = ", ".join(f"{n} {state}" for state, n in counts.most_common())
    ended.sort(key=lambda t: (t.state != "failed", t.state != "skipped", t.number))
    rows = tuple(
        (str(t.number), t.family, t.state, str(len(t.scores)), sentence(t.reason.strip().partition("\n")[0]))
        for t in ended[:_MAX_ROWS]
    )
    more = f"; the first {_MAX_ROWS}" if len(ended) > _MAX_ROWS else ""
    head = ("trial", "family", "state", "folds", "why")
    return [TableBlock(f"Ended early ({told}{more})", head, rows, (True, False, False, True, False))]


def _history(outcome: Outcome) -> list[Block]:
    """Complete trials by family, and the best single one so far."""
    metric = METRICS[outcome.score.metric]
    done = [
        (t, metric.gain(t.value))
        for t in sorted(outcome.trials, key=lambda t: t.number)
        if t.state == "done" and t.origin != "baseline" and t.value is not None and math.isfinite(t.value)
    ]
    if len(done) < 2:
        return []
    # One trial that went astray would press all others into a line.
    middle, top = median(gain for _, gain in done), max(gain for _, gain in done)
    floor = middle - 4 * (top - middle) if top > middle else -math.inf
    drawn = [(t, gain) for t, gain in done if gain >= floor]
    best = list(accumulate((gain for _, gain in drawn), max))
    sign = metric.gain(1.0)
    line = Series("best so far", tuple(float(t.number) for t, _ in drawn), tuple(sign * v for v in best), mark="step")
    n_out = len(done) - len(drawn)
    out = f" {counted(n_out, 'trial')} far worse {'is' if n_out == 1 else 'are'} not drawn." if n_out else ""
    return [
        Figure(
            title="Search history",
            chart="line",
            series=(*_by_family([t for t, _ in drawn]), line),
            x_label="trial",
            y_label=f"{metric.name} ({'higher' if metric.maximize else 'lower'} is better)",
            caption=f"Complete trials in the order of their start; the model is a blend of several.{out}",
        )
    ]


def _by_family(trials: list[Trial]) -> list[Series]:
    """Points of the families with most trials, and of all others together."""
    families = [family for family, _ in Counter(t.family for t in trials).most_common()]
    named = families if len(families) <= _MAX_FAMILIES else families[: _MAX_FAMILIES - 1]
    groups: dict[str, list[Trial]] = {name: [] for name in named}
    for trial in trials:
        groups.setdefault(trial.family if trial.family in named else "others", []).append(trial)
    return [
        Series(
            name,
            tuple(float(t.number) for t in group),
            tuple(t.value for t in group if t.value is not None),
            mark="points",
        )
        for name, group in groups.items()
    ]


def _curves(outcome: Outcome) -> list[Block]:
    """Learning curves of the members that keep one."""
    curves: list[Block] = []
    trials = {t.number: t for t in outcome.trials}
    for member in outcome.members:
        trial = trials.get(member.trial)
        first = trial.scores[0] if trial is not None and trial.scores else None
        if first is not None and len(first.curve) > 1 and len(curves) < _MAX_CURVES:
            steps = first.n_iterations or len(first.curve)
            x = tuple(steps * (i + 1) / len(first.curve) for i in range(len(first.curve)))
            curves.append(
                Figure(
                    title=f"Learning curve: {member.family}, trial {member.trial}",
                    chart="line",
                    series=(Series("", x, first.curve),),
                    x_label="rounds, epochs or steps of a path",
                    y_label="on the validation rows of the first fold",
                    caption="Where it turns for good, training ended and the best point was kept.",
                )
            )
    return curves


def _machine(outcome: Outcome) -> str:
    plan = outcome.plan
    devices = ", ".join(f"{a.count} × {a.title or a.name}" for a in plan.hardware.accelerators) or "no accelerator"
    cores = counted(plan.hardware.n_cores, "core")
    fits = f"{counted(plan.n_workers, 'fit')} side by side with {counted(plan.threads_per_fit, 'thread')} each"
    notes = " ".join(sentence(note) for note in plan.hardware.notes)
    return f"{cores}, {format_bytes(plan.hardware.memory_bytes)} of free memory, {devices}; {fits}. {notes}".strip()


def _time(outcome: Outcome) -> list[Block]:
    stages = list(outcome.stages.items())
    if not stages:
        return []
    series = Series("seconds", tuple(float(i) for i in range(len(stages))), tuple(value for _, value in stages))
    return [
        Figure(
            title="Where the time went",
            chart="bars",
            labels=tuple(name for name, _ in stages),
            series=(series,),
            x_label="seconds",
            caption=f"{format_seconds(outcome.seconds)} in all, from the start of the command.",
        )
    ]
