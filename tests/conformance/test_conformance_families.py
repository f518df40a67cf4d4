"""Every registered family keeps its contract."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from automl import registry
from automl.family import Family
from automl.profile import Profile
from automl.space import Params
from automl.testing.families import CHECKS, Check, check_record
from automl.testing.media import MEDIA

FEW_EPOCHS = 60
FEW_EPOCHS_OF_MEDIA = 20


def _cases() -> list[Any]:
    """Every check of every family; an unproven one is checked in its own test, which gives it what it lacks."""
    return [
        pytest.param(family.name, check, marks=[pytest.mark.slow] if family.kind == "neural" else [])
        for family in registry.families()
        if "unproven" not in family.traits
        for check in CHECKS
    ]


def _shortened(family: Family) -> Family:
    """The family with fewer epochs in its defaults, where it counts epochs."""
    most = FEW_EPOCHS_OF_MEDIA if family.traits & set(MEDIA) else FEW_EPOCHS

    def default(profile: Profile) -> tuple[Params, ...]:
        return tuple(
            {k: min(int(v or 0), most) if k == "n_epochs" else v for k, v in p.items()} for p in family.default(profile)
        )

    return replace(family, default=default)


@pytest.mark.parametrize(("name", "check"), _cases())
def test_family_keeps_its_contract(name: str, check: Check) -> None:
    family = registry.family(name)
    check(family if check is check_record else _shortened(family))
