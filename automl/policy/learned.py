"""Factors of rules, learned from races of all families on public tables.

`benchmarks/factors.py` learns them and writes `factors.json`. The model is log-linear: the share of a family in a blend
is the product of the factors of the rules that speak and concern it, over the sum of that product for all families.
What no table speaks of keeps the factor it was judged to have.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import msgspec

from automl.policy.effects import Prefer

# A factor of this trait in this rule leaves out families with one of these.
UNLESS = {
    ("P001", "tree"): ("boosting", "bagging"),
    ("P002", "neural"): ("pretrained",),
    ("P005", "neural"): ("pretrained",),
}
_NAMES = {
    "audio": "nets that hear the sounds",
    "bagging": "bagged trees",
    "bayes": "naive Bayes",
    "distance": "neighbours",
    "image": "nets that see the images",
    "kernel": "kernels",
    "linear": "linear models",
    "native_categorical": "families that read categories as they are",
    "native_missing": "families that read missing values as they are",
    "neural": "nets",
    "pretrained": "pretrained nets",
    "text": "models of words",
    "tree": "trees",
}
_HARDLY = 0.05


class Learned(msgspec.Struct, frozen=True, kw_only=True):
    """What the races taught.

    Attributes:
        n_tables: Raced on.
        date: Of the learning.
        factors: By code of the rule and trait.
    """

    n_tables: int
    date: str
    factors: dict[str, dict[str, float]]


@cache
def learned() -> Learned:
    """The file that comes with the package."""
    return msgspec.json.decode((Path(__file__).parent / "factors.json").read_bytes(), type=Learned)


def preferences(code: str, strength: float = 1.0) -> tuple[Prefer, ...]:
    """The learned effects of a rule."""
    return tuple(
        Prefer(trait, round(factor**strength, 3), UNLESS.get((code, trait), ()))
        for trait, factor in learned().factors[code].items()
    )


def moved(effects: tuple[Prefer, ...]) -> str:
    """As in "linear models and kernels go up, nets down"; what hardly moves is left out."""
    up = [_named(e) for e in effects if e.factor > 1 + _HARDLY]
    down = [_named(e) for e in effects if e.factor < 1 - _HARDLY]
    told = [f"{', '.join(up)} {_go(up)} up"] if up else []
    if down:
        told.append(f"{', '.join(down)} {'' if up else _go(down) + ' '}down")
    return ", ".join(told) or "that changes little"


def _go(names: list[str]) -> str:
    return "goes" if names in (["boosting"], ["naive Bayes"]) else "go"


def standing(effects: tuple[Prefer, ...]) -> str:
    """The traits, the heaviest first: "boosting, nets, bagged trees"."""
    return ", ".join(_named(e) for e in sorted(effects, key=lambda e: -e.factor))


def _named(effect: Prefer) -> str:
    name = _NAMES.get(effect.trait, effect.trait)
    return f"single {name}" if "bagging" in effect.unless else name
