from __future__ import annotations

import dataclasses
import random
import subprocess
import sys

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from policy_fakes import BINARY, FAMILIES, GB, MACHINE, column, fake_family, numbers, profile

from automl.errors import DataError, UsageError
from automl.plan import Accelerator, Hardware, Plan, Wishes
from automl.policy.decide import decide
from automl.profile import Extent, Profile, Shape
from automl.task import Task

KINDS = ("number", "integer_code", "category", "ordinal", "boolean", "datetime", "text")


def plan_for(made=None, wishes=None, *, task=BINARY, hardware=MACHINE, families=FAMILIES, **more):
    return decide(made or profile(), task, hardware, wishes or Wishes(seconds=60), families, **more)


def names(plan):
    return [c.family for c in plan.candidates]


def rule_of(plan, family):
    return next((r.rule for r in plan.ruled_out if r.family == family), None)


@st.composite
def cases(draw):
    n = draw(st.one_of(st.integers(2, 2_000), st.integers(2_000, 20_000_000)))
    n_columns = draw(st.integers(1, 8))
    columns = [
        column(
            draw(st.text(max_size=3)) + str(i),
            draw(st.sampled_from(KINDS)),
            n_unique=draw(st.integers(1, n)),
            n_missing=draw(st.integers(0, n)),
            numbers=draw(st.one_of(st.none(), st.builds(numbers, st.floats(-1e6, 1e6)))),
        )
        for i in range(n_columns)
    ]
    n_classes = draw(st.sampled_from([1, 2, 3, 40]))
    top = tuple((str(i), draw(st.integers(1, max(1, n // n_classes)))) for i in range(n_classes))
    columns.append(column("y", "category", role="target", n_unique=n_classes, top=top))
    columns.append(column("g", "id", role="group", n_unique=draw(st.integers(2, max(2, n)))))
    shape = Shape(
        n_rows=n,
        d_num=draw(st.integers(0, 5_000)),
        d_cat=draw(st.integers(0, 300)),
        n_levels=draw(st.integers(0, 10_000)),
        n_outputs=n_classes,
    )
    made = Profile(
        source="x.csv",
        n_rows=n,
        n_rows_profiled=n,
        memory_bytes=n,
        modality="tabular",
        columns=tuple(columns),
        shape=shape,
        suggested_group=draw(st.sampled_from([None, "g"])),
    )
    kind = {1: "regression", 2: "binary"}.get(n_classes, "multiclass")
    task = Task(
        kind=kind,
        target="y",
        metric="m",
        classes=tuple(name for name, _ in top) if n_classes > 1 else (),
        group=draw(st.sampled_from([None, "g"])),
        time=draw(st.sampled_from([None, None, "t"])),
    )
    accelerators = draw(st.sampled_from([(), (Accelerator("cuda", 1, "H200", 140 * GB),)]))
    hardware = Hardware(
        n_cores=draw(st.integers(1, 128)),
        memory_bytes=draw(st.integers(10**8, 10**12)),
        speed=draw(st.floats(0.1, 5)),
        accelerators=accelerators,
    )
    wishes = Wishes(
        seconds=draw(st.floats(1, 36_000)),
        preset=draw(st.sampled_from(["fast", "balanced", "best", "interpretable"])),
        n_jobs=draw(st.sampled_from([None, 1, 4])),
        max_latency_ms=draw(st.sampled_from([None, 1.0, 100.0])),
        max_size_mb=draw(st.sampled_from([None, 0.5, 100.0])),
    )
    return made, task, hardware, wishes


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cases(), st.randoms(use_true_random=False))
def test_any_valid_profile_gets_a_sound_plan_whatever_the_order_of_columns(case, rng: random.Random):
    made, task, hardware, wishes = case
    plan = decide(made, task, hardware, wishes, FAMILIES)
    tuned = [c for c in plan.candidates if c.family != "dummy"]
    if made.size.d:
        assert tuned, "a family that can learn the task is left"
    assert {c.family for c in plan.candidates} | {r.family for r in plan.ruled_out} == {f.name for f in FAMILIES}
    assert len(plan.candidates) + len(plan.ruled_out) == len(FAMILIES)
    assert sum(c.share for c in plan.candidates) == pytest.approx(1.0)
    assert all(c.portfolio and c.cost.seconds >= 0 and c.share >= 0 for c in plan.candidates)
    assert min(plan.n_workers, plan.threads_per_fit, plan.max_models) >= 1
    assert plan.n_workers <= (wishes.n_jobs or hardware.n_cores)
    assert plan.n_workers * plan.threads_per_fit <= max(hardware.n_cores, wishes.n_jobs or 1)
    assert plan.max_rows is None or 5_000 <= plan.max_rows < made.size.n_rows
    assert all(r.sentence for r in (*plan.reasons, *plan.ruled_out))
    assert msgspec.json.decode(msgspec.json.encode(plan), type=Plan) == plan
    shuffled = list(made.columns)
    rng.shuffle(shuffled)
    families = list(FAMILIES)
    rng.shuffle(families)
    assert decide(msgspec.structs.replace(made, columns=tuple(shuffled)), task, hardware, wishes, families) == plan


def test_a_middle_table_races_both_kinds_cheap_and_strong_first():
    plan = plan_for(profile(7_000, d_num=20))
    assert names(plan)[:2] == ["dummy", "line"]
    assert names(plan).index("boost") < names(plan).index("net")
    turns = [c.cost.seconds / c.share for c in plan.candidates[1:]]
    assert turns == sorted(turns), "who costs least beside its share begins"
    assert rule_of(plan, "giant") == "P010"
    assert (plan.n_workers, plan.threads_per_fit) == (2, 1)
    shares = {c.family: c.share for c in plan.candidates}
    assert {"boost", "net"} == set(sorted(shares, key=lambda name: -shares[name])[:2]), "the best of each kind lead"
    assert shares["dummy"] == 0


def test_at_a_short_limit_a_net_begins_with_its_lighter_default():
    net = fake_family("net", "neural", per_row=1.5e-3, defaults=3)
    net = dataclasses.replace(net, default=lambda profile: ({"slow": 2}, {"slow": 1}, {"slow": 3}))
    boost = dataclasses.replace(net, name="boost", traits=frozenset({"boosting"}))

    def first(family, seconds):
        plan = plan_for(profile(5_000), Wishes(seconds=seconds, include=("net", "boost")), families=(net, boost))
        return next(c.portfolio[0]["slow"] for c in plan.candidates if c.family == family)

    assert (first("net", 60), first("net", 36_000)) == (1, 2)
    assert (first("boost", 60), first("boost", 36_000)) == (2, 2), "other defaults stand in the order of their worth"


def test_defaults_that_seem_too_slow_or_too_many_wait_for_the_search_but_a_counted_run_takes_what_is_paid_for():
    boost = fake_family("boost", "tree", "boosting", per_row=5e-4, bytes_per_row=10_000, defaults=3)
    boost = dataclasses.replace(boost, default=lambda profile: ({"slow": 1}, {"slow": 40}, {"slow": 4}))

    def defaults(wishes, hardware=MACHINE):
        plan = plan_for(profile(5_000), wishes, families=(*FAMILIES, boost)[-1:], hardware=hardware)
        return [params["slow"] for params in plan.candidates[0].portfolio]

    assert defaults(Wishes(seconds=60)) == [1, 40, 4], "one fit of the second is expected to take 100 s"
    assert defaults(Wishes(seconds=60, deterministic=True)) == [1]


def test_an_accelerator_lifts_nets_and_lets_in_those_that_need_it():
    with_device = msgspec.structs.replace(MACHINE, accelerators=(Accelerator("cuda", 1),))
    wishes = Wishes(seconds=3600)
    on_cpu, on_cuda = plan_for(wishes=wishes), plan_for(wishes=wishes, hardware=with_device)

    def share(plan):
        return sum(c.share for c in plan.candidates if c.kind == "neural")

    assert share(on_cuda) > share(on_cpu) + 0.1
    assert "giant" in names(on_cuda)


def test_few_rows_lift_linear_models_and_shrink_the_blend_and_hopeless_nets_are_not_tried():
    weights = {n: {c.family: c.share for c in plan_for(profile(n)).candidates} for n in (300, 5_000, 40_000)}
    assert weights[300]["line"] > weights[5_000]["line"]
    assert weights[300]["boost"] < weights[40_000]["boost"]
    assert weights[300]["net"] > 0
    assert [plan_for(profile(n)).max_models for n in (100, 500, 2_500, 10_000, 99_999)] == [4, 8, 15, 40, 60]
    wide, fast = profile(40, d_num=3_000), Wishes(preset="fast")
    assert rule_of(plan_for(wide, fast), "net") == "P046"
    assert "net" in names(plan_for(wide, msgspec.structs.replace(fast, include=("net", "line"))))


def test_families_for_other_data_are_set_aside_with_their_reason_unless_named():
    eye = fake_family("eye", "neural", "image", refuse="no column holds images")
    made = plan_for(families=(*FAMILIES, eye))
    assert [(r.rule, r.sentence, r.is_expected) for r in made.ruled_out if r.family == "eye"] == [
        ("P037", "no column holds images", True)
    ]
    with pytest.raises(UsageError, match="none of them can run") as caught:
        plan_for(wishes=Wishes(include=("eye",)), families=(*FAMILIES, eye))
    assert any("no column holds images" in hint for hint in caught.value.hints)


def test_time_and_memory_gates_name_the_numbers_and_never_leave_nothing():
    slow = plan_for(profile(150_000), Wishes(seconds=60, preset="fast"))
    assert rule_of(slow, "near") == "P044"
    assert "s" in next(r.sentence for r in slow.ruled_out if r.family == "near")
    dear = plan_for(families=(*FAMILIES, fake_family("dear", "kernel", per_row=2.9e-3)))
    assert rule_of(dear, "dear") == "P044"
    assert "its chances are worth" in next(r.sentence for r in dear.ruled_out if r.family == "dear")
    greedy = (fake_family("hog", "tree", "bagging", bytes_per_row=1_000_000), *FAMILIES)
    full = plan_for(families=greedy, hardware=Hardware(n_cores=2, memory_bytes=4 * GB))
    assert rule_of(full, "hog") == "P043"
    assert "5.0 GB" in next(r.sentence for r in full.ruled_out if r.family == "hog") or "4.0 GB" in str(full.ruled_out)
    only_slow = plan_for(families=(FAMILIES[0], fake_family("slow", "kernel", per_row=10)), wishes=Wishes(seconds=2))
    assert "slow" in names(only_slow)
    assert any(r.rule == "P045" for r in only_slow.reasons)


def test_calibration_changes_what_fits():
    from automl.policy.cost import Calibration, Factor

    slow_net = Calibration({f"net {seconds} s": Factor(mean=5.0, spread=0.2, count=20) for seconds in (1, 4, 16)})
    assert rule_of(plan_for(calibration=slow_net), "net") == "P044"


def test_a_table_too_large_for_the_budget_is_sampled_and_says_so():
    plan = plan_for(profile(20_000_000, d_num=50), Wishes(seconds=60))
    assert plan.max_rows is not None
    assert 5_000 <= plan.max_rows < 1_000_000
    assert any(r.rule == "P040" and "20,000,000 rows" in r.sentence for r in plan.reasons)
    assert plan_for(profile(20_000_000, d_num=50), Wishes(seconds=600)).max_rows > plan.max_rows
    assert plan.validation.kind == "holdout"
    assert "boost" in names(plan)


def test_include_and_exclude_override_and_are_said():
    plan = plan_for(wishes=Wishes(include=("giant",), seconds=3600))
    assert names(plan) == ["dummy", "giant"]
    assert any("--include names it, against P010" in r.sentence for r in plan.reasons)
    assert rule_of(plan, "boost") == "P031"
    without = plan_for(wishes=Wishes(exclude=("neural", "line")))
    assert {"net", "line"}.isdisjoint(names(without))
    assert rule_of(without, "net") == "P032"


@pytest.mark.parametrize("wishes", [Wishes(include=("boots",)), Wishes(exclude=("boots",))])
def test_an_unknown_family_is_an_error_with_near_matches(wishes):
    with pytest.raises(UsageError, match=r"no family 'boots'(.|\n)*nearest: boost"):
        plan_for(wishes=wishes)


def test_an_included_family_that_cannot_learn_is_an_error_with_its_reason():
    families = (*FAMILIES, fake_family("picky", "kernel", refuse="it reads pictures only"))
    with pytest.raises(UsageError, match="it reads pictures only"):
        plan_for(wishes=Wishes(include=("picky",)), families=families)


def test_presets():
    readable = plan_for(wishes=Wishes(preset="interpretable"))
    assert set(names(readable)) == {"dummy", "line", "stump"}
    assert readable.max_models == 1
    fast = plan_for(wishes=Wishes(preset="fast"))
    assert all(len(c.portfolio) == 1 for c in fast.candidates)
    assert any(len(c.portfolio) > 1 for c in plan_for().candidates)


def test_latency_and_size_limits_rule_out_what_is_slow_or_large():
    quick = plan_for(profile(100_000), Wishes(max_latency_ms=5, seconds=3600))
    assert {rule_of(quick, "forest"), rule_of(quick, "near")} == {"P021"}
    assert quick.max_models == 1
    small = plan_for(profile(50_000), Wishes(max_size_mb=2, seconds=3600))
    assert {rule_of(small, "forest"), rule_of(small, "near")} == {"P022"}
    assert plan_for(profile(1_000), Wishes(max_size_mb=2_000)).ruled_out == plan_for(profile(1_000)).ruled_out


def test_organisation_policy_forbids_requires_and_caps(tmp_path):
    path = tmp_path / "rules.toml"
    path.write_text(
        'sentence = "Directive 12."\nforbid = ["neural"]\nmax_seconds = 30\nmax_models = 3\n[prefer]\nlinear = 9.0\n'
    )
    plan = plan_for(wishes=Wishes(policy=str(path), seconds=600))
    assert rule_of(plan, "net") == "P030"
    assert next(r.sentence for r in plan.ruled_out if r.family == "net") == "Directive 12."
    assert (plan.wishes.seconds, plan.max_models) == (30, 3)
    assert max(plan.candidates, key=lambda c: c.share).family == "line"
    with pytest.raises(UsageError, match=r"P030 Directive 12"):
        plan_for(wishes=Wishes(policy=str(path), include=("net",)))
    path.write_text('require = ["glass_box"]')
    assert set(names(plan_for(wishes=Wishes(policy=str(path))))) == {"dummy", "line", "stump"}


def test_data_without_rows_or_features():
    with pytest.raises(DataError, match="1 row with a target"):
        plan_for(profile(1))
    bare = plan_for(profile(100, d_num=0, d_cat=0))
    assert names(bare) == ["dummy"]
    assert sum(c.share for c in bare.candidates) == 1.0
    assert "no family but the baselines" in next(r.sentence for r in bare.reasons if r.rule == "P046")


def test_bad_wishes():
    for wishes in (Wishes(seconds=0), Wishes(seconds=float("nan")), Wishes(n_jobs=0)):
        with pytest.raises(UsageError):
            plan_for(wishes=wishes)


def test_deciding_imports_nothing_heavy():
    code = (
        "import sys; from automl.policy.decide import decide; from automl.hardware import find_hardware\n"
        "from automl import registry; registry.families()\n"
        "heavy = {'torch', 'pytorch_lightning', 'sklearn', 'lightgbm', 'shap', 'lime', 'optuna', 'scipy', 'pandas'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_what_reading_took_is_no_longer_there_for_the_search():
    table = profile(2_000_000)
    plans = [plan_for(table, spent=spent) for spent in (0.0, 1.0, 15.0)]
    assert plans[0] == plans[1], "next to nothing of 60 s"
    assert plans[2].max_rows < plans[1].max_rows
    assert any("15 s of it went into reading" in reason.sentence for reason in plans[2].reasons)


def test_more_large_images_than_can_be_read_in_time_are_sampled():
    photos = column("photo", "image", extent=Extent(height=3_000, width=4_000, channels=3))
    target = next(c for c in profile().columns if c.role == "target")
    many = profile(20_000, d_num=0, d_cat=0, columns=(photos, target))
    planned = decide(many, BINARY, MACHINE, Wishes(seconds=60.0), FAMILIES)
    assert planned.max_rows is not None
    assert 500 <= planned.max_rows < 20_000
    assert any("reading the files" in reason.sentence for reason in planned.reasons)
    small = profile(
        20_000, d_num=0, d_cat=0, columns=(msgspec.structs.replace(photos, extent=Extent(height=28, width=28)), target)
    )
    assert decide(small, BINARY, MACHINE, Wishes(seconds=60.0), FAMILIES).max_rows is None
