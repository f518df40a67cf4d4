"""Explanations as figures: several columns summed up come last, SHAP stands beside the curve, agreement is said."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import cast

import numpy as np

from automl.attribution import Agreement, Attribution, Dependence, GlobalImportance, Method, RowAttribution
from automl.formats.html import render
from automl.outcome import Outcome
from automl.report import Figure, Notice, Report, Section, Text
from automl.sections import learned

NAMES = ("a", "b", "<c>", "all other columns (3)")


def outcome_of(found: Attribution | None) -> Outcome:
    profile = SimpleNamespace(columns=[SimpleNamespace(name=name, kind="number") for name in NAMES[:3]])
    return cast(Outcome, SimpleNamespace(attribution=found, profile=profile, model="m.automl"))


def a_row(row: int, method: Method = "shap", values: tuple[float, ...] = (0.1, -0.3, 0.0, 0.4)) -> RowAttribution:
    return RowAttribution(
        method=method,
        row=row,
        output="yes",
        prediction=0.7,
        base=0.5,
        columns=NAMES,
        values=values,
        shown=(str(row), f"2020-01-{row + 10}", "x", ""),
        unit="probability",
        fidelity=0.2 if method == "lime" else None,
        probability=0.7,
    )


def drawn(found: Attribution) -> Section:
    section = learned.section(outcome_of(found))
    assert render(Report(title="t", subtitle="", facts=(), sections=(section,), result={}))
    return section


def figures(section: Section) -> dict[str, Figure]:
    return {block.title: block for block in section.blocks if isinstance(block, Figure)}


def test_nothing_explained_is_said() -> None:
    for found in (None, Attribution()):
        [notice] = learned.section(outcome_of(found)).blocks
        assert isinstance(notice, Notice)
        assert "automl explain m.automl" in notice.text


def test_what_sums_up_columns_comes_last() -> None:
    importance = GlobalImportance(
        method="shap",
        columns=(NAMES[3], *NAMES[:3]),
        values=(9.0, 3.0, 2.0, 0.0),
        errors=(0.0,) * 4,
        unit="u",
        n_rows=9,
    )
    summary = tuple(a_row(i) for i in range(9))
    shown = figures(drawn(Attribution(importance=(importance,), summary=summary, chosen=(a_row(0),))))
    assert shown["SHAP: how far each column moves the output"].labels == ("a", "b", NAMES[3])
    swarm = shown["SHAP, row by row"]
    assert swarm.labels == ("a", "b", NAMES[3])
    assert swarm.series[0].color == swarm.series[1].color == tuple(i / 8 for i in range(9))
    assert swarm.series[2].color == ()
    fall = shown["Row 0: SHAP"]
    assert fall.labels == ("b = 2020-01-10", "a = 0", NAMES[3], "1 other column")
    base, last = fall.series[0].x
    assert math.isclose(base + sum(fall.series[0].y), last)


def test_agreement_is_said_in_words() -> None:
    rows = tuple(a_row(i, method) for i in range(3) for method in cast(tuple[Method, ...], ("shap", "lime")))
    agreement = tuple(Agreement(i, r, 3) for i, r in enumerate((0.9, 0.4, -0.2)))
    texts = [b.text for b in drawn(Attribution(chosen=rows, agreement=agreement)).blocks if isinstance(b, Text)]
    told = [text for text in texts if text.startswith("Row ")]
    assert "SHAP and LIME agree (rank correlation 0.90 over the 3 foremost columns)" in told[0]
    assert "agree in part" in told[1]
    assert "disagree" in told[2]
    assert all("fits poorly here (R² 0.20)" in text for text in told)


def a_dependence(**changes: object) -> Dependence:
    fields: dict[str, object] = {
        "column": "a",
        "output": "yes",
        "labels": (),
        "grid": (1.0, 2.0, 3.0),
        "average": (0.1, 0.2, 0.4),
        "rows": (1.5, 2.5, 90.0),
        "attributions": (0.0, 0.1, 0.2),
        "unit": "probability",
        "attribution_unit": "log-odds",
    }
    return Dependence(**(fields | changes))  # type: ignore[arg-type]


def test_effects_of_every_kind_of_column() -> None:
    kinds = {
        "number": a_dependence(),
        "date": a_dependence(scale="date", grid=(0.0, 8.64e7, 1.7e8), rows=(1e7,), attributions=(0.1,)),
        "category": a_dependence(
            scale="category", labels=("<x>", "y", "z"), grid=(0.0, 2.0), average=(0.1, 0.2), rows=(0.0, 1.0, 2.0)
        ),
        "shap alone": a_dependence(grid=(), average=()),
        "shap of categories": a_dependence(
            scale="category", labels=("<x>", "y"), grid=(), average=(), rows=(0.0, 0.0, 1.0)
        ),
        "no shap": a_dependence(rows=(), attributions=()),
    }
    found = {name: figures(drawn(Attribution(dependence=(each,))))["Effect of a"] for name, each in kinds.items()}
    assert found["number"].beside[0].x == (1.5, 2.5)
    assert "(1 beyond the axis not drawn)" in found["number"].caption
    assert found["date"].dates
    assert found["category"].labels == ("<x>", "z")
    assert found["category"].beside[0].y == (0.0, 1.0)
    assert found["shap alone"].series[0].mark == "points"
    assert found["shap of categories"].series[0].y == (float(np.mean([0.0, 0.1])), 0.2)
    assert found["no shap"].beside == ()
