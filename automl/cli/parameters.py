"""From the table of options to a command: the flags of a function are those that `options.py` declares for it."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from automl.errors import UsageError
from automl.options import Option, options_of
from automl.quantities import format_seconds
from automl.settings import Given, merge

Data = Annotated[
    str,
    typer.Argument(
        metavar="DATA",
        help="Table: csv, tsv, parquet, feather, json, jsonl, xlsx; - for stdin; "
        "a folder or zip of class folders of images, sounds or texts.",
    ),
]
ModelFile = Annotated[Path, typer.Argument(metavar="MODEL", help="A model.automl, or the run folder it lies in.")]
Run = Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.")]


class SectionedCommand(TyperCommand):
    """A command whose options stand under headings in the help."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """[OPTIONS] and the arguments by the names they have in the help."""
        arguments = [p for p in self.get_params(ctx) if p.param_type_name == "argument"]
        return ["[OPTIONS]", *(str(argument.metavar or argument.name) for argument in arguments)]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """One definition list a heading, arguments first."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            if parameter.param_type_name == "argument":
                name = str(parameter.metavar or parameter.name)
                sections.setdefault("Arguments", []).append((name, getattr(parameter, "help", None) or ""))
            elif (record := parameter.get_help_record(ctx)) is not None:
                heading = getattr(parameter, "rich_help_panel", None) or "Help"
                sections.setdefault(heading, []).append(record)
        for heading, records in sections.items():
            with formatter.section(heading):
                formatter.write_dl(records, col_max=26)


def command(name: str, body: Callable[..., None]) -> Any:
    """A command of the group.

    Args:
        name: As in `Option.commands`.
        body: Takes the arguments of the command line that are not options, and `given`: the merged options.
    """
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.command(name=name.rpartition(" ")[2], cls=SectionedCommand)(_with_options(name, body))
    return typer.main.get_command(app)


def add_command(app: typer.Typer, name: str, body: Callable[..., None]) -> None:
    """Add a subcommand to a group."""
    app.command(name=name.rpartition(" ")[2], cls=SectionedCommand)(_with_options(name, body))


def _with_options(name: str, body: Callable[..., None]) -> Callable[..., None]:
    options = options_of(name)

    def call(**typed: Any) -> None:
        flags = {option.name: typed.pop(option.name) for option in options}
        given: Given = merge(name, flags, os.environ, Path.cwd())
        body(**typed, given=given)

    own = inspect.signature(body, eval_str=True).parameters.values()
    arguments = [parameter for parameter in own if parameter.name != "given"]
    parameters = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in (*arguments, *map(_parameter, options))]
    call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    call.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    call.__doc__ = inspect.getdoc(body)
    call.__name__ = body.__name__
    return call


def _parameter(option: Option) -> inspect.Parameter:
    flag = typer.Option(
        *option.flags,
        help=_help(option),
        metavar=option.metavar or None,
        rich_help_panel=option.panel,
        show_default=False,
    )
    if option.kind == "switch":
        annotation, default = Annotated[bool, flag], False
    elif option.is_repeated:
        annotation, default = Annotated[list[str] | None, flag], None
    else:
        annotation, default = Annotated[str | None, flag], None
    return inspect.Parameter(option.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _help(option: Option) -> str:
    choices = f": {', '.join(option.choices)}" if 0 < len(option.choices) < 8 else ""
    if option.default is None or option.default is False or option.default in ((), {}):
        return option.help + choices
    default = option.default
    if option.kind == "seconds":
        default = format_seconds(default)
    elif option.is_repeated:
        default = ",".join(map(str, default))
    return f"{option.help}{choices} [{default}]"


def model_path(given: Path) -> Path:
    """The model file: the path itself, or `model.automl` in the run folder that was named.

    Raises:
        UsageError: There is no such file.
    """
    path = given / "model.automl" if given.is_dir() else given
    if not path.is_file():
        raise UsageError(f"no model file {str(path)!r}", "try:    automl runs, for the runs there are")
    return path
