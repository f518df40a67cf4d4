"""The report of a run, in the order a person asks: what, can I trust it, what did it learn, how, and now?"""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from automl.outcome import Estimate, Evidence, Outcome
from automl.quantities import format_seconds
from automl.report import Report
from automl.sections import data, found, learned, trust, use, verdict
from automl.words import level, scored, span


def compose(outcome: Outcome, evidence: Evidence) -> Report:
    """Everything a run came to, as a report that `formats/` render."""
    profile, score = outcome.profile, outcome.score
    day = datetime.fromtimestamp(outcome.started).astimezone()
    best = verdict.best_baseline(outcome)
    facts = (
        (score.metric, scored(score)),
        (level(score), span(score)),
        *([("best baseline", scored(best[1]))] if best else []),
        ("model", _model_title(outcome)),
        ("rows × columns", f"{profile.n_rows:,} × {len(profile.columns):,}"),
        ("trials", f"{sum(t.state != 'skipped' for t in outcome.trials):,}"),
        ("time", format_seconds(outcome.seconds)),
    )
    return Report(
        title=f"{outcome.plan.task.target} from {Path(profile.source).name}",
        subtitle=f"{outcome.plan.task.kind}, {day:%Y-%m-%d %H:%M %Z}, automl {outcome.versions.get('automl', '')}",
        facts=facts,
        sections=(
            verdict.section(outcome),
            trust.section(outcome, evidence),
            data.section(outcome),
            learned.section(outcome),
            found.section(outcome),
            use.section(outcome),
        ),
        result=result(outcome),
    )


def _model_title(outcome: Outcome) -> str:
    families = Counter(member.family for member in outcome.members)
    name = next(iter(families)) if len(families) == 1 else "models"
    return name if len(outcome.members) == 1 else f"blend of {len(outcome.members)} {name}"


def result(outcome: Outcome) -> dict[str, Any]:
    """The machine-readable result: what `fit --json` prints and scripts lean on."""
    task = outcome.plan.task
    return {
        "task": task.kind,
        "target": task.target,
        "metric": task.metric,
        "score": _plain(outcome.score),
        "metrics": {e.metric: _plain(e) for e in outcome.metrics},
        "test": {e.metric: _plain(e) for e in outcome.test},
        "baselines": {title: e.value for title, e in outcome.baselines},
        "members": [msgspec.to_builtins(m) for m in outcome.members],
        "verdict": msgspec.to_builtins(outcome.verdict),
        "n_trials": len(outcome.trials),
        "n_rows": outcome.profile.n_rows,
        "n_train": outcome.n_train,
        "pretrained": [{"name": r.name, "revision": r.revision, "sha256": r.sha256} for r in outcome.pretrained],
        "findings": sorted({f.code for f in outcome.profile.findings}),
        "skipped": list(outcome.skipped),
        "stopped": outcome.stopped,
        "forecast": msgspec.to_builtins(outcome.forecast),
        "seconds": round(outcome.seconds, 3),
        "stages": {name: round(value, 3) for name, value in outcome.stages.items()},
        "folder": outcome.folder,
        "model": outcome.model,
        "report": str(Path(outcome.folder) / "report.html"),
        "versions": outcome.versions,
    }


def _plain(estimate: Estimate) -> dict[str, Any]:
    return {"value": estimate.value, "low": estimate.low, "high": estimate.high, "level": estimate.level}
