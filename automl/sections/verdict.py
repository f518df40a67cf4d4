"""What was chosen, how good it is, and why: the part a manager reads."""

from __future__ import annotations

import math
from collections import Counter

from automl.metrics import METRICS
from automl.outcome import Estimate, Outcome
from automl.quantities import format_seconds
from automl.report import Block, Figure, Notice, Section, Series, TableBlock, Text
from automl.typography import counted, format_score
from automl.words import interval, level, listed, more_would_bring, scored, sentence, span


def section(outcome: Outcome) -> Section:
    """The verdict."""
    blocks: list[Block] = [Text(_lead(outcome), "lead")]
    best = best_baseline(outcome)
    if best is not None and not _is_ahead(outcome.score, best[1]):
        blocks.append(Notice("hardly better than a baseline", _doubt(outcome.score, *best), "warning"))
    blocks.append(Text(_how(outcome)))
    if outcome.baselines:
        blocks.append(_against_baselines(outcome))
    blocks.append(_members(outcome))
    if outcome.test:
        rows = tuple((e.metric, scored(e), span(e)) for e in outcome.test)
        title = f"On the {counted(outcome.test[0].n_rows, 'row')} of the test file"
        blocks.append(TableBlock(title, ("metric", "value", level(outcome.test[0])), rows, (False, True, True)))
    return Section("Verdict", "verdict", tuple(blocks))


def best_baseline(outcome: Outcome) -> tuple[str, Estimate] | None:
    """The baseline that is hardest to beat."""
    gain = METRICS[outcome.score.metric].gain
    return max(outcome.baselines, key=lambda named: gain(named[1].value), default=None)


def _is_ahead(score: Estimate, other: Estimate) -> bool:
    """Whether the score is better by more than chance: two standard errors of the difference, were both independent."""
    better = METRICS[score.metric].gain(score.value) - METRICS[score.metric].gain(other.value)
    return better > 2 * math.hypot(score.error, other.error)


def _doubt(score: Estimate, title: str, other: Estimate) -> str:
    return (
        f"This model ({scored(score)}) and the {title} ({scored(other)}) are no further apart than chance may put "
        "them: the simple model may do as well. More rows, or columns that say more, would help more than more time."
    )


def _lead(outcome: Outcome) -> str:
    task, score = outcome.plan.task, outcome.score
    better = "higher" if METRICS[score.metric].maximize else "lower"
    new = f"{counted(score.n_new, 'new row')} like these" if score.n_new else "new rows like these"
    expect = f"For {new}, expect {score.metric} {interval(score)}; {better} is better."
    best = best_baseline(outcome)
    against = ""
    if best is not None and _is_ahead(score, best[1]):
        against = f" The best baseline, a {best[0].lower()}, reaches {scored(best[1])}: the model is clearly better."
    return f"{sentence(f'{_what(outcome)} predicts {task.target}')} {expect}{against}"


def _what(outcome: Outcome) -> str:
    counts = Counter(m.family for m in outcome.members)
    if len(outcome.members) == 1:
        return f"one model ({outcome.members[0].family})"
    named = [f"{family} ×{n}" if n > 1 else family for family, n in counts.items()]
    return f"a blend of {len(outcome.members)} models ({listed(named)})"


def _how(outcome: Outcome) -> str:
    learned = f"It learned from {counted(outcome.n_train, 'row')} in {format_seconds(outcome.seconds)}"
    ended = f"; the search ended because {outcome.stopped}" if outcome.stopped else ""
    kinds = f" Shallow or deep? {sentence(outcome.verdict.sentence)}" if outcome.verdict.sentence else ""
    more = more_would_bring(outcome.forecast, outcome.score)
    told = f" {sentence(f'What would lift it: {more}')}" if more else ""
    return f"{sentence(learned + ended)}{_refitted(outcome)}{kinds}{told}"


def _refitted(outcome: Outcome) -> str:
    """Which models in the file learned from more rows than those that were scored."""
    n, n_all = len(outcome.refitted), len(outcome.members)
    if not n:
        return ""
    which = "The model was" if n == n_all == 1 else f"{'All' if n == n_all else n} of its {n_all} models were"
    scored = "the scores are those of fits that had not seen the rows they are on."
    return f" {which} fitted once more on all of these rows; {scored}"


def _against_baselines(outcome: Outcome) -> Figure:
    rows = [("this model", outcome.score), *outcome.baselines]
    better = "Further right" if METRICS[outcome.score.metric].maximize else "Further left"
    return Figure(
        title="Against the baselines",
        chart="bars",
        labels=tuple(title for title, _ in rows),
        series=(
            Series(
                outcome.score.metric,
                tuple(float(i) for i in range(len(rows))),
                tuple(e.value for _, e in rows),
                low=tuple(e.low for _, e in rows),
                high=tuple(e.high for _, e in rows),
            ),
        ),
        x_label=outcome.score.metric,
        from_zero=False,
        caption=f"{better} is better. Whiskers: {level(outcome.score)}, by bootstrap over rows not trained on.",
    )


def _members(outcome: Outcome) -> TableBlock:
    rows = tuple(
        (m.family, m.kind, f"{m.weight:.2f}", format_score(m.value, outcome.score.error / 10), str(m.trial))
        for m in outcome.members
    )
    head = ("family", "kind", "weight", outcome.score.metric, "trial")
    return TableBlock("What the model is made of", head, rows, (False, False, True, True, True))
