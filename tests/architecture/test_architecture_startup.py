"""What a light command may import: everything else stays unloaded until it is needed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

LIGHT = {"automl", "typer", "click", "msgspec", "annotated_doc", "shellingham", "typing_extensions", "colorama"}
COMMAND = LIGHT | {
    "numpy", "rich", "pygments", "markdown_it", "mdurl",
    "pydantic", "pydantic_core", "annotated_types", "typing_inspection",  # typer's own, once a command has options
    "attr", "attrs",  # rich looks at them where they are installed
}  # fmt: skip
DECIDING = COMMAND | {
    "polars", "_polars_runtime", "_polars_runtime_32", "_polars_runtime_64", "_polars_runtime_compat",
    "psutil", "charset_normalizer", "fastexcel", "zstandard",
}  # fmt: skip
# Start-up hooks of an editable install or of a test runner, in site-packages but none of our doing.
HOOKS = {"sitecustomize", "usercustomize", "coverage", "a1_coverage", "distutils-precedence", "_distutils_hack"}
INTERNALS = ("_editable", "__editable", "_sysconfigdata", "_cython", "cython_runtime")

SCRIPT = """
import sys
from automl.cli import main
code = main(sys.argv[1:])
sys.stdout.flush()
top = {name.partition(".")[0] for name in sys.modules}
sys.stderr.write("\\nLOADED " + " ".join(sorted(top - set(sys.stdlib_module_names) - {"__main__"})))
sys.exit(code)
"""


def loaded_by(*arguments: str, folder: Path) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *arguments], cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    names = done.stderr.rpartition("LOADED ")[2].split()
    return {name for name in names if not name.startswith(INTERNALS)} - HOOKS


@pytest.mark.parametrize(
    ("arguments", "allowed"),
    [(("--help",), LIGHT), (("--version",), LIGHT), (("fit", "--help"), COMMAND), (("runs", "--help"), COMMAND)],
)
def test_help_loads_nothing_heavy(arguments: tuple[str, ...], allowed: set[str], tmp_path: Path) -> None:
    extra = loaded_by(*arguments, folder=tmp_path) - allowed
    assert not extra, f"automl {' '.join(arguments)} loads {sorted(extra)}; allowed: {sorted(allowed)}"


def test_the_decision_loads_no_learning_library(tmp_path: Path) -> None:
    rows = [f"{i % 7},{i % 3 * 0.5},{'ab'[i % 2]},{'yes' if i % 3 else 'no'}" for i in range(200)]
    (tmp_path / "small.csv").write_text("\n".join(["size,weight,colour,bought", *rows]))
    extra = loaded_by("plan", "small.csv", "--target", "bought", folder=tmp_path) - DECIDING
    assert not extra, f"automl plan loads {sorted(extra)}; allowed: {sorted(DECIDING)}"
