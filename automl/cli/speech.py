"""How a command speaks: answers on stdout, everything else on stderr, in colour or not, at length or not at all."""

from __future__ import annotations

import os
import sys
from typing import Any, Self

import msgspec
from rich.console import Console, RenderableType

from automl.errors import UsageError
from automl.settings import Given
from automl.typography import printable


class Speech(msgspec.Struct, frozen=True, kw_only=True):
    """The wishes of the user about output.

    Attributes:
        json: The answer as one JSON object on stdout.
        quiet: Nothing but errors.
        verbose: More lines, tracebacks.
        color: Whether colours may be used on a terminal.
        progress: Whether a live display may be used on a terminal.
    """

    json: bool = False
    quiet: bool = False
    verbose: bool = False
    color: bool = True
    progress: bool = True

    @classmethod
    def of(cls, given: Given) -> Self:
        """From merged options.

        Raises:
            UsageError: Both quiet and verbose.
        """
        values = given.values
        if values.get("quiet") and values.get("verbose"):
            raise UsageError("--quiet and --verbose exclude each other")
        return cls(
            json=bool(values.get("json")),
            quiet=bool(values.get("quiet")),
            verbose=bool(values.get("verbose")),
            color=not values.get("no_color"),
            progress=not values.get("no_progress"),
        )

    def console(self, *, to_stderr: bool) -> Console:
        """A console that takes no markup, guesses no highlights and is 80 columns wide where there is no terminal."""
        stream = sys.stderr if to_stderr else sys.stdout
        width = None if stream.isatty() or os.environ.get("COLUMNS") else 100
        return Console(
            stderr=to_stderr, no_color=not self.color or None, markup=False, emoji=False, highlight=False, width=width
        )

    def answer(self, data: Any, view: RenderableType) -> None:
        """The answer of a command that is asked for one: JSON or a view, on stdout."""
        if self.json:
            print_json(data)
        else:
            self.show(view, to_stderr=False)

    def show(self, view: RenderableType, *, to_stderr: bool) -> None:
        """A view; into a file or a pipe without the blanks that pad it to the width."""
        console = self.console(to_stderr=to_stderr)
        if console.is_terminal:
            console.print(view)
            return
        with console.capture() as capture:
            console.print(view)
        lines = (line.rstrip() for line in capture.get().splitlines())
        (sys.stderr if to_stderr else sys.stdout).write("\n".join(lines) + "\n")

    def note(self, text: str) -> None:
        """A line on stderr, unless quiet."""
        if not self.quiet:
            sys.stderr.write(printable(text) + "\n")


def print_json(data: Any) -> None:
    """One JSON object on stdout; NaN and infinities become null, paths strings."""
    encoded = msgspec.json.format(msgspec.json.encode(data, enc_hook=str), indent=2)
    sys.stdout.buffer.write(encoded + b"\n")
    sys.stdout.flush()
