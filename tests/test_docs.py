"""The documentation is current: generated pages, links, commands and Python in it."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from markdown_blocks import ROOT, blocks, commands, links, reader_environment, run_block

from automl.cli.app import COMMANDS
from automl.options import OPTIONS, options_of

DOCS = ROOT / "docs"
PAGES = sorted(path for path in DOCS.rglob("*.md") if "_build" not in path.parts)
SUBCOMMANDS = {command for option in OPTIONS for command in option.commands if " " in command}


def test_generated_pages_are_current():
    sys.path.insert(0, str(DOCS))
    try:
        from generate import pages
    finally:
        sys.path.remove(str(DOCS))
    stale = [name for name, text in pages().items() if (DOCS / name).read_text(encoding="utf-8") != text]
    assert not stale, "run: python docs/generate.py"


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(DOCS)))
def test_links_lead_to_files(page):
    assert not [target for target in links(page) if not (page.parent / target.partition("#")[0]).exists()]


def test_every_page_is_in_the_contents():
    listed = set(re.findall(r"^[\w/-]+$", (DOCS / "index.md").read_text(encoding="utf-8"), re.MULTILINE))
    assert {path.relative_to(DOCS).with_suffix("").as_posix() for path in PAGES} - {"index"} <= listed


def described() -> list[tuple[str, list[str]]]:
    """(where, words) of every command in the docs, the README and the examples."""
    found = []
    for page in (*PAGES, ROOT / "README.md", ROOT / "examples" / "README.md"):
        for block in blocks(page):
            if block.language in ("shell", "console"):
                text = re.sub(r"^\$ ", "", block.text, flags=re.MULTILINE)
                found += [(f"{page.relative_to(ROOT)}:{block.line}", words) for words in commands(text)]
    for script in sorted((ROOT / "examples").glob("*.sh")):
        found += [(script.name, words) for words in commands(script.read_text(encoding="utf-8"))]
    return found


def test_commands_in_the_docs_exist_with_their_options():
    found = described()
    assert len(found) > 30
    for where, words in found:
        if words[0] in ("--help", "--version"):
            continue
        assert words[0] in COMMANDS, (where, words)
        command = " ".join(words[:2])
        command = command if command in SUBCOMMANDS else "runs list" if words[0] == "runs" else words[0]
        known = {flag for option in options_of(command) for flag in option.flags}
        assert not [word for word in words if word.startswith("-") and word != "-" and word not in known], (
            where,
            words,
        )


@pytest.mark.skipif(os.name == "nt", reason="shell blocks are for a POSIX shell")
def test_getting_started_runs(tmp_path):
    environment = reader_environment()
    for block in blocks(DOCS / "getting-started.md"):
        if block.language == "shell":
            done = run_block(block, tmp_path, environment)
            assert done.returncode == 0, f"line {block.line}:\n{block.text}\n{done.stderr}"
    assert (tmp_path / "scored.csv").is_file()


def test_python_in_the_docs_runs(tmp_path):
    (block,) = [block for block in blocks(DOCS / "guides" / "python.md") if block.language == "python"]
    ast.parse(block.text)
    done = run_block(block, tmp_path, reader_environment())
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_the_documentation_builds_without_a_warning(tmp_path: Path):
    pytest.importorskip("sphinx", reason="needs the extra docs")
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", str(DOCS), str(tmp_path / "html")],
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
