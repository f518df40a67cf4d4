"""The report as JSON: the result for scripts, and every section as data."""

from __future__ import annotations

from typing import Any

import msgspec

from automl.report import Report


def render(report: Report) -> str:
    """The whole report; `result` is what `automl fit --json` prints. Numbers that are not finite become null."""
    try:
        encoded = msgspec.json.encode(report)
    except UnicodeEncodeError:
        encoded = msgspec.json.encode(_encodable(msgspec.to_builtins(report)))
    return msgspec.json.format(encoded, indent=1).decode() + "\n"


def _encodable(value: Any) -> Any:
    """The same with halves of surrogate pairs, as odd file names hold them, written out."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {_encodable(key): _encodable(item) for key, item in value.items()}
    return [_encodable(item) for item in value] if isinstance(value, (list, tuple)) else value
