"""How to use the model, its limits, and what reproduces it."""

from __future__ import annotations

from shlex import quote

from automl.outcome import Outcome
from automl.pretrained.cached import INSTALL
from automl.report import Block, Notice, Section, TableBlock, Text
from automl.words import listed

_MAX_COLUMNS = 200


def section(outcome: Outcome) -> Section:
    """Commands, the data contract, settings and versions."""
    model, task = quote(outcome.model), outcome.plan.task
    proba = " --proba" if task.is_classification else ""
    commands = (
        f"automl predict {model} new.csv{proba} -o predictions.csv",
        f"automl evaluate {model} labelled.csv",
        f"automl explain {model} new.csv --rows 0,1,2",
        f"automl verify {model}",
    )
    python = f"from automl import load_model\n\nmodel = load_model({outcome.model!r})"
    features = outcome.profile.features
    more = f", the first {_MAX_COLUMNS} of {len(features):,}" if len(features) > _MAX_COLUMNS else ""
    needed = tuple((c.name, c.kind.replace("_", " ")) for c in features[:_MAX_COLUMNS])
    blocks: list[Block] = [
        Text("\n".join(commands), "code"),
        Text("Or from Python:"),
        Text(python, "code"),
        *_needs(outcome),
        Text("Limits", "heading"),
        Text(_limits(outcome)),
        TableBlock(f"Columns a file must have (in any order; others are ignored){more}", ("column", "kind"), needed),
        Text("To reproduce", "heading"),
        TableBlock("Settings", ("option", "value", "from"), _settings(outcome)),
        TableBlock("Versions", ("package", "version"), tuple(outcome.versions.items())),
    ]
    return Section("Use it", "use", tuple(blocks))


def _needs(outcome: Outcome) -> list[Block]:
    """The pretrained encoders that must be in a cache wherever the model predicts."""
    if not outcome.pretrained:
        return []
    rows = tuple((r.name, r.revision, r.sha256, r.download) for r in outcome.pretrained)
    names = listed([r.name for r in outcome.pretrained], 3)
    told = (
        f"The model reads with {names}, whose weights are not in the model file: wherever it predicts or is explained "
        f"they must be in the local cache, unchanged, and the extra that runs them installed ({INSTALL}). Without them "
        "it refuses."
    )
    head = ("encoder", "revision", "sha256 of the weights", "to get it")
    return [Notice("needs a pretrained encoder", told, "warning"), TableBlock("Pretrained encoders", head, rows)]


def _limits(outcome: Outcome) -> str:
    classes = outcome.plan.task.classes
    ends = f"It can only say {listed(classes, 20)}. " if classes else ""
    return (
        f"{ends}Categories it has not seen count as unknown, missing values are allowed everywhere, and a file that "
        "lacks a column is refused by name. When the world that made the data changes, the score above no longer holds."
    )


def _settings(outcome: Outcome) -> tuple[tuple[str, str, str], ...]:
    """Every option that has a value, the user's own first."""
    sources = outcome.settings.get("sources") or {}
    set_ = [(n, v) for n, v in sorted(outcome.settings.items()) if n != "sources" and v not in (None, [], {}, (), "")]
    rows = [(name, _shown(value), str(sources.get(name, ""))) for name, value in set_]
    return tuple(sorted(rows, key=lambda row: not row[2]))


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{key}={item}" for key, item in value.items())
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
