"""Fenced blocks and links of Markdown pages, and a way to run the blocks as a reader would."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
QUICK = {"AUTOML_TIME_LIMIT": "20s", "AUTOML_TRIALS": "4", "AUTOML_EXPLAIN_LIMIT": "10s", "AUTOML_NO_PROGRESS": "1"}

_COMMAND = re.compile(r"(?:^|[|&;(]|\bif|\bif !|\b!)\s*automl\s+([^|&;<>)]*)")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, and the line of the page its text begins at."""

    language: str
    line: int
    text: str


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    found = re.finditer(r"^```([\w{}-]*)[^\n]*\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [Block(each[1], text.count("\n", 0, each.start()) + 2, each[2]) for each in found]


def links(page: Path) -> list[str]:
    """Targets of the links that lead to files of the project."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    targets = re.findall(r"\]\(([^)\s]+)\)", text)
    return [target for target in targets if "://" not in target and not target.startswith(("#", "mailto:"))]


def reader_environment(**more: str) -> dict[str, str]:
    """The environment of a reader who has installed the package, and little time."""
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    return {**os.environ, "PATH": path, **QUICK, **more}


def run_block(block: Block, folder: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a shell or python block with short time limits; a shell stops at the first command that fails."""
    text = re.sub(r"--time-limit \S+", f"--time-limit {QUICK['AUTOML_TIME_LIMIT']}", block.text)
    command = {"shell": ["bash", "-euo", "pipefail", "-c"], "python": [sys.executable, "-c"]}[block.language]
    return subprocess.run(
        [*command, text], cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False
    )


def commands(text: str) -> list[list[str]]:
    """The words of each `automl …` command in a shell text, comments and continued lines taken care of."""
    lines = re.sub(r"\\\n\s*", " ", text).splitlines()
    found = (each[1] for line in lines for each in _COMMAND.finditer(line))
    return [shlex.split(each, comments=True) for each in found]
