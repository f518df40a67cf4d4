"""The command line: `main` is the console entry; it turns every error into a message and an exit code."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType

from automl.errors import AutoMLError

SIGPIPE_EXIT = 141


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: Without the program's name; of the process when None.

    Returns:
        The exit code, see `docs` and `automl/errors.py`.
    """
    arguments = list(sys.argv[1:] if argv is None else argv) or ["--help"]
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    previous = signal.signal(signal.SIGTERM, _terminated)
    try:
        code = _run(arguments)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        return _exit_code(error, arguments)
    finally:
        signal.signal(signal.SIGTERM, previous)
    return code


def _exit_code(error: Exception, arguments: Sequence[str]) -> int:
    """Say what went wrong; the last net, so that a bug too ends in a message and an exit code."""
    if isinstance(error, OSError) and (error.errno == errno.EPIPE or "broken pipe" in str(error).lower()):
        return _closed_pipe()  # polars raises a plain OSError with nothing but the text
    if isinstance(error, AutoMLError):
        _complain(error.message, error.hints)
        return error.exit_code
    if isinstance(error, MemoryError):
        _complain("not enough memory", ("try:    fewer --jobs, or fewer rows",))
    elif isinstance(error, OSError):
        reason = (error.strerror or str(error)).lower()
        _complain(f"{error.filename}: {reason}" if error.filename else reason, ())
    else:
        _complain_of_bug(error, arguments)
        return 1
    _show_traceback(arguments)
    return 1


def _run(arguments: list[str]) -> int:
    from typer import Abort

    from automl.cli.app import APP

    try:
        return int(APP.main(arguments, prog_name="automl", standalone_mode=False) or 0)
    except Abort:
        raise KeyboardInterrupt from None
    except SystemExit as leaving:
        if isinstance(leaving.__context__, BrokenPipeError):
            raise leaving.__context__ from None
        raise
    except Exception as error:
        if not hasattr(error, "format_message"):
            raise
        context = getattr(error, "ctx", None)
        command = context.command_path if context is not None else "automl"
        _complain(error.format_message().strip().rstrip("."), (f"try:    {command} --help",))
        return 2


def _terminated(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def _closed_pipe() -> int:
    """The reader of stdout has gone: stop without a word, as a Unix filter does."""
    with contextlib.suppress(OSError):  # a caller's stand-in for stdout has no descriptor
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return SIGPIPE_EXIT


def _complain(message: str, hints: Sequence[str]) -> None:
    from automl.typography import printable

    name = "automl:"
    if sys.stderr.isatty() and not os.environ.get("NO_COLOR"):
        name = f"\x1b[1;31m{name}\x1b[0m"
    lines = [f"{name} {printable(message)}", *(f"  {printable(hint)}" for hint in hints)]
    sys.stderr.write("\n".join(lines) + "\n")


def _complain_of_bug(error: Exception, arguments: Sequence[str]) -> None:
    message = f"unexpected {type(error).__name__}: {error}"
    if _show_traceback(arguments):
        _complain(message, ("this is a bug in automl, not in your data",))
        return
    import tempfile
    import traceback

    handle, path = tempfile.mkstemp(prefix="automl-error-", suffix=".txt")
    with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(f"automl {' '.join(arguments)}\n\n")
        traceback.print_exception(error, file=file)
    _complain(message, (f"this is a bug in automl; the traceback is in {path}",))


def _show_traceback(arguments: Sequence[str]) -> bool:
    if not ({"-v", "--verbose"} & set(arguments) or os.environ.get("AUTOML_VERBOSE")):
        return False
    import traceback

    traceback.print_exc()
    return True
