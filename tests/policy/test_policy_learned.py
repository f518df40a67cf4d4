"""The learned factors: the file that ships, how they become effects, and what is said of them."""

from __future__ import annotations

import math

import pytest

from automl.family import TRAITS
from automl.policy.effects import Prefer
from automl.policy.learned import UNLESS, learned, moved, preferences, standing
from automl.policy.rules import RULES


def test_the_file_speaks_of_rules_and_traits_that_there_are() -> None:
    found = learned()
    assert set(found.factors) <= {rule.code for rule in RULES}
    assert found.n_tables > 50
    for traits in found.factors.values():
        assert set(traits) <= TRAITS
        assert all(0.01 < factor < 100 for factor in traits.values())
    assert all(trait in found.factors[code] for code, trait in UNLESS)


def test_factors_grow_with_the_strength_of_a_rule() -> None:
    weak, strong = ({e.trait: e.factor for e in preferences("P002", strength)} for strength in (1.0, 2.0))
    for trait, factor in weak.items():
        assert strong[trait] == pytest.approx(factor**2, rel=0.01)


def test_a_factor_keeps_its_exceptions() -> None:
    tree = next(effect for effect in preferences("P001") if effect.trait == "tree")
    assert tree.unless == ("boosting", "bagging")


@pytest.mark.parametrize(
    ("factors", "sentence"),
    [
        ({"linear": 2.0, "neural": 0.5}, "linear models go up, nets down"),
        ({"linear": 2.0, "kernel": 1.5}, "linear models, kernels go up"),
        ({"distance": 0.5}, "neighbours go down"),
        ({"boosting": 1.2, "neural": 0.8}, "boosting goes up, nets down"),
        ({"boosting": 1.01}, "that changes little"),
    ],
)
def test_what_moves_is_said_in_words(factors: dict[str, float], sentence: str) -> None:
    assert moved(tuple(Prefer(trait, factor) for trait, factor in factors.items())) == sentence


def test_kinds_are_named_by_their_standing() -> None:
    assert standing((Prefer("linear", 0.5), Prefer("boosting", 1.5))) == "boosting, linear models"
    assert math.isfinite(sum(e.factor for e in preferences("P001")))
