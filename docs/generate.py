"""Pages of the reference that follow from the code: `python docs/generate.py` writes them, a test checks them."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from automl import checks, registry
from automl.cli.app import COMMANDS
from automl.metrics import METRICS
from automl.options import OPTIONS, Option, options_of
from automl.policy import rules

DOCS = Path(__file__).parent
PACKAGE = DOCS.parent / "automl"

READER_FINDINGS = {
    "D001": "the file is not UTF-8, or has stray bytes in it",
    "D002": "rows of another length than the header",
    "D003": "no header, or a header of two lines",
    "D004": "column names that are empty or occur twice, and what they are called instead",
    "D005": "lines before or below the table, left out",
    "D006": "whole lines in quotes, or quotes that are part of the text",
    "D007": "nested values or columns of another type than a table holds, and what became of them",
    "D008": "a workbook of several sheets, and which one was read",
    "D009": "of a folder or zip archive of media: what was left out, or that there are no class folders",
}
DECISIONS = {
    "P030": ("The organisation's policy", "what the file of `--policy` says"),
    "P031": ("Included", "`--include` names the families that run"),
    "P032": ("Excluded", "`--exclude` names families that do not run"),
    "P033": ("Refused", "a family says why it cannot take this data"),
    "P034": ("Budget", "how long the search may take, and whether the policy file allows less than was asked for"),
    "P035": ("Pretrained", "which encoder of the local caches reads texts or images, or what one would gain"),
    "P036": ("Unproven", "a family that has not passed its gate races only where `--include` names it"),
    "P037": ("Foreign", "a family reads texts, images, sounds or earlier rows, and the table holds none"),
    "P040": ("Sample", "one fit on all rows would fill half the search, so rows are sampled"),
    "P041": ("Workers", "how many fits run side by side, and with how many threads"),
    "P042": ("Validation", "folds, or one or two holdouts where the time that folds take is worth more elsewhere"),
    "P043": ("Memory", "a fit that would not fit into memory"),
    "P044": ("Time", "a fit that would take more than its share of the time"),
    "P045": ("Kept", "where costs would leave nothing to race, the cheapest family stays"),
    "P046": ("Kinds", "whether shallow models, nets or both race"),
}


def main() -> None:
    """Write every page."""
    for name, text in pages().items():
        (DOCS / name).write_text(text, encoding="utf-8")


def pages() -> dict[str, str]:
    """Each page's text, by its path below docs/."""
    return {
        "reference/command-line.md": command_line(),
        "reference/metrics.md": metrics(),
        "reference/findings.md": findings(),
        "reference/rules.md": policy_rules(),
        "reference/families.md": families(),
    }


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', '&#124;') for cell in line)} |\n" for line in lines)


def command_line() -> str:
    """Every command with its options, from the table the command line itself is made of."""
    parts = [
        "# Command line\n\nAnswers go to stdout, everything else to stderr. An option is `--time-limit` on the command "
        "line, `time-limit` in a configuration file and `AUTOML_TIME_LIMIT` in the environment; the command line wins "
        "over the environment, and the environment over a file. A file is the one `--config` names, or "
        "`[tool.automl]` in `pyproject.toml`.\n\n## Exit codes\n\n",
        table(
            ("code", "meaning"),
            [
                ("0", "done"),
                ("1", "failed"),
                ("2", "usage: a flag, a name or a combination that cannot be"),
                ("3", "the data, or the model file, cannot be used; the message says why and where"),
                ("4", "a gate of `evaluate` was not met"),
                ("6", "the budget ended without a model"),
                ("130, 143", "stopped by SIGINT or SIGTERM; the best model so far is written first"),
            ],
        ),
    ]
    for command, line in COMMANDS.items():
        parts.append(f"\n## automl {command}\n\n{_sentence(line)}\n")
        under = sorted({c for o in OPTIONS for c in o.commands if c.startswith(f"{command} ")})
        for name in under or [command]:
            if under:
                parts.append(f"\n### automl {name}\n")
            parts.append("\n" + table(("option", "what it does", "variable"), map(_option_row, options_of(name))))
    return "".join(parts)


def _option_row(option: Option) -> tuple[str, str, str]:
    flags = ", ".join(f"`{flag}{' ' + option.metavar if option.metavar else ''}`" for flag in option.flags)
    choices = f": {', '.join(option.choices)}" if option.choices else ""
    default = "" if option.default in (None, False, (), {}) else f" [{_default(option)}]"
    return flags, f"{option.help}{choices}{default}", f"`{option.variable}`"


def _default(option: Option) -> str:
    if option.kind == "seconds":
        return f"{option.default:g} s"
    return ", ".join(option.default) if isinstance(option.default, tuple) else str(option.default)


def metrics() -> str:
    """The table of metrics."""
    rows = [
        (
            f"`{m.name}`",
            ", ".join(m.kinds),
            "higher" if m.maximize else "lower",
            m.needs,
            " to ".join("any" if abs(bound) == float("inf") else f"{bound:g}" for bound in m.bounds),
        )
        for m in METRICS.values()
    ]
    return "# Metrics\n\nNames for `--metric`, and for the gates of `automl evaluate`.\n\n" + table(
        ("metric", "tasks", "better is", "computed from", "range"), rows
    )


def findings() -> str:
    """The codes of findings: the reader's, and one a check."""
    found = set(re.findall(r'"(D00\d)"', "".join(p.read_text("utf-8") for p in (PACKAGE / "reading").glob("*.py"))))
    if found != set(READER_FINDINGS):
        raise ValueError(f"codes of the reader that are not described, or not there: {found ^ set(READER_FINDINGS)}")
    rows = [*READER_FINDINGS.items(), *(_code_of(check) for check in checks.CHECKS)]
    return (
        "# Findings\n\nWhat `automl profile` and `automl fit` say about the data. A finding has a severity (info, "
        "warning, danger), its evidence, what was done, and what you can do.\n\n"
        + table(("code", "found"), sorted(rows))
    )


def _code_of(check: Callable[..., object]) -> tuple[str, str]:
    code, _, text = _summary(check).partition(": ")
    return code, text.rstrip(".")


def policy_rules() -> str:
    """The codes of the policy: rules on traits, then what the decision itself adds."""
    source = "".join(path.read_text("utf-8") for path in (PACKAGE / "policy").glob("*.py"))
    found = set(re.findall(r'"(P0[34]\d)"', source))
    if found != set(DECISIONS):
        raise ValueError(f"codes of the policy that are not described, or not there: {found ^ set(DECISIONS)}")
    judged = [(rule.code, rule.title, _summary(rule.judge).rstrip(".")) for rule in rules.RULES]
    return (
        "# Rules of the policy\n\nWhat `automl plan` names as its reasons. Rules speak of traits of model families and "
        "raise or lower their weight; what is ruled out, and by which code, stands in the plan.\n\n"
        + table(("code", "rule", "what it goes by"), [*judged, *((code, *text) for code, text in DECISIONS.items())])
    )


def families() -> str:
    """The model families with their kinds and traits."""
    rows = [
        (f"`{f.name}`", f.title, f.kind, ", ".join(sorted(f.traits))) for f in registry.families()
    ]  # fmt: skip
    return (
        "# Model families\n\nNames for `--include` and `--exclude`; traits for a [policy file](../guides/policy.md)."
        "\n\n" + table(("name", "model", "kind", "traits"), rows)
    )


def _summary(thing: object) -> str:
    return (inspect.getdoc(thing) or "").partition("\n")[0]


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


if __name__ == "__main__":
    main()
