from __future__ import annotations

import math
import random

import pytest
from policy_fakes import GB, MACHINE, fake_family, profile

from automl.plan import Cost, Hardware, Wishes
from automl.policy.cost import Calibration, CostModel, Factor, search_seconds, table_bytes, usable_bytes


def test_costs_scale_with_rows_speed_threads_and_what_was_learned():
    family = fake_family("f", "tree", per_row=1e-3)
    made = profile(10_000)
    plain = CostModel(made, MACHINE, Calibration()).fit(family, {}, 10_000)
    assert plain.seconds == pytest.approx(10, rel=0.01)
    assert plain.memory_bytes == 100 * 10_000 + table_bytes(made, 10_000)
    assert CostModel(made, MACHINE, Calibration()).fit(family, {}, 5_000).seconds == pytest.approx(5, rel=0.01)
    quick = Hardware(n_cores=2, memory_bytes=GB, speed=2.0)
    assert CostModel(made, quick, Calibration()).fit(family, {}, 10_000).seconds == pytest.approx(5, rel=0.01)
    four = CostModel(made, MACHINE, Calibration(), threads=4).fit(family, {}, 10_000).seconds
    assert 2.5 < four < 5
    learned = Calibration({"f 4 s": Factor(mean=math.log(3), spread=0.1, count=9)})
    assert CostModel(made, MACHINE, learned).fit(family, {}, 10_000).seconds == pytest.approx(30, rel=0.01)


def test_calibration_finds_the_ratio_and_its_p90_covers_nine_in_ten(tmp_path):
    rng = random.Random(0)
    calibration = Calibration.load(tmp_path)
    for _ in range(30):
        calibration = Calibration.load(tmp_path)
        factor = calibration.factor("f", 1.0)
        for _ in range(10):
            calibration.record("f", Cost(factor, 0, factor), 3.0 * math.exp(rng.gauss(0, 0.4)))
        assert calibration.save() == ""
    calibration = Calibration.load(tmp_path)
    factor = calibration.factor("f", 1.0)
    assert factor == pytest.approx(3.0, rel=0.2)
    limit = calibration.p90("f", Cost(factor, 0, factor))
    below = sum(3.0 * math.exp(rng.gauss(0, 0.4)) < limit for _ in range(2_000)) / 2_000
    assert 0.8 < below < 0.97
    assert calibration.factor("unseen", 1.0) == 1.0
    assert calibration.p90("unseen", Cost(1.0, 0)) == pytest.approx(2.43, abs=0.02)


def test_what_a_plan_of_another_day_expected_teaches_the_same(tmp_path):
    calibration = Calibration.load(tmp_path)
    for _ in range(200):
        calibration.record("f", Cost(1.0, 0), 1.5)
    assert calibration.factor("f", 1.0) == pytest.approx(1.5, rel=0.02), "however often it was made without a factor"


def test_quick_fits_teach_nothing_of_long_ones():
    calibration = Calibration()
    for _ in range(50):
        calibration.record("f", Cost(0.01, 0), 0.03)
        calibration.record("f", Cost(1.5, 0), 0.5)
        calibration.record("f", Cost(15.0, 0), 15.0)
    assert calibration.factor("f", 0.2) == pytest.approx(3.0, rel=0.1)
    assert calibration.factor("f", 3.0) == pytest.approx(1 / 3, rel=0.1)
    assert calibration.factor("f", 10.0) == 1.0 == calibration.factor("f", 30.0)


def test_one_absurd_fit_moves_little():
    factor = Factor(mean=0.0, spread=0.2, count=30)
    assert factor.updated(math.log(1e6)).mean < 0.05


def test_what_teaches_nothing_is_left_out(tmp_path):
    calibration = Calibration.load(tmp_path)
    calibration.record("f", Cost(0.0, 0), 1.0)
    calibration.record("f", Cost(1.0, 0), 0.0)
    assert calibration.save() == ""
    assert not list(tmp_path.iterdir())


def test_a_damaged_or_unwritable_file_costs_nothing_but_is_said(tmp_path):
    (tmp_path / "calibration.json").write_text('{"x": {"f": {"mean": "two"}}}')
    assert Calibration.load(tmp_path).factor("f", 1.0) == 1.0
    (tmp_path / "file").write_text("")
    calibration = Calibration.load(tmp_path / "file" / "below")
    calibration.record("f", Cost(1.0, 0), 2.0)
    assert "cannot be written" in calibration.save()


def test_reserves():
    assert search_seconds(Wishes(seconds=60)) == pytest.approx(50.0)
    assert search_seconds(Wishes(seconds=300)) == pytest.approx(264.0)
    assert search_seconds(Wishes(seconds=20)) == pytest.approx(14.0)
    assert search_seconds(Wishes(seconds=4)) == pytest.approx(3.2), "too little to explain anything"
    assert search_seconds(Wishes(seconds=36_000)) == 36_000 - 120
    assert usable_bytes(MACHINE, Wishes()) == int(0.7 * MACHINE.memory_bytes)
    assert usable_bytes(MACHINE, Wishes(memory_limit_bytes=GB)) == GB
