"""Records of a made-up run, with column names and values that try to break a terminal."""

from __future__ import annotations

from automl.attribution import Attribution, GlobalImportance
from automl.forecast import Forecast
from automl.outcome import BlendMember, Estimate, Outcome
from automl.plan import Candidate, Cost, Hardware, Plan, Reason, RuledOut, Validation, Verdict, Wishes
from automl.profile import ColumnProfile, Finding, Numbers, Profile
from automl.task import Task
from automl.trial import Score, Trial

EVIL = "[bold red]x[/]\x1b[31m\x1b]0;t\x07\nrow\u202e"


def profile() -> Profile:
    numbers = Numbers(0, 72, 32.4, 24.5, 0.2, 0.01, 1, (0, 1, 9, 29, 55, 72, 72), (0.0, 36.0, 72.0), (10, 90))

    def column(name: str, kind: str, **more: object) -> ColumnProfile:
        about = {"confidence": 1.0, "evidence": "", "storage": "string", **more}
        return ColumnProfile(name=name, kind=kind, **about)  # type: ignore[arg-type]

    columns = (
        column(EVIL, "category", confidence=0.6, n_unique=2, top=((EVIL, 60),)),
        column("", "number", storage="number", n_missing=3, numbers=numbers),
        column("🎉", "id", role="left_out", n_unique=100),
        column("y", "boolean", role="target", n_unique=2),
    )
    findings = (
        Finding(code="D014", title="id-like", severity="info", evidence=f"{EVIL} names rows", action="left out"),
        Finding(code="D020", title="leak suspect", severity="danger", evidence="x tells all", advice="--drop x"),
    )
    return Profile(
        source=f"data/{EVIL}.csv", n_rows=100, n_rows_profiled=100, memory_bytes=1_040_000, modality="tabular",
        columns=columns, findings=findings,
    )  # fmt: skip


def plan(metric: str = "roc_auc") -> Plan:
    candidates = tuple(
        Candidate(family=family, kind=kind, share=0.5, portfolio=({},), cost=Cost(1.3, 10**8), reasons=("P001",))  # type: ignore[arg-type]
        for family, kind in (("alpha", "shallow"), ("beta", "neural"))
    )
    return Plan(
        task=Task(kind="binary", target="y", metric=metric, classes=("a", "b"), evidence=f"last column {EVIL}"),
        validation=Validation(kind="kfold", n_folds=5, stratify=True, sentence="5 folds: few rows"),
        candidates=candidates,
        ruled_out=(RuledOut("gamma", "P007", "61 s a fit"),),
        reasons=(Reason(rule="P046", sentence="both kinds race"),),
        hardware=Hardware(n_cores=2, memory_bytes=8 * 10**9),
        wishes=Wishes(seconds=20),
        n_workers=2,
        threads_per_fit=1,
        max_models=10,
    )


def estimate(value: float = 0.85, metric: str = "roc_auc") -> Estimate:
    return Estimate(metric=metric, value=value, low=value - 0.012, high=value + 0.011, error=0.007, n_rows=100)


def trial(number: int, value: float | None = 0.8, family: str = "alpha", **more: object) -> Trial:
    defaults: dict[str, object] = {"origin": "search", "state": "done", "params": {}}
    scores = (Score(fold=0, value=value, seconds=0.2),) if value is not None else ()
    return Trial(number=number, family=family, value=value, scores=scores, **{**defaults, **more})  # type: ignore[arg-type]


def outcome(folder: str = "runs/x") -> Outcome:
    importance = GlobalImportance(
        method="shap", columns=(EVIL, "", "z"), values=(1.2, 0.8, 0.0), errors=(0.0,) * 3, unit="log-odds", n_rows=100
    )
    return Outcome(
        folder=folder,
        model=f"{folder}/model.automl",
        profile=profile(),
        plan=plan(),
        trials=(trial(0), trial(1, family="beta")),
        score=estimate(),
        metrics=(estimate(), estimate(0.41, "log_loss")),
        baselines=(("majority class", estimate(0.5)),),
        members=(
            BlendMember(trial=0, family="alpha", kind="shallow", weight=0.5, value=0.84),
            BlendMember(trial=1, family="beta", kind="neural", weight=0.3, value=0.83),
            BlendMember(trial=2, family="alpha", kind="shallow", weight=0.2, value=0.83),
        ),
        verdict=Verdict(winner="tie", margin=0.001, margin_error=0.003, sentence="a tie"),
        stopped="more time would gain less than the noise",
        seconds=52.3,
        stages={"search": 40.0},
        n_train=100,
        started=1.7e9,
        versions={"automl": "0.1.0", "python": "3.11"},
        skipped=(f"column {EVIL} was skipped",),
        forecast=Forecast(seconds=40.0, value=0.851, to_limit=0.001, twice_time=0.002, twice_rows=0.01),
        attribution=Attribution(importance=(importance,)),
        settings={"seed": 0, "data": "x.csv"},
    )
