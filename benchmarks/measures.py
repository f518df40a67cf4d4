"""What is measured: one function a figure."""

from __future__ import annotations

import contextlib
import json
import statistics
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import psutil

from automl import load_model
from automl.hardware import count_cores
from automl.sample import write_sample
from benchmarks.commands import AUTOML, run

RNG_SEED = 0


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured value beside what it must not exceed."""

    name: str
    value: float
    unit: str
    limit: float
    detail: dict[str, float]

    @property
    def is_met(self) -> bool:
        """Whether it is within its limit."""
        return self.value <= self.limit


def help_cpu(folder: Path) -> Figure:
    """CPU seconds of `automl --help`, median of nine."""
    seconds = [run(["--help"], folder=folder).cpu_seconds for _ in range(9)]
    return Figure("automl --help", statistics.median(seconds), "s CPU", 0.25, {"worst": max(seconds)})


def plan_ten_thousand(folder: Path) -> Figure:
    """Wall seconds of `automl plan` on 10,000 rows, median of five."""
    data = mixed_table(folder / "ten_thousand.csv", 10_000, 20)
    used = [run(["plan", data, "--target", "target"], folder=folder) for _ in range(5)]
    seconds = statistics.median(u.wall_seconds for u in used)
    return Figure(
        "automl plan, 10,000 rows", seconds, "s", 2.0, {"cpu": statistics.median(u.cpu_seconds for u in used)}
    )


def profile_million(folder: Path) -> Figure:
    """Wall seconds of `automl profile` on 1,000,000 rows and 30 columns; peak memory beside the file's size."""
    data = mixed_table(folder / "million.csv", 1_000_000, 30)
    used = run(["profile", data, "--target", "target"], folder=folder)
    detail = {"peak_mb": used.peak_bytes / 1e6, "file_mb": data.stat().st_size / 1e6, "cpu": used.cpu_seconds}
    return Figure("automl profile, 1,000,000 x 30", used.wall_seconds, "s", 10.0, detail)


def first_model(folder: Path) -> Figure:
    """Seconds from the start of `automl fit` on 1,000 rows until a model file is there, median of three."""
    data = mixed_table(folder / "thousand.csv", 1_000, 12)
    waits = [_first_model(data, folder / f"first{i}") for i in range(3)]
    return Figure("first model, 1,000 rows", statistics.median(waits), "s", 5.0, {"worst": max(waits)})


def _first_model(data: Path, output: Path) -> float:
    began = time.perf_counter()
    command = [
        *AUTOML,
        "fit",
        str(data),
        "--target",
        "target",
        "--time-limit",
        "30s",
        "--output",
        str(output),
        "--quiet",
    ]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    while not (output / "model.automl").exists():
        if process.poll() is not None:
            raise RuntimeError(f"fit ended with {process.returncode} and left no model")
        time.sleep(0.01)
    waited = time.perf_counter() - began
    process.wait()
    return waited


def breast_cancer(folder: Path) -> Figure:
    """Wall seconds of a default `automl fit` of breast_cancer, which stops when more time would gain nothing."""
    data = write_sample("breast_cancer", folder / "breast_cancer.csv")
    used = run(["fit", data, "--output", folder / "bc", "--quiet"], folder=folder)
    score = json.loads((folder / "bc" / "report.json").read_text())["result"]["score"]["value"]
    return Figure(
        "default fit of breast_cancer", used.wall_seconds, "s", 60.0, {"roc_auc": score, "cpu": used.cpu_seconds}
    )


def overrun(folder: Path) -> Figure:
    """Seconds over the limit of a fit of 20,000 rows at 30 s; 2 s are allowed."""
    data = mixed_table(folder / "twenty_thousand.csv", 20_000, 25)
    used = run(["fit", data, "--target", "target", "-l", "30s", "--output", folder / "over", "--quiet"], folder=folder)
    return Figure("over a limit of 30 s", used.wall_seconds - 30, "s", 2.0, {"wall": used.wall_seconds})


def predict_million(folder: Path) -> Figure:
    """Wall time of `automl predict` on 1,000,000 rows over that of the bare model on the encoded rows in memory."""
    train = mixed_table(folder / "train.csv", 5_000, 20)
    data = mixed_table(folder / "score.csv", 1_000_000, 20, labelled=False)
    model = folder / "predict" / "model.automl"
    run(["fit", train, "--target", "target", "-l", "30s", "--output", model.parent, "--quiet"], folder=folder)
    used = run(["predict", model, data, "--proba", "-o", folder / "scored.csv"], folder=folder)
    bare = _bare_seconds(model, data)
    detail = {"wall": used.wall_seconds, "bare": bare, "peak_mb": used.peak_bytes / 1e6}
    return Figure("predict 1,000,000 rows / bare model", used.wall_seconds / bare, "x", 1.5, detail)


def _bare_seconds(model: Path, data: Path) -> float:
    """Wall seconds of the model alone on features in memory, a batch a core at a time."""
    code = (
        "import sys, time; from concurrent.futures import ThreadPoolExecutor; from automl.bundle import load_model\n"
        "from automl.read import read; from automl.hardware import count_cores\n"
        "model = load_model(sys.argv[1]); x = model.encode(read(sys.argv[2]).table)\n"
        "parts = [x.take(slice(i, i + 50_000)) for i in range(0, x.n_rows, 50_000)]\n"
        "model.predict(parts[0]); began = time.perf_counter()\n"
        "with ThreadPoolExecutor(count_cores()) as pool: list(pool.map(model.predict, parts))\n"
        "print(time.perf_counter() - began)"
    )
    output = subprocess.run([AUTOML[0], "-c", code, model, data], capture_output=True, text=True, check=True)
    return float(output.stdout)


def first_trial(folder: Path) -> Figure:
    """Seconds from the start of `automl fit` on 1,000 rows until a worker gets the first trial, median of three."""
    data = mixed_table(folder / "thousand.csv", 1_000, 12)
    waits = []
    for i in range(3):
        began, output = time.time(), folder / f"trial{i}"
        run(["fit", data, "--target", "target", "-l", "15s", "--output", output, "--quiet"], folder=folder)
        events = [json.loads(line) for line in (output / "events.jsonl").read_text().splitlines()]
        waits.append(next(e["at"] for e in events if e["event"]["type"] == "TrialStarted") - began)
    return Figure("first trial, 1,000 rows", statistics.median(waits), "s", 3.0, {"worst": max(waits)})


def idle_cores(folder: Path) -> Figure:
    """Share of all cores' time that a fit of 20,000 rows at 60 s leaves unused."""
    data = mixed_table(folder / "twenty_thousand.csv", 20_000, 25)
    used = run(["fit", data, "--target", "target", "-l", "60s", "--output", folder / "idle", "--quiet"], folder=folder)
    idle = 1 - used.cpu_seconds / (used.wall_seconds * count_cores())
    return Figure("cores left idle by a fit of 60 s", idle, "", 0.1, {"wall": used.wall_seconds})


def memory(folder: Path) -> Figure:
    """Peak memory of all processes of a fit of 20,000 rows at 30 s, less three times the data in memory, in GB."""
    data = mixed_table(folder / "twenty_thousand.csv", 20_000, 25)
    output = folder / "memory"
    process = subprocess.Popen(
        [*AUTOML, "fit", data, "--target", "target", "-l", "30s", "--output", output, "--quiet"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    peak = 0
    while process.poll() is None:
        peak = max(peak, held_bytes(process.pid))
        time.sleep(0.25)
    held = json.loads((output / "profile.json").read_text())["memory_bytes"]
    return Figure("memory of a fit beyond 3 x the data", (peak - 3 * held) / 1e9, "GB", 1.0, {"data_mb": held / 1e6})


def held_bytes(pid: int) -> int:
    """Memory of a process and all below it; what several share counts once (proportional set size, Linux)."""
    total = 0
    with contextlib.suppress(psutil.NoSuchProcess):
        root = psutil.Process(pid)
        for each in (root, *root.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                total += each.memory_full_info().pss
    return total


def predict_one(folder: Path) -> Figure:
    """Milliseconds of one row through Python and a model of `--preset fast`, median of 200."""
    data = write_sample("breast_cancer", folder / "breast_cancer.csv")
    run(["fit", data, "--preset", "fast", "-l", "30s", "--output", folder / "fast", "--quiet"], folder=folder)
    model, rows = load_model(folder / "fast" / "model.automl"), pl.read_csv(data)
    waits = []
    for i in range(200):
        row = rows[i]
        began = time.perf_counter()
        model.predict_proba(row)
        waits.append(1e3 * (time.perf_counter() - began))
    detail = {"p90": float(np.quantile(waits, 0.9)), "first": waits[0]}
    return Figure("one row, --preset fast", statistics.median(waits), "ms", 10.0, detail)


def mixed_table(path: Path, n_rows: int, n_columns: int, *, labelled: bool = True) -> Path:
    """A made-up table: numbers, a quarter of the columns categories, some missing, a target that hangs on five."""
    rng = np.random.default_rng(RNG_SEED if labelled else RNG_SEED + 1)
    n_categories = n_columns // 4
    columns: dict[str, object] = {}
    score = np.zeros(n_rows)
    for i in range(n_columns - n_categories):
        values = rng.normal(size=n_rows).round(4)
        score += (values * (1 - 0.2 * i) + (values**2 if i == 1 else 0)) * (i < 5)
        columns[f"number_{i}"] = np.where(rng.random(n_rows) < 0.03, np.nan, values)
    for i in range(n_categories):
        codes = rng.integers(0, 4 + 3 * i, n_rows)
        score += (codes % 3) * (i < 2)
        columns[f"category_{i}"] = np.array([f"level_{c}" for c in range(4 + 3 * i)])[codes]
    if labelled:
        columns["target"] = np.where(score + rng.normal(size=n_rows) > np.median(score), "yes", "no")
    pl.DataFrame(columns).fill_nan(None).write_csv(path)
    return path


MEASURES: dict[str, Callable[[Path], Figure]] = {
    measure.__name__: measure
    for measure in (
        help_cpu,
        plan_ten_thousand,
        profile_million,
        first_trial,
        first_model,
        breast_cancer,
        overrun,
        idle_cores,
        memory,
        predict_million,
        predict_one,
    )
}
