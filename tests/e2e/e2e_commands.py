"""The command as a whole process, and a small table to run it on."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

AUTOML = (sys.executable, "-m", "automl")
COLUMNS = ("tenure", "charges", "contract", "city", "signed", "churn")


@dataclass(frozen=True)
class Finished:
    """A process that ended."""

    code: int
    out: str
    err: str
    seconds: float


def automl(*arguments: str | Path, folder: Path, stdin: bytes | None = None, timeout: float = 180.0) -> Finished:
    """Run the command and wait; text is decoded strictly, so that output that is not UTF-8 fails a test."""
    began = time.monotonic()
    done = subprocess.run(
        [*AUTOML, *map(str, arguments)],
        cwd=folder,
        input=b"" if stdin is None else stdin,
        capture_output=True,
        timeout=timeout,
        check=False,
    )
    return Finished(done.returncode, done.stdout.decode(), done.stderr.decode(), time.monotonic() - began)


def started(*arguments: str | Path, folder: Path) -> subprocess.Popen[bytes]:
    """Start the command; what it says goes to `said.txt` in the folder."""
    with (folder / "said.txt").open("wb") as said:
        return subprocess.Popen(
            [*AUTOML, *map(str, arguments)], cwd=folder, stdin=subprocess.DEVNULL, stdout=said, stderr=said
        )


def wait_until(true: Callable[[], bool], process: subprocess.Popen[bytes], seconds: float = 90.0) -> None:
    """Wait for something a running process does; fail if it ends before, or is too slow."""
    deadline = time.monotonic() + seconds
    while not true():
        assert process.poll() is None, f"it ended with {process.returncode} before that"
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.05)


def churn_rows(n: int, seed: int = 0) -> list[list[str]]:
    """Rows of a table with every usual kind of column, blanks, an emoji and a target that can be learned."""
    rng = np.random.default_rng(seed)
    rows = []
    for _ in range(n):
        tenure = int(rng.integers(0, 72))
        contract = str(rng.choice(["month", "year", "two years"], p=[0.5, 0.3, 0.2]))
        charges = round(float(rng.normal(60, 20)), 2)
        logit = 0.6 - 0.05 * tenure + 0.02 * (charges - 60) + {"month": 0.8, "year": -0.3, "two years": -1.5}[contract]
        city = str(rng.choice(["Oslo", "Bergen", "Tromsø", "🏔 Røros"]))
        signed = f"{2018 + int(rng.integers(0, 6))}-{int(rng.integers(1, 13)):02d}-{int(rng.integers(1, 29)):02d}"
        churn = "yes" if rng.random() < 1 / (1 + np.exp(-2 * logit)) else "no"
        shown = "" if rng.random() < 0.05 else f"{charges}"
        rows.append([str(tenure), shown, contract, city, signed, churn])
    return rows


def csv_text(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The rows as a csv file."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue()


def churn_file(folder: Path, n: int = 400, seed: int = 0, name: str = "churn.csv") -> Path:
    """Write `churn_rows` to a file."""
    path = folder / name
    path.write_text(csv_text(COLUMNS, churn_rows(n, seed)), encoding="utf-8")
    return path


def parsed(text: str) -> list[dict[str, str]]:
    """Rows of a csv answer."""
    return list(csv.DictReader(io.StringIO(text)))
