"""The sampler learns, keeps to the space and takes over what was tried elsewhere."""

from __future__ import annotations

from automl.search.study import FamilyStudy
from automl.space import Choice, Float, Int, Space, contains

SPACE: Space = {"x": Float(-4.0, 4.0), "n": Int(1, 64, log=True), "kind": Choice(("a", "b", None, True))}


def test_everything_asked_lies_in_the_space_and_carries_the_fixed_parameters() -> None:
    study = FamilyStudy(SPACE, {"fixed": 7}, seed=0)
    for number in range(20):
        params = study.ask(number)
        assert contains(SPACE, params)
        assert params["fixed"] == 7
        study.tell(number, None if number % 5 == 0 else -(float(params["x"]) ** 2))  # type: ignore[arg-type]


def test_it_finds_the_better_region() -> None:
    study = FamilyStudy({"x": Float(-4.0, 4.0)}, {}, seed=1)
    asked = []
    for number in range(40):
        x = float(study.ask(number)["x"])  # type: ignore[arg-type]
        study.tell(number, -((x - 2) ** 2))
        asked.append(abs(x - 2))
    assert sum(asked[-15:]) / 15 < 0.6 * sum(asked[:10]) / 10


def test_results_from_elsewhere_count_and_those_outside_the_space_do_not() -> None:
    study = FamilyStudy({"x": Float(-4.0, 4.0)}, {}, seed=2)
    for i in range(12):
        study.add({"x": 3.0 + 0.05 * (i % 5), "other": "kept"}, 1.0 + 0.01 * i)
        study.add({"x": -3.0 + 0.1 * (i % 5)}, -5.0)
    study.add({"x": 99.0}, 100.0)
    near = [abs(float(study.ask(n)["x"]) - 3) < 1.5 for n in range(8)]  # type: ignore[arg-type]
    assert sum(near) >= 4
