"""Can it be trusted: every metric, errors in shape, calibration, and what was left out."""

from __future__ import annotations

from automl.metrics import METRICS
from automl.outcome import Evidence, Outcome
from automl.report import Block, Notice, Section, TableBlock, Text
from automl.sections import errors
from automl.typography import counted
from automl.words import level, scheme, scored, sentence, span


def section(outcome: Outcome, evidence: Evidence) -> Section:
    """How far the score can be leaned on."""
    blocks: list[Block] = [Text(_how(outcome)), _metrics(outcome)]
    task = outcome.plan.task
    if len(evidence.y) == 0:
        blocks.append(Notice("no held-out rows", "There are no rows to draw the errors of.", "warning"))
    elif task.is_classification:
        blocks += errors.of_classes(task, evidence, outcome.threshold)
    else:
        blocks += errors.of_values(evidence)
    if outcome.skipped:
        blocks.append(Text("What was left out", "heading"))
        blocks += [Notice(sentence(skipped), "", "info") for skipped in outcome.skipped]
    return Section("Can it be trusted?", "trust", tuple(blocks))


def _how(outcome: Outcome) -> str:
    validation = outcome.plan.validation
    drawn = "at random"
    if validation.time:
        drawn = f"in the order of {validation.time}"
    elif validation.group:
        drawn = f"with every {validation.group} whole on one side"
    calibrated = (
        f" Probabilities were calibrated with temperature {outcome.temperature:.2f}."
        if outcome.plan.task.is_classification and outcome.temperature != 1.0
        else ""
    )
    return (
        f"Every figure below is from rows the models had not been trained on ({scheme(validation)}, drawn {drawn}), "
        f"with blend weights chosen on other rows than those they are scored on.{calibrated} "
        "It holds for new rows that come the way these came."
    )


def _metrics(outcome: Outcome) -> TableBlock:
    rows = tuple(
        (e.metric, scored(e), span(e), "higher" if METRICS[e.metric].maximize else "lower") for e in outcome.metrics
    )
    head = ("metric", "value", level(outcome.score), "better")
    title = f"Scores on {counted(outcome.score.n_rows, 'held-out row')}"
    return TableBlock(title, head, rows, (False, True, True, False))
