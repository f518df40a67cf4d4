"""`automl verify`: is a model file whole and safe."""

from __future__ import annotations

from rich.text import Text

from automl.cli.parameters import ModelFile, command, model_path
from automl.cli.speech import Speech
from automl.settings import Given
from automl.typography import printable


def verify(model: ModelFile, *, given: Given) -> None:
    """Check a model file's checksums, versions and contents; exit code 3 where something is wrong."""
    speech = Speech.of(given)
    from automl.bundle import verify as check

    path = model_path(model)
    lines = check(path)
    if not speech.quiet or speech.json:
        view = Text("\n".join(f"✓ {printable(line)}" for line in lines))
        speech.answer({"path": path, "good": True, "checks": lines}, view)


COMMAND = command("verify", verify)
