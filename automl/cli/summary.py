"""The summary of a run in markdown, for a CI step summary."""

from __future__ import annotations

import re

from automl.outcome import Outcome
from automl.quantities import format_seconds
from automl.typography import counted, format_score, printable


def summary_markdown(outcome: Outcome) -> str:
    """Score beside the baselines, the model, what matters and what was found, in a page of markdown."""
    score, task = outcome.score, outcome.plan.task
    value, low, high = (format_score(v, score.error) for v in (score.value, score.low, score.high))
    lines = [
        f"## {_plain(task.target)}: {score.metric} {value}",
        "",
        f"{score.level:.0%} interval {low}–{high} for new data; {_plain(outcome.verdict.sentence)}",
        "",
        "| | " + score.metric + " |",
        "|---|--:|",
        f"| **model** | **{value}** |",
        *(f"| {_plain(title)} | {format_score(e.value, score.error)} |" for title, e in outcome.baselines),
        "",
        "- model: " + ", ".join(f"{member.family} {member.weight:.2f}" for member in outcome.members),
        f"- {counted(len(outcome.trials), 'trial')} in {format_seconds(outcome.seconds)}; {_plain(outcome.stopped)}",
    ]
    if outcome.attribution is not None and outcome.attribution.importance:
        names = outcome.attribution.importance[0].columns[:5]
        lines.append("- matters: " + ", ".join(_plain(name) for name in names))
    grave = [finding for finding in outcome.profile.findings if finding.severity != "info"]
    lines += [f"- {f.code} {_plain(f.title)}: {_plain(f.evidence)}" for f in grave]
    lines.append(f"- model file: `{printable(outcome.model)}`")
    return "\n".join(lines) + "\n"


def _plain(text: str) -> str:
    """Text from the data with every character that markdown or HTML would take for its own escaped."""
    shown = printable(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_{}\[\]()#|!~])", r"\\\1", shown)
