"""`automl inspect`: what is in a model file, nothing of it run."""

from __future__ import annotations

import time
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from automl.cli.parameters import ModelFile, command, model_path
from automl.cli.speech import Speech
from automl.formats.terminal import facts, listing
from automl.pretrained.cached import WEIGHTS
from automl.quantities import format_bytes
from automl.settings import Given
from automl.typography import counted, format_number, format_score, listed, printable, quoted


def inspect(model: ModelFile, *, given: Given) -> None:
    """What is in a model file, without running anything of it."""
    speech = Speech.of(given)
    from automl.bundle import inspect as look

    content = look(model_path(model))
    speech.answer(content, inspection_view(content))


def inspection_view(content: dict[str, Any]) -> RenderableType:
    """The manifest as facts and a table of the models in it."""
    task, score = content["task"], content["score"]
    made = time.strftime("%Y-%m-%d %H:%M", time.localtime(content["created"]))
    kind = task["kind"] + (f", classes {listed(task['classes'], 6)}" if task["classes"] else "")
    rows: list[tuple[str, RenderableType]] = [
        ("file", Text(f"{printable(content['path'])}   {format_bytes(content['bytes'])}, format {content['format']}")),
        ("made", Text(f"{made} by automl {content['version']} from {counted(content['n_train'], 'row')}")),
        ("predicts", Text(f"{quoted(task['target'])} ({kind})")),
    ]
    if score is not None:
        low, high = (format_score(score[key], score["error"]) for key in ("low", "high"))
        value = format_score(score["value"], score["error"])
        rows.append(("expected", Text(f"{score['metric']} {value} ({low}–{high}) on new data")))
    for needed in content["pretrained"]:
        weights = dict(needed["files"]).get(WEIGHTS, "")
        told = f"{printable(needed['name'])} {needed['revision'][:12]} in the local cache, sha256 {weights[:12]}…"
        rows.append(("needs", Text(told)))
    rows.append(("versions", Text(", ".join(f"{name} {version}" for name, version in content["versions"].items()))))
    table = listing(("weight", "family", "fits", "parameters"), numeric=(0, 2), wide=3)
    for entry in content["models"]:
        params = ", ".join(f"{name} {_shown(value)}" for name, value in entry["params"].items())
        table.add_row(f"{entry['weight']:.2f}", entry["family"], str(len(entry["folders"])), Text(printable(params)))
    return Group(facts(rows), Text(), table)


def _shown(value: object) -> str:
    return format_number(value) if isinstance(value, float) else str(value)


COMMAND = command("inspect", inspect)
