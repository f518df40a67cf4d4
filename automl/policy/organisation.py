"""An organisation's own rules, from a TOML file.

sentence = "Credit models must be explainable (directive 12)."   # shown with every effect
forbid = ["neural", "distance"]                                  # traits
require = ["glass_box"]                                          # traits
max_seconds = 600                                                # of a whole run
max_models = 5                                                   # in a blend
[prefer]                                                         # trait = factor
linear = 2.0
"""

from __future__ import annotations

import difflib
import re
import tomllib
from pathlib import Path
from typing import Any

import msgspec

from automl.errors import UsageError
from automl.family import TRAITS
from automl.policy.effects import Effect, MaxModels, Prefer, Require, RuleOut, Ruling

CODE = "P030"


class OrganisationPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file's content; see the module."""

    sentence: str = ""
    forbid: tuple[str, ...] = ()
    require: tuple[str, ...] = ()
    prefer: dict[str, float] = {}
    max_seconds: float | None = None
    max_models: int | None = None

    @property
    def ruling(self) -> Ruling:
        """As the policy's other rules say it."""
        effects: list[Effect] = [RuleOut(trait) for trait in self.forbid]
        effects += [Require(trait) for trait in self.require]
        effects += [Prefer(trait, factor) for trait, factor in sorted(self.prefer.items())]
        if self.max_models is not None:
            effects.append(MaxModels(self.max_models))
        return Ruling(self.sentence or "the organisation's policy file says so", tuple(effects))


def read_policy(path: str) -> OrganisationPolicy:
    """Read and check a policy file.

    Raises:
        UsageError: It cannot be read, is not TOML, or holds a key, a trait or a value that cannot be; with the line.
    """
    try:
        source = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--policy {path}: cannot be read: {error}") from None
    try:
        content = tomllib.loads(source)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"--policy {path}: not TOML: {error}") from None
    known = OrganisationPolicy.__struct_fields__
    for key in content:
        if key not in known:
            near = difflib.get_close_matches(key, known, 1)
            hint = f"nearest: {near[0]}" if near else f"known: {', '.join(known)}"
            raise UsageError(f"{_where(path, source, key)}: unknown key {key!r}", hint)
    for key in ("forbid", "require", "prefer"):
        _check_traits(path, source, key, content.get(key, ()))
    try:
        policy = msgspec.convert(content, OrganisationPolicy)
    except msgspec.ValidationError as error:
        key = next((k for k in content if f"$.{k}" in str(error)), "")
        raise UsageError(f"{_where(path, source, key)}: {error}") from None
    _check_numbers(path, source, policy)
    return policy


def _check_traits(path: str, source: str, key: str, traits: Any) -> None:
    for trait in traits if isinstance(traits, (list, dict)) else ():
        if trait not in TRAITS:
            near = difflib.get_close_matches(str(trait), TRAITS, 1)
            hint = f"nearest: {near[0]}" if near else f"traits: {', '.join(sorted(TRAITS))}"
            raise UsageError(f"{_where(path, source, str(trait), key)}: {key}: no trait {trait!r}", hint)


def _check_numbers(path: str, source: str, policy: OrganisationPolicy) -> None:
    for trait, factor in policy.prefer.items():
        if not 0 < factor < float("inf"):
            raise UsageError(f"{_where(path, source, trait)}: prefer {trait}: a factor is above 0, found {factor:g}")
    for key, value in (("max_seconds", policy.max_seconds), ("max_models", policy.max_models)):
        if value is not None and not 0 < value < float("inf"):
            raise UsageError(f"{_where(path, source, key)}: {key} is above 0, found {value:g}")


def _where(path: str, source: str, *words: str) -> str:
    """The file, with the first line that holds one of the words."""
    for word in words:
        for number, line in enumerate(source.splitlines(), 1):
            if word and re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", line.split("#")[0]):
                return f"--policy {path}, line {number}"
    return f"--policy {path}"
