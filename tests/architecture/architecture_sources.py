"""The package's source as syntax trees, and the imports in it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "automl"


@dataclass(frozen=True)
class Source:
    """A file: `module` is its dotted name below automl ("" for the package itself)."""

    path: Path
    module: str
    tree: ast.Module
    text: str

    @property
    def unit(self) -> str:
        """Its first part: the package or the top-level module."""
        return self.module.partition(".")[0]

    def at(self, node: ast.AST) -> str:
        return f"{self.path.relative_to(ROOT)}:{getattr(node, 'lineno', 1)}"


@cache
def sources() -> tuple[Source, ...]:
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        text = path.read_text(encoding="utf-8")
        found.append(Source(path, module, ast.parse(text), text))
    return tuple(found)


@dataclass(frozen=True)
class Import:
    """An import statement; `late` if it stands in a function, so that importing the file does not run it."""

    source: Source
    name: str
    node: ast.stmt
    late: bool

    @property
    def is_ours(self) -> bool:
        return self.name == "automl" or self.name.startswith("automl.")

    @property
    def ours(self) -> str:
        """Dotted name below automl."""
        return self.name.removeprefix("automl").lstrip(".")


def imports(source: Source) -> list[Import]:
    """Every import that can run; those for type checkers only are left out."""
    return list(_walk(source, source.tree, late=False))


def _walk(source: Source, node: ast.AST, *, late: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            for other in child.orelse:
                yield from _walk(source, other, late=late)
        elif isinstance(child, ast.Import):
            for alias in child.names:
                yield Import(source, alias.name, child, late)
        elif isinstance(child, ast.ImportFrom):
            if child.level:
                yield Import(source, "." * child.level + (child.module or ""), child, late)
            for alias in child.names:
                yield Import(source, _imported(child.module or "", alias.name), child, late)
        else:
            yield from _walk(source, child, late=late or isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)))


def _imported(module: str, name: str) -> str:
    """`from automl import run` imports automl.run; `from automl.run import fit` imports automl.run."""
    below = PACKAGE.joinpath(*module.split(".")[1:]) if module.partition(".")[0] == "automl" else None
    if below is not None and below.is_dir() and ((below / f"{name}.py").exists() or (below / name).is_dir()):
        return f"{module}.{name}"
    return module


def listed(problems: list[str], rule: str) -> str:
    """The message of a failed rule."""
    return f"{rule}\n  " + "\n  ".join(problems)
