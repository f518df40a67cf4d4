"""What a rule may do: effects on traits and on the plan, with the sentence that says why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import msgspec

from automl.family import TRAITS
from automl.plan import Hardware, Wishes
from automl.policy.cost import search_seconds
from automl.profile import Profile, Shape
from automl.task import Task

_LEAST_LEFT = 0.2


class Prefer(msgspec.Struct, frozen=True):
    """Families with the trait weigh `factor` times as much (below 1: less), unless they have one of the others."""

    trait: str
    factor: float
    unless: tuple[str, ...] = ()


class RuleOut(msgspec.Struct, frozen=True):
    """Families with the trait are not tried."""

    trait: str


class Require(msgspec.Struct, frozen=True):
    """Only families with the trait are tried (baselines stay, as a yardstick)."""

    trait: str


class MaxModels(msgspec.Struct, frozen=True):
    """At most so many models in the blend."""

    count: int


class MaxDefaults(msgspec.Struct, frozen=True):
    """At most so many good defaults a family before tuning."""

    count: int


Effect: TypeAlias = Prefer | RuleOut | Require | MaxModels | MaxDefaults


@dataclass(frozen=True, slots=True)
class Ruling:
    """What a rule saw, in a sentence with the numbers, and what it does about it.

    Attributes:
        effects: Empty where the rule only tells.
        strength: How far what the rule speaks of goes; the power that its learned factors are raised to.
    """

    sentence: str
    effects: tuple[Effect, ...] = ()
    strength: float = 1.0

    def __post_init__(self) -> None:
        for effect in self.effects:
            if isinstance(effect, (Prefer, RuleOut, Require)) and effect.trait not in TRAITS:
                raise ValueError(f"no trait {effect.trait!r}; known: {sorted(TRAITS)}")


@dataclass(frozen=True, slots=True)
class Case:
    """What is judged.

    Attributes:
        spent: Seconds of the search that were taken by reading the table, or will be by pretrained encoders.
    """

    profile: Profile
    task: Task
    hardware: Hardware
    wishes: Wishes
    spent: float = 0.0

    @property
    def search_seconds(self) -> float:
        """What is left of the search: a fifth of it at least, whatever was spent."""
        whole = search_seconds(self.wishes)
        return max(_LEAST_LEFT * whole, whole - self.spent)

    @property
    def shape(self) -> Shape:
        """The size of the learning problem; ValueError if there is no target."""
        return self.profile.size


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of the policy: its code, a title, and the function that judges."""

    code: str
    title: str
    judge: Callable[[Case], Ruling | None]


def effect_text(effects: tuple[Effect, ...]) -> str:
    """The effects in a few words: "boosting ×1.5, no distance"."""
    return ", ".join(map(_one_text, effects))


def _one_text(effect: Effect) -> str:
    if isinstance(effect, Prefer):
        name = "single tree" if effect.trait == "tree" and effect.unless else effect.trait
        return f"{name} ×{effect.factor:.2g}"
    if isinstance(effect, RuleOut):
        return f"no {effect.trait}"
    if isinstance(effect, Require):
        return f"only {effect.trait}"
    if isinstance(effect, MaxModels):
        return f"blend ≤ {effect.count}"
    return f"defaults ≤ {effect.count}"
