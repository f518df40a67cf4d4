"""Every registered report format keeps its contract."""

from __future__ import annotations

import pytest

from automl import registry
from automl.testing.formats import CHECKS, Check


@pytest.mark.parametrize("name", registry.names("formats"))
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_format_keeps_its_contract(name: str, check: Check) -> None:
    check(registry.renderer(name))
