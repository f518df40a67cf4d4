"""Every command on the model of one real run, as a user types them."""

from __future__ import annotations

import json
import os
import re
import subprocess

import pytest
from e2e_commands import AUTOML, COLUMNS, automl, churn_file, churn_rows, csv_text, parsed

from automl import __version__


def test_fit_keeps_its_time_limit_and_leaves_a_whole_run(fitted):
    assert fitted.seconds < fitted.limit + 10
    for name in ("DONE", "model.automl", "report.html", "report.md", "report.json", "plan.json", "profile.json"):
        assert (fitted.run / name).is_file(), name
    assert not (fitted.run / "work").exists()
    assert not list(fitted.run.rglob("*.partial"))
    result = fitted.result
    assert result["exit"] == 0
    assert (result["task"], result["target"], result["metric"]) == ("binary", "churn", "roc_auc")
    assert 0 < len((fitted.folder / "step.md").read_text()) < 20_000


def test_fit_finds_what_the_rows_hold(fitted):
    new = churn_file(fitted.folder, 300, seed=9, name="labelled.csv")
    done = automl("evaluate", fitted.model, new, "--json", folder=fitted.folder)
    found = json.loads(done.out)["metrics"]["roc_auc"]
    assert done.code == 0
    assert 0.8 < found["value"] <= 1.0
    assert found["low"] < found["value"] < found["high"]
    assert found["n_rows"] == 300


def test_fit_says_what_it_does_on_stderr_without_escape_codes(fitted):
    assert "\x1b" not in fitted.err
    assert re.search(r"read .*400 rows", fitted.err)
    assert "report.html" in fitted.err


def test_report_is_one_page_without_network(fitted):
    html = (fitted.run / "report.html").read_text(encoding="utf-8")
    assert html.lower().startswith("<!doctype html>")
    assert not re.findall(r"""(?:src|href)\s*=\s*["']?(?:https?:)?//""", html)
    assert "@import" not in html
    assert "🏔" in html or "city" in html


def test_report_renders_again(fitted):
    names = ("report.html", "report.md", "report.json")
    before = [(fitted.run / name).read_bytes() for name in names]
    for name in names:
        (fitted.run / name).unlink()
    done = automl("report", fitted.run, folder=fitted.folder)
    assert done.code == 0, done.err
    assert [(fitted.run / name).read_bytes() for name in names] == before
    shown = automl("report", fitted.run, "--format", "terminal", folder=fitted.folder)
    assert shown.code == 0
    assert "roc_auc" in shown.out


def test_predict_keeps_order_and_adds_up_to_one(fitted):
    new = churn_file(fitted.folder, 50, seed=3, name="new.csv")
    done = automl("predict", fitted.run, new, "--proba", "--keep", "city", folder=fitted.folder)
    assert done.code == 0, done.err
    rows = parsed(done.out)
    assert list(rows[0]) == ["city", "prediction", "proba_no", "proba_yes"]
    assert [row["city"] for row in rows] == [row[3] for row in churn_rows(50, seed=3)]
    for row in rows:
        assert row["prediction"] in {"yes", "no"}
        assert float(row["proba_no"]) + float(row["proba_yes"]) == pytest.approx(1.0)


def test_predict_does_not_mind_the_form_of_the_file(fitted):
    """Columns reordered, added or left without the target, rows by stdin or as jsonl: the same bits.

    In batches of another size only the last bits may differ, as sums of a matrix product go by its shape.
    """
    rows = churn_rows(40, seed=4)
    plain = churn_file(fitted.folder, 40, seed=4, name="plain.csv")
    expected = automl("predict", fitted.model, plain, "--proba", folder=fitted.folder).out

    order = (3, 0, 4, 1, 2)
    mixed = csv_text(
        ["extra", *(COLUMNS[i] for i in order)], [[str(n), *(row[i] for i in order)] for n, row in enumerate(rows)]
    )
    reordered = automl("predict", fitted.model, "-", "--proba", folder=fitted.folder, stdin=mixed.encode())
    assert (reordered.code, reordered.out) == (0, expected)

    batched = automl("predict", fitted.model, plain, "--proba", "--batch-rows", 7, folder=fitted.folder)
    for one, other in zip(parsed(batched.out), parsed(expected), strict=True):
        assert one["prediction"] == other["prediction"]
        assert float(one["proba_yes"]) == pytest.approx(float(other["proba_yes"]), rel=1e-9)

    lines = [json.dumps({k: v or None for k, v in zip(COLUMNS[:-1], row, strict=False)}) for row in rows]
    (fitted.folder / "plain.jsonl").write_text("\n".join(lines), encoding="utf-8")
    as_json = automl("predict", fitted.model, "plain.jsonl", "--proba", folder=fitted.folder)
    assert (as_json.code, as_json.out) == (0, expected), as_json.err


def test_predict_takes_unseen_categories_and_blanks(fitted):
    rows = [["5", "70.5", "never seen", "Atlantis", "2031-01-01"], ["", "", "", "", ""]]
    text = csv_text(COLUMNS[:-1], rows)
    done = automl("predict", fitted.model, "-", "--proba", folder=fitted.folder, stdin=text.encode())
    assert done.code == 0, done.err
    assert len(parsed(done.out)) == 2


def test_predict_refuses_a_missing_column_by_name_and_writes_nothing(fitted):
    text = csv_text(["tenure", "charges", "contract", "signed"], [["1", "2", "month", "2020-01-01"]])
    done = automl("predict", fitted.model, "-", "-o", "out.csv", folder=fitted.folder, stdin=text.encode())
    assert done.code == 3
    assert "'city'" in done.err
    assert not list(fitted.folder.glob("out.csv*"))


def test_predict_deals_with_bad_rows_as_told(fitted):
    rows = churn_rows(6, seed=5)
    rows[3][0] = "twelve"
    text = csv_text(COLUMNS, rows).encode()
    failed = automl("predict", fitted.model, "-", folder=fitted.folder, stdin=text)
    assert failed.code == 3
    assert "twelve" in failed.err
    assert "tenure" in failed.err
    assert "--on-bad-row" in failed.err
    assert failed.out == ""
    skipped = automl(
        "predict", fitted.model, "-", "--on-bad-row", "skip", "--rejects", "bad.csv", folder=fitted.folder, stdin=text
    )
    assert skipped.code == 0, skipped.err
    assert len(parsed(skipped.out)) == 5
    (reject,) = parsed((fitted.folder / "bad.csv").read_text(encoding="utf-8"))
    assert reject["rejected_row"] == "4"
    assert reject["tenure"] == "twelve"
    taken = automl("predict", fitted.model, "-", "--on-bad-row", "null", folder=fitted.folder, stdin=text)
    assert len(parsed(taken.out)) == 6


def test_predict_writes_the_format_of_the_suffix(fitted):
    new = churn_file(fitted.folder, 12, seed=6, name="dozen.csv")
    expected = [row["prediction"] for row in parsed(automl("predict", fitted.model, new, folder=fitted.folder).out)]
    assert automl("predict", fitted.model, new, "-o", "dozen.jsonl", folder=fitted.folder).code == 0
    lines = (fitted.folder / "dozen.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["prediction"] for line in lines] == expected
    assert automl("predict", fitted.model, new, "-o", "dozen.parquet", folder=fitted.folder).code == 0
    assert (fitted.folder / "dozen.parquet").read_bytes()[:4] == b"PAR1"


def test_evaluate_is_a_gate(fitted):
    new = churn_file(fitted.folder, 200, seed=8, name="gate.csv")
    met = automl("evaluate", fitted.model, new, "--min", "roc_auc=0.6", "--quiet", folder=fitted.folder)
    assert (met.code, met.out) == (0, "")
    missed = automl("evaluate", fitted.model, new, "--min", "roc_auc=0.9999", "--json", folder=fitted.folder)
    assert missed.code == 4
    assert len(json.loads(missed.out)["gates_failed"]) == 1
    assert "roc_auc" in missed.err
    unknown = automl("evaluate", fitted.model, new, "--min", "rmse=1", folder=fitted.folder)
    assert unknown.code == 2


def test_explain_gives_every_row_its_reasons(fitted):
    done = automl("explain", fitted.model, "churn.csv", "--rows", "0,17", "-l", "12s", "--json", folder=fitted.folder)
    assert done.code == 0, done.err
    found = json.loads(done.out)
    assert {"shap"} <= {each["method"] for each in found["importance"]} or found["skipped"]
    assert {each["row"] for each in found["chosen"]} == {0, 17} or found["skipped"]
    for each in found["importance"]:
        assert set(each["columns"]) <= set(COLUMNS[:-1])


def test_inspect_and_verify_tell_a_whole_file_from_a_damaged_one(fitted):
    looked = json.loads(automl("inspect", fitted.model, "--json", folder=fitted.folder).out)
    assert looked["task"]["target"] == "churn"
    assert looked["task"]["classes"] == ["no", "yes"]
    assert automl("verify", fitted.run, folder=fitted.folder).code == 0
    whole = fitted.model.read_bytes()
    damaged = fitted.folder / "damaged.automl"
    middle = len(whole) // 3
    damaged.write_bytes(whole[:middle] + bytes([whole[middle] ^ 0xFF]) + whole[middle + 1 :])
    for arguments in (("verify", damaged), ("predict", damaged, "churn.csv")):
        done = automl(*arguments, folder=fitted.folder)
        assert done.code == 3, arguments
        assert "damaged.automl" in done.err
        assert "bug" not in done.err


def test_runs_lists_compares_and_cleans(fitted, tmp_path):
    (listed,) = json.loads(automl("runs", "--root", fitted.folder, "--json", folder=tmp_path).out)["runs"]
    assert listed["state"] == "done"
    assert listed["target"] == "churn"
    same = automl("runs", "diff", fitted.run, fitted.run, folder=tmp_path)
    assert "nothing differs" in same.out
    refused = automl("runs", "clean", "--root", fitted.folder, "--keep", 0, folder=tmp_path)
    assert refused.code == 2
    assert fitted.model.is_file()


def test_resume_of_a_finished_run_is_refused(fitted):
    done = automl("resume", fitted.run, folder=fitted.folder)
    assert done.code == 2
    assert "done" in done.err


def test_a_run_folder_is_not_overwritten_unasked(fitted):
    before = fitted.model.stat().st_mtime
    done = automl("fit", "churn.csv", "-o", "run", folder=fitted.folder)
    assert done.code == 2
    assert "--overwrite" in done.err
    assert fitted.model.stat().st_mtime == before


def test_profile_and_plan_speak_json(tmp_path):
    churn_file(tmp_path)
    profile = json.loads(automl("profile", "churn.csv", "--json", folder=tmp_path).out)
    assert isinstance(profile, dict)
    done = automl("plan", "churn.csv", "-l", "20s", "-o", "plan.json", "--json", folder=tmp_path)
    assert done.code == 0, done.err
    planned = json.loads(done.out)
    assert planned["task"]["target"] == "churn"
    assert planned["candidates"]
    assert json.loads((tmp_path / "plan.json").read_text())["task"]["target"] == "churn"


def test_fit_runs_a_plan_on_stdin_rows_of_a_regression(tmp_path):
    rows = [[row[0], row[1], row[2], f"{3 * int(row[0]) + len(row[2])}"] for row in churn_rows(150, seed=2)]
    text = csv_text(["tenure", "charges", "contract", "value"], rows).encode()
    (tmp_path / "rows.csv").write_bytes(text)
    planned = automl("plan", "rows.csv", "-t", "value", "-l", "15s", "--trials", 4, "-o", "p.json", folder=tmp_path)
    assert planned.code == 0, planned.err
    done = automl("fit", "-", "--plan", "p.json", "-o", "run", "--json", folder=tmp_path, stdin=text)
    assert done.code == 0, done.err
    other = automl("fit", "rows.csv", "--plan", "p.json", "-t", "charges", "-o", "other", folder=tmp_path)
    assert other.code == 2
    assert "made for target value, and here it is charges" in other.err
    assert json.loads(done.out)["task"] == "regression"
    predicted = parsed(automl("predict", "run", "rows.csv", folder=tmp_path).out)
    errors = [abs(float(p["prediction"]) - float(row[3])) for p, row in zip(predicted, rows, strict=True)]
    assert sum(errors) / len(errors) < 10


def test_options_come_from_the_environment_and_a_file(tmp_path, monkeypatch):
    churn_file(tmp_path)
    (tmp_path / "pyproject.toml").write_text('[tool.automl]\ntarget = "contract"\n')
    from_file = json.loads(automl("plan", "churn.csv", "--json", folder=tmp_path).out)
    assert from_file["task"]["target"] == "contract"
    monkeypatch.setenv("AUTOML_TARGET", "city")
    from_env = json.loads(automl("plan", "churn.csv", "--json", folder=tmp_path).out)
    assert from_env["task"]["target"] == "city"
    flag = json.loads(automl("plan", "churn.csv", "--json", "-t", "churn", folder=tmp_path).out)
    assert flag["task"]["target"] == "churn"


def test_doctor_sample_and_version(tmp_path):
    assert automl("--version", folder=tmp_path).out == f"automl {__version__}\n"
    assert isinstance(json.loads(automl("doctor", "--json", folder=tmp_path).out), dict)
    assert automl("sample", "iris", folder=tmp_path).code == 0
    assert len((tmp_path / "iris.csv").read_text().splitlines()) == 151
    again = automl("sample", "iris", folder=tmp_path)
    assert again.code == 2
    assert "--overwrite" in again.err


@pytest.mark.skipif(os.name == "nt", reason="a pipe of a POSIX shell")
def test_a_closed_pipe_ends_without_a_word(fitted):
    big = churn_file(fitted.folder, 5000, seed=1, name="big.csv")
    command = " ".join([*AUTOML, "predict", str(fitted.model), str(big)]) + " | head -n 1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, check=False, timeout=120)
    assert done.stdout.decode().strip() == "prediction"
    assert done.stderr.decode() == ""
