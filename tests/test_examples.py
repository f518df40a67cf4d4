"""Every example runs by itself in an empty folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from markdown_blocks import ROOT, reader_environment

EXAMPLES = ROOT / "examples"
LEAVES = {
    "quickstart.sh": ("scored.csv", "runs/quickstart/report.html"),
    "nightly_cron.sh": ("result.json", "current.automl"),
    "ci_gate.sh": ("summary.md", "runs/gate/model.automl"),
    "explain_rows.sh": ("row0.json",),
    "images.sh": ("scored.csv", "runs/images/report.html"),
    "policy.sh": ("runs/policy/model.automl",),
    "regression.py": ("diabetes.automl",),
}


def run_example(name: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = reader_environment(AUTOML_TIME_LIMIT="12s", EXAMPLE_SECONDS="12")
    environment.pop("GITHUB_STEP_SUMMARY", None)
    command = [sys.executable if name.endswith(".py") else "bash", str(EXAMPLES / name)]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=240, check=False
    )


@pytest.mark.skipif(os.name == "nt", reason="shell scripts are for a POSIX shell")
@pytest.mark.parametrize("name", LEAVES)
def test_example_runs(name, tmp_path):
    done = run_example(name, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    for left in LEAVES[name]:
        assert (tmp_path / left).stat().st_size > 0
    if name == "policy.sh":
        traits = {"linear", "tree", "bayes", "glass_box"}
        assert traits & set(done.stdout.replace(",", " ").split())
        manifest = json.loads((tmp_path / "runs/policy/outcome.json").read_text())
        assert len(manifest["members"]) == 1
    if name == "nightly_cron.sh":
        again = run_example(name, tmp_path)
        assert again.returncode == 0, again.stderr


def test_every_example_is_run_and_listed():
    scripts = {path.name for path in EXAMPLES.iterdir() if path.suffix in (".sh", ".py")}
    assert scripts == set(LEAVES)
    listed = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert not [name for name in scripts if f"({name})" not in listed]
