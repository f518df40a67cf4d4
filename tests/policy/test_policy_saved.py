from __future__ import annotations

import msgspec
import pytest
from policy_fakes import BINARY, FAMILIES, MACHINE, profile

from automl.errors import UsageError
from automl.plan import ColumnWishes, Wishes
from automl.policy.decide import decide
from automl.policy.saved import for_task, plan_json, read_plan, with_plan, within
from automl.settings import Settings

KNOWN = [family.name for family in FAMILIES]
COLUMNS = ColumnWishes(types={"zip": "category"}, drop=("leak",))
PLAN = msgspec.structs.replace(
    decide(profile(), BINARY, MACHINE, Wishes(seconds=60, n_trials=7, exclude=("net",)), FAMILIES), columns=COLUMNS
)


def asked(**typed: object) -> Settings:
    """Settings of a run of the plan, with some that were typed."""
    sources = {name: f"flag --{name.replace('_', '-')}" for name in typed}
    return Settings(data="d.csv", plan="p.json", sources=sources, **typed)  # type: ignore[arg-type]


def test_a_plan_comes_back_from_a_file_and_what_is_none_is_refused(tmp_path):
    path = tmp_path / "plan.json"
    path.write_bytes(plan_json(PLAN))
    assert read_plan(str(path), KNOWN) == PLAN
    with pytest.raises(UsageError, match="no family 'boost'"):
        read_plan(str(path), ["bost", "dummy", "line", "stump", "net", "forest"])
    path.write_text('{"task": 3}')
    with pytest.raises(UsageError, match="not a plan"):
        read_plan(str(path), KNOWN)
    with pytest.raises(UsageError, match="cannot be read"):
        read_plan(str(tmp_path / "none.json"), KNOWN)


def test_a_run_of_a_plan_reads_the_table_as_the_plan_did_and_keeps_its_budget():
    settings = with_plan(asked(), PLAN)
    assert (settings.target, settings.task, settings.metric) == (BINARY.target, "binary", BINARY.metric)
    assert (settings.types, settings.drop) == ({"zip": "category"}, ("leak",))
    assert (settings.group, settings.time) == ("none", "none"), "what was not found then is not looked for again"
    assert (settings.time_limit, settings.trials, settings.exclude) == (60, 7, ("net",))


def test_another_budget_may_be_asked_for_but_nothing_that_the_plan_was_made_with():
    settings = with_plan(asked(time_limit=30.0, trials=3, jobs=1, drop=("leak",)), PLAN)
    planned = within(PLAN, settings)
    assert (planned.wishes.seconds, planned.wishes.n_trials, planned.n_workers) == (30.0, 3, 1)
    assert within(PLAN, with_plan(asked(jobs=64), PLAN)).n_workers == PLAN.n_workers, "no memory for more"
    for typed in ({"drop": ("other",)}, {"preset": "fast"}, {"types": {}}, {"deterministic": True}):
        with pytest.raises(UsageError, match=f"made with another --{next(iter(typed))}"):
            with_plan(asked(**typed), PLAN)


def test_the_environment_does_not_change_what_a_plan_was_made_with_but_its_budget():
    settings = Settings(data="d.csv", plan="p.json", preset="fast", time_limit=9.0)
    settings = msgspec.structs.replace(settings, sources={"preset": "env AUTOML_PRESET", "time_limit": "env X"})
    settings = with_plan(settings, PLAN)
    assert (settings.preset, settings.time_limit) == ("balanced", 9.0)


def test_a_plan_runs_for_its_task_only_whatever_the_classes():
    more = msgspec.structs.replace(BINARY, classes=(*BINARY.classes, "maybe"))
    assert for_task(PLAN, more, asked()).task.classes == more.classes
    other = msgspec.structs.replace(BINARY, target="other")
    with pytest.raises(UsageError, match=f"made for target {BINARY.target}, and here it is other"):
        for_task(PLAN, other, asked())


def test_the_organisation_limits_every_run_of_a_plan(tmp_path):
    (tmp_path / "rules.toml").write_text("max_seconds = 40\n")
    wishes = msgspec.structs.replace(PLAN.wishes, policy=str(tmp_path / "rules.toml"))
    planned = within(msgspec.structs.replace(PLAN, wishes=wishes), asked(time_limit=300.0))
    assert planned.wishes.seconds == 40
