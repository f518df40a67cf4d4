"""Every option of every command, declared once: its flags, its kind of value, its help, and who takes it.

The command line, the configuration file and the environment are read from this table, so an option has one name
everywhere: `--time-limit` is `time-limit` in a file and `AUTOML_TIME_LIMIT` in the environment.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal, TypeAlias, get_args

import msgspec

from automl.profile import ColumnKind
from automl.quantities import (
    parse_bytes,
    parse_clock,
    parse_megabytes,
    parse_milliseconds,
    parse_seconds,
    split_commas,
    split_pair,
)
from automl.task import TaskKind

OptionKind: TypeAlias = Literal[
    "text",
    "switch",
    "whole",
    "number",
    "seconds",
    "clock",
    "bytes",
    "megabytes",
    "milliseconds",
    "list",
    "wholes",
    "repeated",
    "pairs",
    "gates",
]

FIT = ("fit",)
LEARNING = ("fit", "profile", "plan")
DECIDING = ("fit", "plan")
SEARCHING = ("fit", "plan", "resume")
SPEAKING = (
    "fit",
    "profile",
    "plan",
    "predict",
    "evaluate",
    "explain",
    "report",
    "resume",
    "inspect",
    "verify",
    "runs list",
    "runs diff",
    "runs clean",
    "doctor",
    "sample",
)
ANSWERING = (
    "fit",
    "profile",
    "plan",
    "evaluate",
    "explain",
    "resume",
    "inspect",
    "verify",
    "runs list",
    "runs diff",
    "doctor",
)


class Option(msgspec.Struct, frozen=True, kw_only=True):
    """One option.

    Attributes:
        name: Its key; with dashes in a flag or a file, in capitals after `AUTOML_` in the environment.
        flags: As typed, the long one first.
        kind: How text becomes a value. "list" and "wholes" split at commas; they, "repeated", "pairs" and
            "gates" (pairs with a number on the right) take the flag several times.
        help: One line, without a full stop.
        commands: Who takes it; subcommands as "runs clean".
        panel: Heading in the help.
        metavar: Stands for the value in the help.
        choices: Valid values (of a pair: of its right side); empty for any.
        minimum: Least valid number.
        default: As a parsed value.
    """

    name: str
    flags: tuple[str, ...]
    kind: OptionKind
    help: str
    commands: tuple[str, ...]
    panel: str
    metavar: str = ""
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    default: Any = None

    @property
    def variable(self) -> str:
        """Its name in the environment."""
        return "AUTOML_" + self.name.upper()

    @property
    def is_repeated(self) -> bool:
        """Whether the flag may be given several times."""
        return self.kind in ("list", "wholes", "repeated", "pairs", "gates")

    def parse(self, given: Any) -> Any:
        """The value, from a flag's text, a variable's text or a TOML value.

        Raises:
            ValueError: Not a valid value; the message says what would be, without naming the option.
        """
        if self.kind == "switch":
            return _switch(given)
        if self.kind in ("pairs", "gates"):
            return self._pairs(given)
        if self.is_repeated:
            values = _texts(given, split=self.kind != "repeated")
            return tuple(self._checked(_whole(value) if self.kind == "wholes" else value) for value in values)
        if isinstance(given, (list, dict)):
            raise ValueError("takes one value")
        return self._checked(_PARSERS[self.kind](_text(given)))

    def _pairs(self, given: Any) -> dict[str, Any]:
        if isinstance(given, dict):
            items = [(str(key), _text(value)) for key, value in given.items()]
        else:
            items = [split_pair(text) for text in _texts(given, split=False)]
        return {key: self._checked(_number(value) if self.kind == "gates" else value) for key, value in items}

    def _checked(self, value: Any) -> Any:
        if self.choices and value not in self.choices:
            raise ValueError(f"{value!r} is not one of {', '.join(self.choices)}")
        if self.minimum is not None and value < self.minimum:
            raise ValueError(f"{value:g} is less than {self.minimum:g}")
        return value


def _text(given: Any) -> str:
    if isinstance(given, bool) or not isinstance(given, (str, int, float)):
        return str(given).lower() if isinstance(given, bool) else str(given)
    return given if isinstance(given, str) else f"{given}"


def _texts(given: Any, *, split: bool) -> tuple[str, ...]:
    many = [_text(each) for each in given] if isinstance(given, (list, tuple)) else [_text(given)]
    return tuple(part for text in many for part in split_commas(text)) if split else tuple(many)


def _switch(given: Any) -> bool:
    if isinstance(given, bool):
        return given
    text = _text(given).strip().lower()
    if text in ("1", "true", "yes", "on"):
        return True
    if text in ("0", "false", "no", "off"):
        return False
    raise ValueError(f"{given!r} is not true or false")


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a whole number") from None


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a number") from None
    if math.isnan(value):
        raise ValueError(f"{text!r} is not a number")
    return value


_PARSERS: dict[str, Callable[[str], Any]] = {
    "text": str,
    "whole": _whole,
    "number": _number,
    "seconds": parse_seconds,
    "clock": parse_clock,
    "bytes": parse_bytes,
    "megabytes": parse_megabytes,
    "milliseconds": parse_milliseconds,
}


def _declare(
    panel: str,
    kind: OptionKind,
    flags: str,
    commands: tuple[str, ...],
    help: str,  # noqa: A002 - the field's name
    metavar: str = "",
    **more: Any,
) -> Option:
    split = tuple(flags.split())
    name = more.pop("name", split[0].lstrip("-").replace("-", "_"))
    empty = {"switch": False, "pairs": {}, "gates": {}, "list": (), "wholes": (), "repeated": ()}.get(kind)
    return Option(
        name=name,
        flags=split,
        kind=kind,
        help=help,
        commands=commands,
        panel=panel,
        metavar=metavar,
        default=more.pop("default", empty),
        **more,
    )


WHAT, HOW, WITH, WHERE, SPEECH = "What to learn", "How", "With what", "Where", "How it speaks"
_TASKS = (*get_args(TaskKind), "classification")
_KINDS = get_args(ColumnKind)
_PRESETS = ("fast", "balanced", "best", "interpretable")

OPTIONS: tuple[Option, ...] = (
    _declare(WHAT, "text", "--target -t", LEARNING, "column to predict; inferred and said when absent", "COL"),
    _declare(WHAT, "text", "--task", LEARNING, "kind of problem; inferred when absent", "KIND", choices=_TASKS),
    _declare(WHAT, "text", "--metric -m", LEARNING, "what to optimise, e.g. roc_auc, log_loss, rmse", "NAME"),
    _declare(WHAT, "text", "--positive", LEARNING, "class that counts as positive in a binary task", "LABEL"),
    _declare(WHAT, "pairs", "--type", LEARNING, "what a column means, e.g. zip=category", "COL=KIND", choices=_KINDS),
    _declare(WHAT, "repeated", "--drop", LEARNING, "column to leave out", "COL"),
    _declare(WHAT, "repeated", "--id", LEARNING, "column that only names rows: left out", "COL"),
    _declare(
        WHAT,
        "text",
        "--group",
        LEARNING,
        "column whose groups never stand on both sides of a split; none: whatever is found",
        "COL",
    ),
    _declare(WHAT, "text", "--time", LEARNING, "column in whose order rows are split; none: whatever is found", "COL"),
    _declare(WHAT, "text", "--weight", LEARNING, "column of row weights in fits; scores count every row once", "COL"),
    _declare(
        WHAT,
        "whole",
        "--window",
        LEARNING,
        "rows of a series that a row sees, itself included; series by --group, in the order of --time",
        "N",
        minimum=2,
    ),
    _declare(WHAT, "text", "--test", FIT, "labelled file to score the finished model on", "FILE"),
    _declare(
        HOW,
        "text",
        "--preset",
        DECIDING,
        "where to stand between quick, good and simple",
        "NAME",
        choices=_PRESETS,
        default="balanced",
    ),
    _declare(HOW, "list", "--include", DECIDING, "model families to try, no others", "FAMILY,…"),
    _declare(HOW, "list", "--exclude", DECIDING, "model families not to try", "FAMILY,…"),
    _declare(HOW, "text", "--policy", DECIDING, "an organisation's own rules", "FILE"),
    _declare(
        HOW,
        "text",
        "--pretrained",
        DECIDING,
        "pretrained encoder from a local cache for texts or images: auto, off, or its name",
        "NAME",
        default="auto",
    ),
    _declare(HOW, "text", "--plan", FIT, "run this plan, from `automl plan -o`", "FILE"),
    _declare(
        HOW, "milliseconds", "--max-latency", DECIDING, "most time a one-row prediction may take, e.g. 5ms", "TIME"
    ),
    _declare(HOW, "megabytes", "--max-size", DECIDING, "largest model file, e.g. 50MB", "SIZE"),
    _declare(
        HOW,
        "text",
        "--on-bad-file",
        FIT,
        "what to do with a row whose image or sound can't be read",
        "HOW",
        choices=("skip", "fail"),
        default="skip",
    ),
    _declare(
        WITH, "seconds", "--time-limit -l", SEARCHING, "of the whole command: 60s, 5m, 1h30m", "TIME", default=300.0
    ),
    _declare(WITH, "clock", "--until", SEARCHING, "be done by this time of day, e.g. 06:00", "HH:MM"),
    _declare(WITH, "whole", "--trials", SEARCHING, "most trials; as many as fit when absent", "N", minimum=1),
    _declare(WITH, "whole", "--jobs -j", SEARCHING, "worker processes; one a core when absent", "N", minimum=1),
    _declare(WITH, "bytes", "--memory-limit", SEARCHING, "memory to stay within, e.g. 8GB", "SIZE"),
    _declare(
        WITH,
        "text",
        "--device",
        SEARCHING,
        "where nets run",
        "NAME",
        choices=("auto", "cpu", "cuda", "mps", "xpu", "tpu"),
        default="auto",
    ),
    _declare(WITH, "text", "--engine", SEARCHING, "what runs the trials", "NAME", default="processes"),
    _declare(WITH, "whole", "--seed", LEARNING, "of splits, searches and fits", "N", minimum=0, default=0),
    _declare(WITH, "switch", "--deterministic", DECIDING, "same seed, same model: count trials, not seconds"),
    _declare(WHERE, "text", "--output -o", FIT, "run folder; runs/<data>-<time> when absent", "DIR"),
    _declare(WHERE, "switch", "--overwrite", FIT, "replace that run folder"),
    _declare(
        WHERE, "text", "--output -o", ("plan",), "write the plan as JSON, for `fit --plan`", "FILE", name="plan_output"
    ),
    _declare(
        WHERE,
        "text",
        "--output -o",
        ("predict",),
        "csv, parquet or jsonl by suffix; stdout when absent",
        "FILE",
        name="predict_output",
    ),
    _declare(WHERE, "text", "--output -o", ("sample",), "file or folder to write", "PATH", name="sample_output"),
    _declare(WHERE, "switch", "--overwrite", ("sample",), "replace what is there", name="replace"),
    _declare(HOW, "switch", "--folder", ("sample",), "digits as a folder of images, one folder a class"),
    _declare(HOW, "switch", "--proba", ("predict",), "one column proba_<class> a class, too"),
    _declare(HOW, "repeated", "--keep", ("predict",), "column to pass through", "COL"),
    _declare(
        HOW,
        "text",
        "--on-bad-row",
        ("predict",),
        "what to do with a row that can't be read",
        "HOW",
        choices=("fail", "skip", "null"),
        default="fail",
    ),
    _declare(WHERE, "text", "--rejects", ("predict",), "write the bad rows there", "FILE"),
    _declare(WITH, "whole", "--batch-rows", ("predict",), "rows in memory at a time", "N", minimum=1, default=50_000),
    _declare(HOW, "gates", "--min", ("evaluate",), "gate: the metric must reach this", "METRIC=X"),
    _declare(HOW, "gates", "--max", ("evaluate",), "gate: the metric must not exceed this", "METRIC=X"),
    _declare(HOW, "wholes", "--rows", ("explain",), "rows to explain singly, counted from 0: 0,5,17", "N,…", minimum=0),
    _declare(WITH, "seconds", "--time-limit -l", ("explain",), "of it", "TIME", name="explain_limit", default=60.0),
    _declare(
        HOW, "list", "--format", ("report",), "html, md, json, or terminal", "NAME,…", default=("html", "md", "json")
    ),
    _declare(WHERE, "text", "--root", ("runs list", "runs clean"), "folder of run folders", "DIR", default="runs"),
    _declare(
        HOW, "whole", "--keep", ("runs clean",), "newest runs to keep", "N", name="keep_runs", minimum=0, default=10
    ),
    _declare(HOW, "switch", "--yes -y", ("runs clean",), "don't ask"),
    _declare(SPEECH, "switch", "--json", ANSWERING, "the answer as one JSON object on stdout"),
    _declare(SPEECH, "text", "--summary", ("fit", "resume"), "write a summary in markdown there", "FILE"),
    _declare(SPEECH, "switch", "--no-progress", ("fit", "resume"), "lines instead of a live display"),
    _declare(SPEECH, "switch", "--quiet -q", SPEAKING, "say nothing but errors"),
    _declare(SPEECH, "switch", "--verbose -v", SPEAKING, "say more; show the traceback of an error"),
    _declare(SPEECH, "switch", "--no-color", SPEAKING, "no colour; the variable NO_COLOR does the same"),
    _declare(SPEECH, "text", "--config", SPEAKING, "options from a TOML file", "FILE"),
)


def options_of(command: str) -> tuple[Option, ...]:
    """The options that a command takes, in the order of the help."""
    order = (WHAT, HOW, WITH, WHERE, SPEECH)
    return tuple(sorted((o for o in OPTIONS if command in o.commands), key=lambda o: order.index(o.panel)))
