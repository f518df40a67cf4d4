"""Shallow or neural: the evidence of the race, in one record and one sentence."""

from __future__ import annotations

import math

import numpy as np

from automl import registry
from automl.ensemble import mix
from automl.plan import Plan, Verdict
from automl.search.best import Blend, best_blend, blend_rows
from automl.search.ledger import Ledger
from automl.typography import format_number

_DRAWS = 100
_ROWS = 10_000


def judge(ledger: Ledger, plan: Plan) -> Verdict:
    """Compare the best shallow-only with the best neural-only blend by a paired bootstrap over rows."""
    seed = plan.task.seed
    blends = {kind: best_blend(ledger, plan.max_models, seed, kind=kind) for kind in ("shallow", "neural")}
    shallow, neural = blends["shallow"], blends["neural"]
    if shallow is None or neural is None:
        return Verdict(winner=None, margin=None, margin_error=None, sentence=_one_kind(ledger, plan, shallow, neural))
    margin, error, n_rows = _margin(ledger, shallow, neural)
    name, rows = plan.task.metric, f"{n_rows:,} out-of-fold rows"
    if abs(margin) <= 2 * error:
        sentence = f"neural and shallow are level: {_amount(abs(margin))} ± {_amount(error)} {name} apart on {rows}"
        return Verdict(winner="tie", margin=abs(margin), margin_error=error, sentence=sentence)
    better, worse = ("neural", "shallow") if margin > 0 else ("shallow", "neural")
    sentence = f"{better} beats {worse} by {_amount(abs(margin))} ± {_amount(error)} {name} on {rows}"
    return Verdict(
        winner="neural" if margin > 0 else "shallow", margin=abs(margin), margin_error=error, sentence=sentence
    )


def _margin(ledger: Ledger, shallow: Blend, neural: Blend) -> tuple[float, float, int]:
    """Gain of neural over shallow on rows both have seen, its standard error, and the rows."""
    rows = np.intersect1d(blend_rows(ledger, shallow), blend_rows(ledger, neural), assume_unique=True)
    if len(rows) < 2:
        return 0.0, math.inf, len(rows)
    metric, y = ledger.metric, ledger.y[rows]
    a, b = (mix([ledger.prediction(t.number, rows) for t in x.trials], x.weights) for x in (shallow, neural))
    margin = metric.gain(metric(y, b)) - metric.gain(metric(y, a))
    rng = np.random.default_rng(0)
    n = min(len(rows), _ROWS)
    draws = []
    for _ in range(_DRAWS):
        drawn = rng.integers(0, len(rows), n)
        difference = metric.gain(metric(y[drawn], b[drawn])) - metric.gain(metric(y[drawn], a[drawn]))
        if math.isfinite(difference):
            draws.append(difference)
    error = float(np.std(draws)) * math.sqrt(n / len(rows)) if draws else math.inf
    return margin, error, len(rows)


def _amount(value: float) -> str:
    return format_number(value) if math.isfinite(value) else "an unknown amount"


def _one_kind(ledger: Ledger, plan: Plan, shallow: Blend | None, neural: Blend | None) -> str:
    tried = "shallow" if shallow is not None else "neural" if neural is not None else "no"
    other = "neural" if tried == "shallow" else "shallow"
    out = [r for r in plan.ruled_out if registry.family(r.family).kind == other and not r.is_expected]
    wanted = [c.family for c in plan.candidates if c.kind == other]
    if wanted:
        ended = [t for t in ledger.trials.values() if t.family in wanted and t.reason]
        why = "the budget ended before one had been scored"
        if ended:
            why = f"a trial of {ended[-1].family} ended so: {ended[-1].reason.splitlines()[0]}"
    else:
        why = "; ".join(f"{r.family}: {r.sentence} ({r.rule})" for r in out) or "none was planned"
    return f"only {tried} models were compared; no {other} one, because {why}"
