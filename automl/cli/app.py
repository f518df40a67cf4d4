"""The list of commands. A command's file is imported when it is called, so that `automl --help` imports none."""

from __future__ import annotations

from difflib import get_close_matches
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from automl import __version__
from automl.errors import UsageError

_SECTIONS: dict[str, dict[str, str]] = {
    "Learn": {
        "fit": "find, blend and explain the best model; write a run folder",
        "profile": "size, types, quality and leak suspects of the data; no training",
        "plan": "what would be tried and why; no training",
        "resume": "go on where a stopped run left off",
    },
    "Use": {
        "predict": "predictions for new data",
        "evaluate": "metrics with intervals on labelled data; a gate for CI",
        "explain": "which columns matter, and why a row got its prediction",
        "report": "render a run's report again",
    },
    "Look after": {
        "inspect": "what is in a model file",
        "verify": "checksums and versions of a model file",
        "runs": "list, compare and clean up run folders",
        "doctor": "hardware and packages found",
        "sample": "write a real data set to try the tool on",
    },
}
COMMANDS: dict[str, str] = {name: line for section in _SECTIONS.values() for name, line in section.items()}


class LazyGroup(TyperGroup):
    """A group that knows its commands' names and first lines from the table above."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002
        """Names in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        """The command, its file imported now."""
        if cmd_name not in COMMANDS:
            near = get_close_matches(cmd_name, COMMANDS, n=2)
            meant = f"nearest: {', '.join(near)}" if near else f"there are: {', '.join(COMMANDS)}"
            raise UsageError(f"no command {cmd_name!r}", meant, "try:    automl --help")
        return import_module(f"automl.cli.{cmd_name}").COMMAND

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002
        """The table, section by section."""
        for section, lines in _SECTIONS.items():
            with formatter.section(section):
                formatter.write_dl(list(lines.items()))


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"automl {__version__}")
        raise typer.Exit


_APP = typer.Typer(cls=LazyGroup, rich_markup_mode=None)


@_APP.callback(epilog="First steps:  automl sample breast_cancer;  automl fit breast_cancer.csv")
def automl(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Name and version.")
    ] = False,
) -> None:
    """Profile a table, choose between shallow and deep models by evidence, tune, blend, explain and report."""


APP = typer.main.get_command(_APP)
