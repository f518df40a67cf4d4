from __future__ import annotations

import ast
from pathlib import Path

import pytest
from msgspec.structs import replace
from policy_fakes import BINARY, MACHINE, column, numbers, profile

import automl.policy
from automl import registry
from automl.errors import UsageError
from automl.family import TRAITS
from automl.plan import Accelerator, Wishes
from automl.policy.effects import Case, MaxModels, Prefer, RuleOut, Ruling
from automl.policy.organisation import read_policy
from automl.policy.rules import RULES
from automl.policy.units import seconds_text
from automl.task import History, Task


def ruling(code, made=None, wishes=None, *, task=BINARY, hardware=MACHINE):
    rule = next(rule for rule in RULES if rule.code == code)
    return rule.judge(Case(made or profile(), task, hardware, wishes or Wishes()))


def factors(found):
    return {e.trait: e.factor for e in found.effects if isinstance(e, Prefer)}


def test_rules_have_unique_codes_in_order_and_say_what_they_are():
    codes = [rule.code for rule in RULES]
    assert codes == sorted(set(codes))
    assert all(rule.title and rule.judge.__doc__ for rule in RULES)


def test_no_family_is_named_in_the_policy():
    families = set(registry.names("families")) - TRAITS
    for path in Path(automl.policy.__path__[0]).glob("*.py"):
        found = {n.value for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Constant)} & families
        assert not found, f"{path.name} names {found}"


@pytest.mark.parametrize(
    ("code", "made", "silent"),
    [
        ("P002", profile(999), profile(1_000)),
        ("P004", profile(20_000), profile(20_001)),
        ("P005", profile(9, d_num=8, d_cat=2), profile(10, d_num=8, d_cat=2)),
        ("P006", profile(columns=(column("c", "category", n_unique=51),)), profile()),
        ("P007", profile(skew=2.5), profile(skew=1.5)),
        ("P008", profile(5_001), profile(5_000)),
        ("P009", profile(columns=(column("a", n_missing=2_500),)), profile()),
        ("P011", profile(columns=(column("a", "text"),)), profile()),
        ("P014", profile(suggested_group="c0"), profile()),
        ("P015", profile(suggested_time="c0"), profile()),
        ("P016", profile(columns=(column("a", "image"),)), profile()),
        ("P017", profile(columns=(column("a", "audio"),)), profile()),
    ],
)
def test_a_rule_speaks_where_it_should_and_is_silent_elsewhere(code, made, silent):
    assert ruling(code, silent) is None
    found = ruling(code, made)
    assert found is not None
    assert any(c.isdigit() for c in found.sentence) or found.effects == ()


def test_directions_of_the_evidence():
    assert factors(ruling("P002", profile(200)))["linear"] > factors(ruling("P002", profile(900)))["linear"] > 1
    assert factors(ruling("P002", profile(200)))["bagging"] < 1
    assert factors(ruling("P004"))["neural"] > 1
    assert (
        factors(ruling("P005", profile(20, d_num=500)))["linear"]
        > 1
        > factors(ruling("P005", profile(20, d_num=500)))["distance"]
    )
    assert factors(ruling("P007", profile(skew=9)))["tree"] > 1
    assert factors(ruling("P008", profile(10**6)))["boosting"] > 1 > factors(ruling("P008", profile(10**6)))["bagging"]
    heavy = profile(columns=(column("a", "text"), column("b", numbers=numbers())))
    assert factors(ruling("P011", heavy))["linear"] > 1


def test_nets_that_see_go_up_with_every_doubling_of_images():
    seen = [factors(ruling("P016", profile(n, columns=(column("a", "image"),))))["image"] for n in (100, 400, 1_600)]
    assert seen[0] == 1.0 < seen[1] < seen[2]
    many = profile(10**6, columns=(column("a", "audio"),))
    assert factors(ruling("P017", many))["audio"] == pytest.approx(1.35**4, rel=1e-3)
    assert "too few" in ruling("P016", profile(100, columns=(column("a", "image"),))).sentence


def test_series_are_spoken_of_where_rows_look_back():
    history = History(window=8, columns=("x0", "x1"))
    task = replace(BINARY, history=history)
    assert ruling("P018") is None
    assert "8 rows" in ruling("P018", task=task).sentence


def test_nets_that_need_a_device_are_out_without_one():
    assert RuleOut("needs_accelerator") in ruling("P010").effects
    import msgspec

    found = ruling("P010", hardware=msgspec.structs.replace(MACHINE, accelerators=(Accelerator("cuda", 2, "H200"),)))
    assert factors(found)["neural"] > 1
    assert "2 × H200" in found.sentence


def test_rare_and_many_classes():
    rare = column("y", "category", role="target", n_unique=2, top=(("a", 990), ("b", 10)))
    found = ruling("P012", profile(1_000, columns=(rare,)))
    assert "10 rows (1.0 %)" in found.sentence
    even = column("y", "category", role="target", n_unique=2, top=(("a", 500), ("b", 500)))
    assert ruling("P012", profile(1_000, columns=(even,))) is None
    unseen = column("y", "category", role="target", n_unique=300, top=(("a", 500), ("b", 1)))
    assert ruling("P012", profile(1_000, columns=(unseen,))) is None
    many = Task(kind="multiclass", target="y", metric="m", classes=tuple(map(str, range(50))))
    assert factors(ruling("P013", task=many))["boosting"] < 1


def test_a_blend_grows_with_rows():
    sizes = [ruling("P003", profile(n)).effects[0].count for n in (50, 400, 2_000, 9_000, 10**6)]
    assert sizes == sorted(sizes)
    assert isinstance(ruling("P003").effects[0], MaxModels)


def test_an_effect_on_an_unknown_trait_is_a_defect():
    with pytest.raises(ValueError, match="no trait 'nural'"):
        Ruling("", (RuleOut("nural"),))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('sentence = "x"\nforbit = ["neural"]', r"line 2: unknown key 'forbit'\s+nearest: forbid"),
        ('forbid = ["tree",\n "nural"]', r"line 2: forbid: no trait 'nural'\s+nearest: neural"),
        ("[prefer]\nlinear = -1.0", r"line 2: prefer linear: a factor is above 0"),
        ("\nmax_seconds = 0", r"line 2: max_seconds is above 0"),
        ('max_models = "few"', r"line 1: Expected `int \| null`"),
        ('forbid = "neural"', r"line 1: Expected `array`"),
        ("forbid = [", r"not TOML"),
    ],
)
def test_a_wrong_policy_file_is_refused_with_the_line(tmp_path, text, says):
    path = tmp_path / "p.toml"
    path.write_text(text)
    with pytest.raises(UsageError, match=says):
        read_policy(str(path))


def test_a_policy_file_that_is_not_there(tmp_path):
    with pytest.raises(UsageError, match="cannot be read"):
        read_policy(str(tmp_path / "none.toml"))


def test_seconds_of_fits_are_fine_below_one():
    assert [seconds_text(s) for s in (0.0001, 0.05, 1.26, 61)] == ["0.01 s", "0.05 s", "1.3 s", "61 s"]
