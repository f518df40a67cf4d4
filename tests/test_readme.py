"""README does what it says: its blocks run, in order, in an empty folder; its links lead somewhere."""

from __future__ import annotations

import json
import os

import pytest
from markdown_blocks import ROOT, blocks, links, reader_environment, run_block

README = ROOT / "README.md"


@pytest.mark.skipif(os.name == "nt", reason="shell blocks are for a POSIX shell")
def test_blocks_run_in_order(tmp_path):
    ran = [block for block in blocks(README) if block.language in ("shell", "python")]
    assert len(ran) >= 5
    environment = reader_environment()
    for block in ran:
        done = run_block(block, tmp_path, environment)
        assert done.returncode == 0, f"README.md line {block.line}:\n{block.text}\n{done.stderr}"
    assert (tmp_path / "runs/first/report.html").is_file()
    assert (tmp_path / "scored.csv").read_text().startswith("prediction,proba_benign,proba_malignant\n")
    assert json.loads((tmp_path / "result.json").read_text())["target"] == "diagnosis"


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "examples/README.md"])
def test_links_lead_to_files(page):
    path = ROOT / page
    missing = [target for target in links(path) if not (path.parent / target.partition("#")[0]).exists()]
    assert not missing
