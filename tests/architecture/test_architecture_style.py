"""The house style: sizes, names, and family names in their own file only (docs/design.md)."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator

from architecture_sources import PACKAGE, Source, listed, sources

from automl import registry
from automl.family import TRAITS

MOST_FUNCTION_LINES, MOST_FILE_LINES, MOST_CLASS_LINES, MOST_METHODS, MOST_PARAMETERS = 60, 400, 250, 12, 8
FORBIDDEN_MODULES = {"utils", "util", "helpers", "helper", "common", "base", "misc", "core"}
FORBIDDEN_WORDS = re.compile(r"(Manager|Handler|Base|Abstract)(?![a-z])")
FORCED = {"Exception", "Protocol", "Struct", "NamedTuple", "Enum", "TypedDict", "Module", "Callback", "LightningModule"}
# Modules that list packages, one of which a family is named after.
PACKAGE_LISTS = {"doctor", "shipping", "testing.families"}
# A family's name that is another thing's name too: (module, name).
HOMONYMS = {("families.lightgbm", "extra_trees")}  # a parameter of the library's

Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(source: Source) -> Iterator[Function]:
    return (node for node in ast.walk(source.tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)))


def classes(source: Source) -> Iterator[ast.ClassDef]:
    return (node for node in ast.walk(source.tree) if isinstance(node, ast.ClassDef))


def code_lines(source: Source) -> set[int]:
    """Numbers of lines that hold code: no blank line, no comment, no docstring."""
    held: set[int] = set()
    skipped = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)
    for token in tokenize.generate_tokens(io.StringIO(source.text).readline):
        if token.type not in skipped:
            held.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(source.tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) and node.body:
            first = node.body[0]
            if (
                isinstance(first, ast.Expr)
                and isinstance(first.value, ast.Constant)
                and isinstance(first.value.value, str)
            ):
                held.difference_update(range(first.lineno, (first.end_lineno or first.lineno) + 1))
    return held


def test_files_are_short() -> None:
    sizes = {s.path.relative_to(PACKAGE): len(s.text.splitlines()) for s in sources()}
    problems = [f"{path}: {n} lines" for path, n in sizes.items() if n > MOST_FILE_LINES]
    assert not problems, listed(problems, f"files have at most {MOST_FILE_LINES} lines:")


def test_functions_are_short() -> None:
    problems = []
    for source in sources():
        lines = code_lines(source)
        for node in functions(source):
            n = len(lines & set(range(node.lineno, (node.end_lineno or node.lineno) + 1)))
            if n > MOST_FUNCTION_LINES:
                problems.append(f"{source.at(node)}  {node.name}: {n} code lines")
    assert not problems, listed(problems, f"functions have at most {MOST_FUNCTION_LINES} code lines:")


def test_classes_are_short() -> None:
    problems = []
    for source in sources():
        for node in classes(source):
            n = (node.end_lineno or node.lineno) - node.lineno + 1
            methods = [m for m in node.body if isinstance(m, (ast.FunctionDef, ast.AsyncFunctionDef))]
            counted = [m for m in methods if not m.name.startswith("__") and not is_property(m)]
            if n > MOST_CLASS_LINES or len(counted) > MOST_METHODS:
                problems.append(f"{source.at(node)}  {node.name}: {n} lines, {len(counted)} methods")
    assert not problems, listed(problems, f"classes: at most {MOST_CLASS_LINES} lines and {MOST_METHODS} methods:")


def is_property(method: Function) -> bool:
    return any("property" in ast.unparse(decorator) for decorator in method.decorator_list)


def test_functions_take_few_parameters() -> None:
    problems = []
    for source in sources():
        for node in functions(source):
            names = [a.arg for a in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
            n = len([name for name in names if name not in ("self", "cls")])
            if n > MOST_PARAMETERS:
                problems.append(f"{source.at(node)}  {node.name}: {n} parameters")
    assert not problems, listed(problems, f"functions take at most {MOST_PARAMETERS} parameters (else a record):")


def test_names_say_what_a_thing_is() -> None:
    problems = [
        f"{s.path.name}: no such module name" for s in sources() if s.path.stem.lstrip("_") in FORBIDDEN_MODULES
    ]
    problems += [
        f"{source.at(node)}  class {node.name}"
        for source in sources()
        for node in classes(source)
        if FORBIDDEN_WORDS.search(node.name)
    ]
    assert not problems, listed(problems, "no utils, helpers, common or base; no Manager, Handler, Base or Abstract:")


def test_inheritance_is_one_deep() -> None:
    """Errors form the one tree; records, protocols and what frameworks force do not count."""
    ours = {node.name: node for source in sources() if source.module != "errors" for node in classes(source)}

    def bases(node: ast.ClassDef) -> set[str]:
        return {ast.unparse(base).rpartition(".")[2].partition("[")[0] for base in node.bases}

    problems = []
    for source in sources():
        for node in classes(source):
            for parent in bases(node) & set(ours):
                grand = bases(ours[parent]) - FORCED
                if grand & set(ours):
                    problems.append(f"{source.at(node)}  {node.name} <- {parent} <- {', '.join(sorted(grand))}")
    assert not problems, listed(problems, "inheritance is at most one deep:")


def test_a_family_is_named_in_its_own_file_only() -> None:
    names = set(registry.names("families")) - TRAITS
    problems = []
    for source in sources():
        own = source.module.removeprefix("families.")
        for node in ast.walk(source.tree):
            if not (isinstance(node, ast.Constant) and node.value in names) or node.value == own:
                continue
            if source.unit == "nets" and (PACKAGE / "nets" / f"{node.value}.py").exists():
                continue
            if source.module in PACKAGE_LISTS and node.value in required_packages():
                continue
            if (source.module, node.value) in HOMONYMS:
                continue
            problems.append(f"{source.at(node)}  {node.value!r}")
    assert not problems, listed(problems, "everything but a family's own file speaks of traits, never of families:")


def required_packages() -> set[str]:
    """Names of the packages that this one depends on."""
    from importlib.metadata import requires

    return {re.split(r"[^\w.-]", line)[0] for line in requires("automl") or []}


def test_every_file_postpones_annotations() -> None:
    problems = [
        str(source.path.relative_to(PACKAGE))
        for source in sources()
        if source.tree.body[1:] and "from __future__ import annotations" not in source.text
    ]
    assert not problems, listed(problems, "files begin with `from __future__ import annotations`:")


def test_every_file_says_what_it_is() -> None:
    problems = [str(s.path.relative_to(PACKAGE)) for s in sources() if s.text.strip() and not ast.get_docstring(s.tree)]
    assert not problems, listed(problems, "every file begins with a docstring:")
