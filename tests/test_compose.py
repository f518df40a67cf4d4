"""A whole report from an outcome, in every format, whatever the data are called."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import numpy as np
import pytest

from automl import registry
from automl.cli import main
from automl.compose import compose, result
from automl.metrics import METRICS, estimate
from automl.outcome import BlendMember, Evidence, Outcome
from automl.plan import Candidate, Cost, Hardware, Plan, Reason, RuledOut, Validation, Verdict, Wishes
from automl.profile import ColumnProfile, Finding, Numbers, Profile
from automl.report import Figure, Notice, Report, Section, TableBlock
from automl.task import Task, TaskKind
from automl.testing.formats import outline
from automl.trial import Score, State, Trial

N = 80
CLASSES = {"binary": ("no", "<i>yes"), "multiclass": ("a|b", "`c`", "שלום"), "regression": ()}
MAIN = {"binary": "roc_auc", "multiclass": "log_loss", "regression": "rmse"}


def evidence_of(kind: TaskKind, skill: float = 3.0) -> Evidence:
    rng = np.random.default_rng(0)
    if kind == "regression":
        y = rng.normal(size=N)
        return Evidence(y, y + rng.normal(size=N) / max(skill, 1e-6) if skill else np.zeros(N))
    n = len(CLASSES[kind])
    codes = rng.integers(0, n, N)
    p = rng.random((N, n)) + skill * np.eye(n)[codes]
    return Evidence(codes, p / p.sum(axis=1, keepdims=True))


def profile_of(task: Task) -> Profile:
    numbers = Numbers(0.0, 9.0, 4.0, 2.0, 0.0, 0.1, 1.0, (0.0, 1, 2, 4, 6, 8, 9), (0.0, 3.0, 6.0, 9.0), (2, 60, 18))
    top = tuple((name, 20) for name in task.classes) or (("1.5", 3),)
    columns = [
        ColumnProfile(
            name="<script>x", kind="number", confidence=1.0, evidence="", storage="number", numbers=numbers, top=top
        ),
        ColumnProfile(
            name="", kind="category", confidence=1.0, evidence="", storage="string", n_missing=8, top=(("\x1b[31m", 9),)
        ),
        ColumnProfile(
            name=task.target,
            kind="number",
            confidence=1.0,
            evidence="",
            storage="number",
            role="target",
            numbers=numbers,
            top=top,
        ),
    ]
    finding = Finding(code="D001", title="<b>odd</b>", severity="danger", evidence="seen", advice="do", action="did")
    return Profile(
        source="/x/<data>.csv",
        n_rows=N,
        n_rows_profiled=N,
        memory_bytes=999,
        modality="tabular",
        columns=tuple(columns),
        findings=(msgspec.structs.replace(finding, severity="info", code="D009"), finding),
    )


def outcome_of(kind: TaskKind, folder: str = "/runs/x y", *, skill: float = 3.0, n_trials: int = 9) -> Outcome:
    task = Task(kind=kind, target='"onload="', metric=MAIN[kind], classes=CLASSES[kind], evidence="it is last")
    evidence = evidence_of(kind, skill)
    metrics = tuple(estimate(m, evidence.y, evidence.prediction) for m in METRICS.values() if kind in m.kinds)
    score = next(e for e in metrics if e.metric == task.metric)
    flat = evidence_of(kind, 0.0)
    baseline = estimate(METRICS[task.metric], flat.y, flat.prediction)
    states: list[State] = ["done", "done", "done", "pruned", "failed", "skipped"]
    trials = tuple(
        Trial(
            number=i,
            family=f"family{i % 7}",
            params={"depth": i, "rate": 0.1},
            origin="baseline" if i == 0 else "search",
            state=states[i % 6],
            value=score.value + 0.01 * i if i % 6 < 4 else None,
            reason="why | not" if i % 6 > 2 else "",
            scores=(Score(fold=0, value=0.5, seconds=1.0, n_iterations=30, curve=(0.5, 0.4, 0.3)),),
        )
        for i in range(n_trials)
    )
    plan = Plan(
        task=task,
        validation=Validation(kind="kfold", n_folds=5, group="g"),
        n_workers=2,
        threads_per_fit=1,
        max_models=9,
        candidates=(Candidate(family="family1", kind="shallow", share=0.5, portfolio=(), cost=Cost(1, 1)),),
        ruled_out=(RuledOut("family2", "P001", "too slow"),),
        reasons=(Reason(rule="P002", sentence="few rows"),),
        hardware=Hardware(n_cores=2, memory_bytes=10**9),
        wishes=Wishes(),
    )
    return Outcome(
        folder=folder,
        model=f"{folder}/model.automl",
        profile=profile_of(task),
        plan=plan,
        trials=trials,
        score=score,
        metrics=metrics,
        baselines=(("Baseline", baseline),),
        test=metrics[:1],
        stopped="time was up",
        seconds=61.0,
        members=(BlendMember(trial=1, family="family1", kind="shallow", weight=1.0, value=0.9),),
        stages={"search": 50.0},
        verdict=Verdict(winner=None, margin=None, margin_error=None, sentence="only shallow was tried"),
        n_train=N,
        started=1.7e9,
        versions={"automl": "0"},
        skipped=("explaining was skipped",),
        settings={"seed": 0, "drop": []},
    )


def section(report: Report, anchor: str) -> Section:
    return next(s for s in report.sections if s.anchor == anchor)


@pytest.mark.parametrize("kind", CLASSES)
@pytest.mark.parametrize("name", registry.names("formats"))
def test_every_format_tells_the_whole_outcome(kind: TaskKind, name: str) -> None:
    text = registry.renderer(name)(compose(outcome_of(kind), evidence_of(kind)))
    for said in (
        "time was up",
        "only shallow was tried",
        "explaining was skipped",
        "too slow",
        "few rows",
        "automl predict",
    ):
        words = said.split()
        assert all(word.lower() in text.lower() for word in words), said
    assert "\x1b" not in text
    if name == "html":
        assert not [tag for tag, _ in outline(text) if tag in ("script", "i", "data")]


def test_the_verdict_stands_first_and_doubts_itself() -> None:
    good = compose(outcome_of("binary"), evidence_of("binary"))
    assert good.sections[0].anchor == "verdict"
    assert not [b for b in good.sections[0].blocks if isinstance(b, Notice)]
    assert [name for name, _ in good.facts][:3] == ["roc_auc", "90 % interval", "best baseline"]
    poor = compose(outcome_of("binary", skill=0.0), evidence_of("binary", 0.0))
    [doubt] = [b for b in poor.sections[0].blocks if isinstance(b, Notice)]
    assert "may do as well" in doubt.text


def test_findings_come_gravest_first() -> None:
    found = [
        b for b in section(compose(outcome_of("binary"), evidence_of("binary")), "data").blocks if isinstance(b, Notice)
    ]
    assert [notice.severity for notice in found] == ["danger", "info"]
    assert found[0].text == "Seen. Done: did. Do."


def test_the_leaderboard_ranks_complete_trials_only() -> None:
    for kind, first in (("binary", "8"), ("regression", "0")):
        blocks = section(compose(outcome_of(kind), evidence_of(kind)), "found").blocks  # type: ignore[arg-type]
        board = next(b for b in blocks if isinstance(b, TableBlock) and b.title == "Leaderboard")
        assert {row[6] for row in board.rows} == {"0", "1", "2", "6", "7", "8"}
        assert board.rows[0][6] == first
        history = next(b for b in blocks if isinstance(b, Figure) and b.title == "Search history")
        best = history.series[-1].y
        assert list(best) == sorted(best, reverse=kind == "regression")


def test_an_outcome_with_next_to_nothing() -> None:
    outcome = msgspec.structs.replace(
        outcome_of("multiclass", n_trials=1), baselines=(), trials=(), stages={}, skipped=(), settings={}, versions={}
    )
    report = compose(outcome, Evidence(np.zeros(0, dtype=int), np.zeros((0, 3))))
    for name in registry.names("formats"):
        assert registry.renderer(name)(report)


def test_the_result_is_json_and_names_what_scripts_lean_on() -> None:
    found = json.loads(msgspec.json.encode(result(outcome_of("binary"))))
    assert set(found["score"]) == {"value", "low", "high", "level"}
    assert set(found) >= {
        "task",
        "target",
        "metric",
        "metrics",
        "baselines",
        "members",
        "model",
        "report",
        "seconds",
        "findings",
    }
    assert found["findings"] == ["D001", "D009"]
    assert found["report"] == "/runs/x y/report.html"


def test_the_command_renders_a_run_again(tmp_path: Path) -> None:
    evidence = evidence_of("binary")
    (tmp_path / "oof").mkdir()
    np.savez(tmp_path / "oof" / "blend.npz", rows=np.arange(N), y=evidence.y, prediction=evidence.prediction)
    outcome = outcome_of("binary", str(tmp_path))
    (tmp_path / "outcome.json").write_bytes(msgspec.json.encode(outcome))
    (tmp_path / "DONE").touch()
    assert main(["report", str(tmp_path), "--format", "html,md,json"]) == 0
    written = {path.name: path.read_text(encoding="utf-8") for path in tmp_path.glob("report.*")}
    assert set(written) == {"report.html", "report.md", "report.json"}
    assert written["report.html"] == registry.renderer("html")(compose(outcome, evidence))
    assert main(["report", str(tmp_path), "--format", "pdf"]) == 2
