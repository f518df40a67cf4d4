"""Words and patches in the report: SHAP beside LIME, what was said, whether they agree, and the words of all rows."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest

from automl.attribution import Agreement, Attribution, GlobalImportance, PartAttribution, PartKind, RowAttribution
from automl.formats.html import render
from automl.outcome import Outcome
from automl.report import Figure, Marked, Overlay, Report, Section, Text
from automl.sections import learned
from automl.testing.formats import PICTURE


def a_part(kind: PartKind, method: str, row: int = 3) -> PartAttribution:
    return PartAttribution(
        row=row,
        column="what",
        kind=kind,
        method=method,  # type: ignore[arg-type]  # one of the two
        output="spam",
        prediction=2.0,
        base=-1.0,
        values=(1.0, 2.0),
        unit="log-odds",
        pieces=("free", " ", "offer") if kind == "text" else (),
        is_part=(True, False, True) if kind == "text" else (),
        grid=(0, 0) if kind == "text" else (1, 2),
        picture="" if kind == "text" else PICTURE,
        size=(0, 0) if kind == "text" else (8, 4),
        fidelity=0.9 if method == "lime" else None,
        note="typical",
        probability=0.88,
    )


def section_of(found: Attribution) -> Section:
    profile = SimpleNamespace(columns=[SimpleNamespace(name="what", kind="text")])
    outcome = cast(Outcome, SimpleNamespace(attribution=found, profile=profile, model="m.automl"))
    section = learned.section(outcome)
    assert render(Report(title="t", subtitle="", facts=(), sections=(section,), result={}))
    return section


@pytest.mark.parametrize("kind", ["text", "image", "audio"])
def test_shap_stands_beside_lime_under_what_was_said(kind: PartKind) -> None:
    parts = tuple(a_part(kind, method) for method in ("shap", "lime"))
    found = Attribution(parts=parts, agreement=(Agreement(3, 0.2, 9), Agreement(3, 0.8, 10, "what")))
    blocks = section_of(found).blocks
    texts = [block.text for block in blocks if isinstance(block, Text)]
    assert texts[0] == "Single rows"
    [said] = [text for text in texts if text.startswith("Row 3")]
    over = {"text": "words", "image": "patches", "audio": "stretches"}[kind]
    assert "(typical), what: spam with probability 88 %" in said
    assert f"SHAP and LIME agree (rank correlation 0.80 over the 10 foremost {over})" in said
    by_shap, by_lime = [block for block in blocks if isinstance(block, (Marked, Overlay))]
    assert by_shap.title == "Row 3, what: SHAP"
    assert "From -1 (probability 27 %), the log-odds of spam" in by_shap.caption
    assert "to 2 (probability 88 %)" in by_shap.caption
    assert "R² 0.90" in by_lime.caption
    if isinstance(by_shap, Marked):
        assert by_shap.weights == (1.0, 0.0, 2.0)
    else:
        assert (by_shap.weights, by_shap.grid) == ((1.0, 2.0), (1, 2))


def test_words_of_all_rows_are_coloured_by_what_they_do() -> None:
    words = GlobalImportance(
        method="shap",
        columns=("free", "<b>", "hi"),
        values=(0.3, 0.2, 0.1),
        errors=(0.01, 0.01, 0.0),
        unit="probability",
        n_rows=200,
        words_of="what",
        output="spam",
        moves=(0.5, 0.4, -0.2),
    )
    blocks = section_of(Attribution(importance=(words,))).blocks
    [figure] = [block for block in blocks if isinstance(block, Figure)]
    assert figure.labels == ("free", "<b>", "hi")
    assert figure.series[0].color == (1.0, 1.0, 0.0)
    assert "over 200 rows" in figure.caption
    assert "raises the probability of spam" in figure.caption
    assert Text("Which words matter", "heading") in blocks


def test_texts_and_files_are_not_coloured_by_rank() -> None:
    rows = tuple(
        RowAttribution(
            method="shap",
            row=i,
            output="spam",
            prediction=0.5,
            base=0.5,
            columns=("what", "size"),
            values=(0.1, -0.1),
            shown=(str(i), str(i)),
            unit="probability",
        )
        for i in range(9)
    )
    [swarm] = [
        block for block in section_of(Attribution(summary=rows, chosen=rows[:1])).blocks if isinstance(block, Figure)
    ][:1]
    assert swarm.series[0].color == ()
    assert len(swarm.series[1].color) == 9
