"""`automl sample`: a real data set to try the tool on."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.text import Text

from automl.cli.parameters import command
from automl.cli.speech import Speech
from automl.formats.terminal import facts
from automl.settings import Given

Name = Annotated[str | None, typer.Argument(metavar="[NAME]", help="Which one; without it, the list.")]


def sample(name: Name = None, *, given: Given) -> None:
    """Write a real data set to a file, offline, to try the tool on; digits also as a folder of images."""
    speech = Speech.of(given)
    from automl.sample import SAMPLES, write_sample

    if name is None:
        speech.show(facts([(each, Text(about)) for each, about in SAMPLES.items()]), to_stderr=False)
        return
    values = given.values
    path = write_sample(name, values["sample_output"], folder=values["folder"], overwrite=values["replace"])
    speech.note(f"wrote {path}; next: automl fit {path}")


COMMAND = command("sample", sample)
