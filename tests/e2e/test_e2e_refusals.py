"""Bad input: a clear error, soon, with its exit code, and nothing half-written."""

from __future__ import annotations

import gzip
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from e2e_commands import automl, churn_file, churn_rows, csv_text

# Fewer than 5 on a machine that does nothing else; tests often share theirs.
SECONDS = 20.0


def table(columns: str, *rows: str, times: int = 1) -> bytes:
    return "\n".join([columns, *rows * times, ""]).encode()


GOOD = csv_text(("tenure", "charges", "contract", "city", "signed", "churn"), churn_rows(60)).encode()

# name: (content of the file, more arguments, exit code, what the message must say)
UNUSABLE: dict[str, tuple[bytes, tuple[str, ...], int, tuple[str, ...]]] = {
    "empty file": (b"", (), 3, ("data.csv", "empty")),
    "blanks only": (b"\n \n\n", (), 3, ("data.csv",)),
    "header only": (b"a,b,y\n", (), 3, ("row",)),
    "one row": (b"a,b,y\n1,2,no\n", ("-t", "y"), 3, ("'y'",)),
    "one class": (table("a,y", "1,no", "2,no", "3,no", times=20), ("-t", "y"), 3, ("y", "no")),
    "constant number": (table("a,y", "1,5", "2,5", "3,5", times=20), ("-t", "y"), 3, ("y", "5")),
    "target all missing": (table("a,y", "1,", "2,", "3,", times=20), ("-t", "y"), 3, ("y",)),
    "no column but the target": (table("y", "a", "b", times=20), ("-t", "y"), 3, ()),
    "every column missing": (table("a,b,y", ",,p", ",,q", times=20), ("-t", "y"), 3, ()),
    "wrong target": (GOOD, ("-t", "chrun"), 3, ("chrun", "churn")),
    "wrong drop": (GOOD, ("--drop", "citi"), 3, ("citi", "city")),
    "wrong metric": (GOOD, ("-m", "roc_acu"), 2, ("roc_acu", "roc_auc")),
    "metric of another task": (GOOD, ("-t", "churn", "-m", "rmse"), 2, ("rmse",)),
    "wrong task": (GOOD, ("-t", "city", "--task", "regression"), 3, ("city",)),
    "wrong flag": (GOOD, ("--time-limt", "5s"), 2, ("--time-lim",)),
    "wrong time": (GOOD, ("-l", "soon"), 2, ("soon", "--time-limit")),
    "unknown family": (GOOD, ("--include", "no_such"), 2, ("no_such",)),
    "everything excluded": (GOOD, ("--drop", "tenure", "--drop", "charges", "--drop", "contract", "--drop", "city",
                                   "--drop", "signed"), 3, ()),
    "binary rubbish": (bytes(range(256)) * 40, (), 3, ("data.csv",)),
}  # fmt: skip


@pytest.mark.parametrize("name", UNUSABLE)
def test_unusable_data_is_refused(name: str, tmp_path: Path) -> None:
    content, more, code, words = UNUSABLE[name]
    (tmp_path / "data.csv").write_bytes(content)
    refused(tmp_path, "data.csv", *more, code=code, words=words)


def refused(folder: Path, data: str, *more: str, code: int, words: tuple[str, ...]) -> None:
    """`fit` ends soon with that exit code and a message of those words, and leaves the folder as it was."""
    before = sorted(folder.rglob("*"))
    done = automl("fit", data, "-l", "30s", "-o", "runs/run", *more, folder=folder)
    assert done.code == code, done.err
    assert done.out == ""
    assert done.err.splitlines()[-1].startswith(("automl: ", "  ")), done.err
    assert "bug in automl" not in done.err
    assert "Traceback" not in done.err
    for word in words:
        assert word in done.err
    assert sorted(folder.rglob("*")) == before
    assert done.seconds < SECONDS


def broken_gzip(folder: Path) -> str:
    (folder / "data.csv.gz").write_bytes(gzip.compress(GOOD)[:-200])
    return "data.csv.gz"


def no_gzip(folder: Path) -> str:
    (folder / "data.csv.gz").write_bytes(GOOD)
    return "data.csv.gz"


def broken_parquet(folder: Path) -> str:
    (folder / "data.parquet").write_bytes(b"PAR1" + b"\0" * 100 + b"PAR1")
    return "data.parquet"


def broken_json(folder: Path) -> str:
    (folder / "data.jsonl").write_bytes(b'{"a": 1, "y": "p"}\n{"a": 2, "y"\n')
    return "data.jsonl"


def no_file(folder: Path) -> str:
    (folder / "data.csv").write_bytes(GOOD)
    return "dta.csv"


@pytest.mark.parametrize("make", [broken_gzip, broken_parquet, broken_json, no_file], ids=lambda make: make.__name__)
def test_files_that_cannot_be_read_are_refused(make: Callable[[Path], str], tmp_path: Path) -> None:
    name = make(tmp_path)
    refused(tmp_path, name, code=3, words=(name,))


def test_a_place_that_cannot_be_written_is_refused_before_any_work(tmp_path: Path) -> None:
    churn_file(tmp_path)
    (tmp_path / "file").write_text("in the way")
    refused(tmp_path, "churn.csv", "-o", "file/run", code=3, words=("file",))
    if sys.platform == "linux":
        refused(tmp_path, "churn.csv", "-o", "/proc/run", code=3, words=("/proc",))


def test_predictions_that_cannot_be_written_are_an_error(fitted: Any) -> None:
    done = automl("predict", fitted.model, "churn.csv", "-o", "nowhere/out.csv", folder=fitted.folder)
    assert done.code == 2
    assert "nowhere" in done.err
    assert "bug" not in done.err


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    churn_file(tmp_path)
    for command in ("predict", "evaluate", "explain"):
        done = automl(command, "churn.csv", "churn.csv", folder=tmp_path)
        assert done.code == 3, command
        assert "not a model file" in done.err
    assert automl("predict", "nowhere.automl", "churn.csv", folder=tmp_path).code == 2


def two_classes(first: Callable[[int], str], second: Callable[[int], str]) -> bytes:
    return "".join(f"{first(i)},{second(i)},{'pq'[i % 2]}\n" for i in range(60)).encode()


ODD: dict[str, bytes] = {
    "duplicate names": b"a,a,y\n" + two_classes(str, lambda i: str(i * 7 % 5)),
    "empty names": b",,y\n" + two_classes(str, lambda i: str(i * 7 % 5)),
    "infinities": b"a,b,y\n" + two_classes(lambda i: ("inf", "-inf", "1.5")[i % 3], str),
    "missing column": b"a,b,y\n" + two_classes(lambda i: "", str),
    "a cell of 10 MB": b"a,b,y\n1," + b"x" * 10_000_000 + b",p\n" + two_classes(str, lambda i: f"t{i}"),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_but_usable_data_is_planned_or_refused_clearly(name: str, tmp_path: Path) -> None:
    """These may be used; what may not happen is a crash, or silence about what was done with them."""
    (tmp_path / "data.csv").write_bytes(ODD[name])
    done = automl("plan", "data.csv", "-t", "y", "-l", "20s", folder=tmp_path)
    assert done.code in (0, 3), done.err
    assert "bug in automl" not in done.err
    assert done.seconds < SECONDS


def test_odd_data_fit_and_predict(tmp_path: Path) -> None:
    """Duplicate and empty names, infinities and an empty column, all in one table."""
    rows = [
        f"{i},{(i * 37) % 11},{'inf' if i % 9 == 0 else i * 0.5},,{'p' if (i * 37) % 11 > 5 else 'q'}"
        for i in range(120)
    ]
    (tmp_path / "odd.csv").write_text("\n".join(["a,a,,🎉,y", *rows, ""]))
    done = automl("fit", "odd.csv", "-t", "y", "-l", "15s", "--trials", 4, "-o", "run", folder=tmp_path)
    assert done.code == 0, done.err
    predicted = automl("predict", "run", "odd.csv", folder=tmp_path)
    assert predicted.code == 0, predicted.err
    assert len(predicted.out.splitlines()) == 121
