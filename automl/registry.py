"""Plug-ins by name: what is there is known by listing files and entry points, without importing any of them."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, cast

from automl.errors import UsageError
from automl.family import Family

_ATTRIBUTE = {"families": "FAMILY", "engines": "open_engine", "formats": "render", "modalities": "MODALITY"}


@cache
def _found(group: str) -> dict[str, str | EntryPoint]:
    package = importlib.import_module(f"automl.{group}")
    found: dict[str, str | EntryPoint] = {
        module.name: f"automl.{group}.{module.name}"
        for module in pkgutil.iter_modules(package.__path__)
        if not module.name.startswith("_")
    }
    found.update({point.name: point for point in entry_points(group=f"automl.{group}")})
    return found


def names(group: str) -> tuple[str, ...]:
    """Names of the plug-ins of a group (families, engines, formats, modalities), sorted, nothing imported."""
    return tuple(sorted(_found(group)))


def load(group: str, name: str) -> Any:
    """The plug-in's object; its module is imported now.

    Raises:
        UsageError: No plug-in of that name.
    """
    found = _found(group)
    if name not in found:
        raise UsageError(f"no {group} named {name!r}", f"there are: {', '.join(sorted(found))}")
    where = found[name]
    if isinstance(where, str):
        return getattr(importlib.import_module(where), _ATTRIBUTE[group])
    return where.load()


def family(name: str) -> Family:
    """One family by name."""
    return cast(Family, load("families", name))


def families() -> tuple[Family, ...]:
    """Every family; imports their light files, not what they build on."""
    return tuple(family(name) for name in names("families"))


def renderer(name: str) -> Callable[..., str]:
    """The `render(report)` of a report format."""
    return cast(Callable[..., str], load("formats", name))
