"""One run that the tests of the commands on its model share."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from e2e_commands import automl, churn_file


@dataclass(frozen=True)
class Fitted:
    """A finished `automl fit`."""

    folder: Path
    run: Path
    result: dict[str, Any]
    err: str
    seconds: float
    limit: float

    @property
    def model(self) -> Path:
        return self.run / "model.automl"


@pytest.fixture(scope="session")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Fitted:
    folder = tmp_path_factory.mktemp("fitted")
    data = churn_file(folder)
    limit = 25.0
    done = automl(
        "fit", data, "--time-limit", f"{limit:g}s", "--trials", 8, "--output", "run", "--json", "--summary", "step.md",
        folder=folder,
    )  # fmt: skip
    assert done.code == 0, done.err
    return Fitted(folder, folder / "run", json.loads(done.out), done.err, done.seconds, limit)
