from __future__ import annotations

import ctypes
import json
import os
import sys
from itertools import count
from pathlib import Path

import numpy as np
import psutil
import pytest

from automl import accelerators, hardware
from automl.accelerators import LightningAnswer, LightningDevice, Sign, ask_lightning, find_signs
from automl.errors import UsageError
from automl.hardware import (
    Remembered,
    count_cores,
    find_hardware,
    free_memory,
    give_memory_back,
    measure_speed,
    write_atomically,
)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    folder = tmp_path / "cache"
    monkeypatch.setenv("AUTOML_CACHE_DIR", str(folder))
    return folder


def process(tmp_path, cgroup, *mounts):
    proc = tmp_path / "proc"
    proc.mkdir()
    (proc / "cgroup").write_text(cgroup)
    lines = [f"{30 + i} 25 0:26 {root} {point} rw,nosuid - {kind}" for i, (root, point, kind) in enumerate(mounts)]
    (proc / "mountinfo").write_text("\n".join(lines) + "\n")
    return proc


def put(path: Path, **files):
    path.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (path / name.replace("__", ".")).write_text(f"{text}\n")


def test_cgroup_v2_limits_hold_from_any_level(tmp_path):
    root = tmp_path / "cg"
    put(root / "a", cpu__max="max 100000", memory__max="3000000000", memory__current="1500000000")
    put(root / "a", memory__stat="anon 500000000\ninactive_file 1000000000")
    put(root / "a/b", cpu__max="100000 100000", memory__max="max")
    proc = process(tmp_path, "0::/a/b\n", ("/", root, "cgroup2 cgroup2 rw"))
    assert count_cores(proc) == 1
    assert free_memory(proc) == 2_500_000_000


def test_cgroup_v1_limits_in_a_container_whose_mount_is_not_the_root(tmp_path):
    put(tmp_path / "cpu", cpu__cfs_quota_us="150000", cpu__cfs_period_us="300000")
    put(tmp_path / "mem", memory__limit_in_bytes="1000000", memory__usage_in_bytes="400000")
    proc = process(
        tmp_path,
        "5:cpu,cpuacct:/docker/x\n4:memory:/docker/x\n0::/docker/x\n",
        ("/docker/x", tmp_path / "cpu", "cgroup cgroup rw,cpu,cpuacct"),
        ("/docker/x", tmp_path / "mem", "cgroup cgroup rw,memory"),
    )
    assert count_cores(proc) == 1
    assert free_memory(proc) == 600_000


def test_no_limit_and_no_procfs_mean_what_the_machine_has(tmp_path):
    put(tmp_path / "cg", cpu__max="max 100000", memory__max="max")
    put(tmp_path / "old", cpu__cfs_quota_us="-1", cpu__cfs_period_us="100000", memory__limit_in_bytes=str(2**63 - 4096))
    mounts = [("/", tmp_path / "cg", "cgroup2 c rw"), ("/", tmp_path / "old", "cgroup c rw,cpu,memory")]
    proc = process(tmp_path, "3:cpu,memory:/\n0::/\n", *mounts)
    plain = count_cores(tmp_path / "none")
    assert count_cores(proc) == plain >= 1
    assert free_memory(proc) > 10_000_000
    if hasattr(os, "sched_getaffinity"):
        assert plain == len(os.sched_getaffinity(0))


def test_speed_is_the_reference_over_the_fastest_round():
    ticks = count()
    assert measure_speed(lambda: next(ticks) * hardware.REFERENCE_SECONDS * 2) == pytest.approx(0.5)
    spoilt = iter(np.cumsum([0, 90, 0, *[2, 0, 9, 0] * 6]) * hardware.REFERENCE_SECONDS)
    assert measure_speed(lambda: next(spoilt)) == pytest.approx(0.5)
    assert 0.05 <= measure_speed() <= 20


def test_measurements_are_remembered_and_grow_old(cache, monkeypatch):
    first = find_hardware("cpu").speed
    monkeypatch.setattr(hardware, "measure_speed", lambda: 9.0)
    assert find_hardware("cpu").speed == first
    assert find_hardware("cpu", calibrate=False).speed == 1.0
    (file,) = cache.iterdir()
    old = {k: {**entry, "at": entry["at"] - 8 * 86400} for k, entry in json.loads(file.read_text()).items()}
    file.write_text(json.dumps(old))
    assert find_hardware("cpu").speed == 9.0
    file.write_text('[{"half')
    assert find_hardware("cpu").speed == 9.0


def test_an_unwritable_cache_costs_nothing_but_is_said(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("AUTOML_CACHE_DIR", str(tmp_path / "file" / "below"))
    found = find_hardware("cpu")
    assert found.n_cores >= 1
    assert "cannot be written" in found.notes[0]


def test_remembered_keeps_what_others_wrote(tmp_path):
    path = tmp_path / "m.json"
    one, two = Remembered(path), Remembered(path)
    one.put("a", 1)
    assert one.save() == ""
    two.put("b", [2])
    assert two.save() == ""
    both = Remembered(path)
    assert (both.get("a"), both.get("b"), both.get("c")) == (1, [2], None)


def test_a_failed_write_leaves_no_litter(tmp_path):
    (tmp_path / "taken").mkdir()
    with pytest.raises(OSError):
        write_atomically(tmp_path / "taken", "x")
    assert [p.name for p in tmp_path.iterdir()] == ["taken"]


def signs_of(root, build, monkeypatch, **environ):
    monkeypatch.setattr(accelerators, "torch_build", lambda: build)
    return {sign.device: sign for sign in find_signs(root, {"PATH": "", **environ}) if sign.device != "mps"}


def test_signs_of_devices_and_what_stands_in_their_way(tmp_path, monkeypatch):
    assert signs_of(tmp_path, "2.13.0", monkeypatch) == {}
    put(tmp_path / "dev", nvidia0="", nvidiactl="", accel0="")
    put(tmp_path / "sys/class/drm/renderD128/device", vendor="0x8086")
    put(tmp_path / "sys/class/drm/renderD129/device", vendor="0x10de")
    found = signs_of(tmp_path, "2.13.0", monkeypatch)
    assert set(found) == {"cuda", "xpu", "tpu"}
    assert found["cuda"] == Sign("cuda", "/dev/nvidia0")
    assert "not a build for XPU" in found["xpu"].obstacle
    assert "renderD129" not in found["xpu"].evidence
    assert "torch_xla" in found["tpu"].obstacle
    assert "CPU only" in signs_of(tmp_path, "2.13.0+cpu", monkeypatch)["cuda"].obstacle
    assert "hides" in signs_of(tmp_path, "2.13.0", monkeypatch, CUDA_VISIBLE_DEVICES="")["cuda"].obstacle
    assert signs_of(tmp_path, "2.13.0+xpu", monkeypatch)["xpu"].obstacle == ""


def with_cuda(monkeypatch, answer, sign=None):
    asked = []

    def ask(timeout=60.0):
        asked.append(timeout)
        return answer

    monkeypatch.setattr(hardware, "find_signs", lambda: (sign or Sign("cuda", "/dev/nvidia0"),))
    monkeypatch.setattr(hardware, "ask_lightning", ask)
    return asked


def test_lightning_is_asked_once_and_only_where_there_is_a_sign(monkeypatch):
    card = LightningDevice(name="cuda", usable=True, count=2, title="H200", memory_bytes=150)
    asked = with_cuda(monkeypatch, LightningAnswer((LightningDevice(name="cpu", usable=True, count=1), card)))
    (found,) = find_hardware().accelerators
    assert (found.name, found.count, found.title, found.memory_bytes) == ("cuda", 2, "H200", 150)
    assert find_hardware("cuda").accelerators == (found,)
    assert find_hardware("cpu").accelerators == ()
    assert len(asked) == 1
    with pytest.raises(UsageError, match="no sign of mps"):
        find_hardware("mps")
    assert len(asked) == 1


def test_a_device_that_cannot_be_used_is_said_and_an_error_where_asked_for(monkeypatch):
    asked = with_cuda(monkeypatch, LightningAnswer(problem="Lightning did not answer within 30 s"))
    assert "did not answer" in find_hardware().notes[0]
    with pytest.raises(UsageError, match=r"--device cuda(.|\n)*/dev/nvidia0 seen, but Lightning did not answer"):
        find_hardware("cuda")
    assert len(asked) == 2, "a failed question is asked again"
    with_cuda(monkeypatch, LightningAnswer(), Sign("cuda", "/dev/nvidia0", "torch is a build for CPU only", "pip"))
    with pytest.raises(UsageError, match="build for CPU only"):
        find_hardware("cuda")


def test_an_unknown_device():
    with pytest.raises(UsageError, match="no device 'gpu'"):
        find_hardware("gpu")


def test_a_question_without_an_answer_is_a_problem_not_a_crash(monkeypatch):
    assert "did not answer" in ask_lightning(timeout=0.01).problem
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    assert "could not be started" in ask_lightning().problem


@pytest.mark.slow
def test_lightnings_own_registry_knows_the_cpu():
    answer = ask_lightning()
    assert answer.problem == ""
    assert next(d for d in answer.devices if d.name == "cpu").usable
    assert "cpu" not in {a.name for a in answer.accelerators}


@pytest.mark.skipif(sys.platform != "linux" or not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="glibc's alone")
def test_what_was_freed_below_what_is_held_goes_back_to_the_system():
    def held():
        return psutil.Process().memory_info().rss

    pieces = [np.ones(1000) for _ in range(20_000)]
    del pieces[:-1]  # the last keeps the heap from being shortened
    before = held()
    give_memory_back()
    assert before - held() > 50e6
