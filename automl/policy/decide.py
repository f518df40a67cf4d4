"""The decision: a profile, a task, the hardware and wishes in; a plan with the whole trace of why out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import msgspec

from automl import registry
from automl.errors import UsageError
from automl.family import Family
from automl.plan import Candidate, Hardware, Plan, Validation, Wishes
from automl.policy.cost import Calibration, CostModel, at_rows, search_seconds
from automl.policy.effects import Case, MaxDefaults, MaxModels, Ruling
from automl.policy.organisation import read_policy
from automl.policy.pretrained import choose_encoders, with_embeddings
from automl.policy.resources import Option, Runner, cut, readable_rows, sample_rows, share_out, strongest
from automl.policy.units import seconds_text
from automl.policy.validation import choose_validation
from automl.policy.weigh import Entrant, Trace, enter, judge
from automl.pretrained.cached import CachedEncoder
from automl.profile import Profile
from automl.task import Task
from automl.typography import counted, format_share

BUDGET, VALIDATION, KINDS = "P034", "P042", "P046"
# A kind whose best family weighs less than this share of the other kind's best is not tried.
_HOPELESS = 0.1
# A family whose fit takes more of the search than this does not decide on the folds of the others.
_SLOW = 0.3
# Of the budget; plans of small tables are not to hang on how long their file took this time.
_NOTICED = 0.05


def decide(
    profile: Profile,
    task: Task,
    hardware: Hardware,
    wishes: Wishes,
    families: Sequence[Family] | None = None,
    *,
    calibration: Calibration | None = None,
    cached: Sequence[CachedEncoder] = (),
    spent: float = 0.0,
) -> Plan:
    """Decide what to try, on which splits and with which resources.

    A pure function of its arguments (but for the policy file that `wishes` may name).

    Args:
        families: Those to choose from; every registered one unless told.
        calibration: What past runs taught about costs here; nothing unless told.
        cached: Pretrained encoders in the local caches.
        spent: Seconds of the budget that reading and profiling took.

    Returns:
        A plan with at least one candidate beyond the baselines, wherever a family can learn the task. `plan.wishes`
        holds the wishes as the organisation's policy leaves them.

    Raises:
        UsageError: Wishes that cannot be: unknown families, a budget of nothing, a policy file that can't be read.
        DataError: Fewer than two rows with a target.
    """
    trace = Trace()
    chosen = sorted(registry.families() if families is None else families, key=lambda f: f.name)
    organisation = read_policy(wishes.policy) if wishes.policy else None
    wishes = _checked(wishes, organisation.max_seconds if organisation else None, trace)
    spent = _noticed(spent, wishes, trace)
    pretrained = choose_encoders(Case(profile, task, hardware, wishes, spent), cached, trace)
    profile = with_embeddings(profile, pretrained)
    case = Case(profile, task, hardware, wishes, spent + sum(each.seconds for each in pretrained))
    rulings = judge(case, organisation, trace)
    entrants = _promising(enter(chosen, case, rulings, trace), trace)

    calibration = calibration or Calibration()
    readable = readable_rows(case, trace)
    max_rows = readable or sample_rows(case, entrants, CostModel(profile, hardware, calibration), trace)
    if max_rows is not None:
        case = replace(case, profile=at_rows(profile, max_rows))
    n_workers, threads = share_out(case, entrants, CostModel(case.profile, hardware, calibration), trace)
    model = CostModel(case.profile, hardware, calibration, threads)
    main_seconds = _main_seconds(case, entrants, model)
    validation = choose_validation(case, main_seconds, n_workers, is_sample=max_rows is not None)
    trace.say(VALIDATION, validation.sentence)
    runners = cut(case, entrants, model, validation, n_workers, trace)
    _name_kinds(runners, trace)
    candidates = _candidates(runners, validation, n_workers, case, _most_defaults(rulings))
    return Plan(
        task=task,
        validation=validation,
        candidates=candidates,
        ruled_out=tuple(sorted(trace.ruled_out, key=lambda r: (r.rule, r.family))),
        reasons=tuple(sorted(trace.reasons, key=lambda r: r.rule)),
        hardware=hardware,
        wishes=_counted(wishes, candidates, trace),
        n_workers=n_workers,
        threads_per_fit=threads,
        max_models=min(e.count for _, r in rulings for e in r.effects if isinstance(e, MaxModels)),
        max_rows=max_rows,
        pretrained=pretrained,
    )


def _checked(wishes: Wishes, most_seconds: float | None, trace: Trace) -> Wishes:
    if not wishes.seconds > 0:
        raise UsageError(f"--time-limit {wishes.seconds:g}: a budget is above 0 s")
    if wishes.n_jobs is not None and wishes.n_jobs < 1:
        raise UsageError(f"--jobs {wishes.n_jobs}: at least 1")
    if most_seconds is not None and most_seconds < wishes.seconds:
        said = f"{seconds_text(wishes.seconds)} asked for, {seconds_text(most_seconds)} allowed by {wishes.policy}"
        trace.say(BUDGET, said, f"≤ {seconds_text(most_seconds)}")
        wishes = msgspec.structs.replace(wishes, seconds=most_seconds)
    used = search_seconds(wishes)
    trace.say(BUDGET, f"{seconds_text(wishes.seconds)} in all: {seconds_text(used)} to search, the rest to finish in")
    return wishes


def _counted(wishes: Wishes, candidates: Sequence[Candidate], trace: Trace) -> Wishes:
    """With a number of trials where the run is to be deterministic: of the defaults, unless the user gave one."""
    if not wishes.deterministic or wishes.n_trials is not None:
        return wishes
    n_trials = sum(len(c.portfolio) for c in candidates if c.share)
    trace.say(BUDGET, f"{counted(n_trials, 'trial')}, as many as defaults: a deterministic run counts them")
    return msgspec.structs.replace(wishes, n_trials=n_trials)


def _noticed(spent: float, wishes: Wishes, trace: Trace) -> float:
    """Seconds that reading took, 0 where that is next to nothing of the budget."""
    if spent <= _NOTICED * wishes.seconds:
        return 0.0
    trace.say(BUDGET, f"{seconds_text(spent)} of it went into reading and profiling the table")
    return spent


def _promising(entrants: list[Entrant], trace: Trace) -> list[Entrant]:
    """Without the kind (neural or shallow) that the rules leave no hope; what the user named stays."""
    best = {kind: max((e.weight for e in strongest(entrants) if e.family.kind == kind), default=0.0) for kind in _KINDS}
    weak = min(best, key=lambda kind: best[kind])
    strong = max(best, key=lambda kind: best[kind])
    if not 0 < best[weak] < _HOPELESS * best[strong]:
        return entrants
    sentence = (
        f"{_KINDS[weak]} weigh {best[weak]:.2g} at most here, {_KINDS[strong]} {best[strong]:.2g}: not worth a race"
    )
    kept = []
    for entrant in entrants:
        if entrant.is_baseline or entrant.is_wanted or entrant.family.kind != weak:
            kept.append(entrant)
        else:
            trace.drop(entrant.family, KINDS, sentence)
    return kept


_KINDS = {"neural": "nets", "shallow": "shallow models"}


def _name_kinds(runners: list[Runner], trace: Trace) -> None:
    """Say which kinds race."""
    weights: dict[str, float] = {}
    for runner in runners:
        if not runner.entrant.is_baseline:
            kind = runner.entrant.family.kind
            weights[kind] = weights.get(kind, 0.0) + runner.entrant.weight
    if len(weights) == 2:
        share = format_share(weights["neural"] / sum(weights.values()))
        trace.say(KINDS, f"nets and shallow models race: the rules expect nets to be {share} of the blend", "both")
    elif weights:
        kind = next(iter(weights))
        other = next(k for k in _KINDS if k != kind)
        trace.say(
            KINDS, f"only {_KINDS[kind]} race: no family of {_KINDS[other]} is left, see what was ruled out", kind
        )
    else:
        trace.say(KINDS, "no family but the baselines can learn this: see what was ruled out", "none")


def _main_seconds(case: Case, entrants: Sequence[Entrant], model: CostModel) -> tuple[float, ...]:
    """Expected seconds of one fit on all rows of each family's first default that is not slow, the heaviest first."""
    n, most = case.shape.n_rows, _SLOW * case.search_seconds
    costs = [
        [model.fit(e.family, params, n).seconds for params in e.family.default(case.profile)]
        for e in strongest(entrants)
    ]
    quick = [next((seconds for seconds in each if seconds <= most), None) for each in costs]
    return tuple(s for s in quick if s is not None) or tuple(sorted(each[0] for each in costs))


def _most_defaults(rulings: tuple[tuple[str, Ruling], ...]) -> int | None:
    return min((e.count for _, r in rulings for e in r.effects if isinstance(e, MaxDefaults)), default=None)


def _candidates(
    runners: list[Runner], validation: Validation, n_workers: int, case: Case, most_defaults: int | None
) -> tuple[Candidate, ...]:
    """In order of start, with shares of the budget and defaults.

    A deterministic run has as many as the share is expected to pay for; any other finds out what it pays for.
    """
    tuned = [r for r in runners if not r.entrant.is_baseline] or runners
    total = sum(runner.entrant.weight for runner in tuned)
    seconds = case.search_seconds * n_workers
    learners = sorted((r for r in runners if not r.entrant.is_baseline), key=_by_turn)
    candidates = []
    for runner in (*(r for r in runners if r.entrant.is_baseline), *learners):
        share = runner.entrant.weight / total if runner in tuned else 0.0
        options = runner.options
        if case.wishes.deterministic:
            options = _paid(runner, share * seconds, validation.n_fits)
        options = options[:most_defaults]
        candidates.append(
            Candidate(
                family=runner.entrant.family.name,
                kind="neural" if runner.entrant.family.kind == "neural" else "shallow",
                share=share,
                portfolio=tuple(option.params for option in options),
                cost=options[0].cost,
                reasons=() if runner.entrant.is_baseline else runner.entrant.rules,
            )
        )
    return tuple(candidates)


def _paid(runner: Runner, seconds: float, fits: int) -> tuple[Option, ...]:
    """The first defaults whose fits the seconds pay for, one at least."""
    paid, spent = [runner.options[0]], fits * runner.options[0].cost.seconds
    for option in runner.options[1:]:
        spent += fits * option.cost.seconds
        if spent > seconds:
            break
        paid.append(option)
    return tuple(paid)


def _by_turn(runner: Runner) -> tuple[float, str]:
    """Who costs least beside its weight begins: a quick one, so that a model is there at once, and strong ones soon."""
    return runner.options[0].cost.seconds / max(runner.entrant.weight, 1e-9), runner.entrant.family.name
