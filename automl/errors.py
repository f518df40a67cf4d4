"""The error tree: every error a person can meet, with the exit code it ends in.

AutoMLError        1
  UsageError       2   a flag, a name or a combination that cannot be
  DataError        3   the data (or the model file) cannot be used
    ModelFileError 3
  GateError        4   a gate of `evaluate` was not met
  BudgetError      6   the budget ended without a model
Unsuitable         -   a family refuses a trial; the trial is skipped with the reason
"""

from __future__ import annotations


class AutoMLError(Exception):
    """An error with what was found, where, and what mends it.

    Args:
        message: What is wrong, where, and the value found, in one line.
        hints: Further lines: what is there instead, the command that mends it.
    """

    exit_code = 1

    def __init__(self, message: str, *hints: str) -> None:
        super().__init__(message)
        self.message = message
        self.hints = hints

    def __str__(self) -> str:
        return "\n  ".join((self.message, *self.hints))


class UsageError(AutoMLError):
    """A flag, a name or a combination of them that cannot be."""

    exit_code = 2


class DataError(AutoMLError):
    """The data cannot be used; the message names the file, the column and the row."""

    exit_code = 3


class ModelFileError(DataError):
    """A model file is damaged, of another version, or unsafe."""


class GateError(AutoMLError):
    """A gate (`evaluate --min` or `--max`) was not met."""

    exit_code = 4


class BudgetError(AutoMLError):
    """The budget ended before any model was fitted."""

    exit_code = 6


class Unsuitable(Exception):  # noqa: N818 - a refusal, not an error
    """A family refuses this trial; the message says why in one sentence."""
