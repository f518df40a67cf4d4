"""`automl profile`: what is in the data."""

from __future__ import annotations

from automl.cli.parameters import Data, command
from automl.cli.speech import Speech
from automl.events import nowhere
from automl.settings import Given, settings_for


def profile(data: Data, *, given: Given) -> None:
    """Size, structure, column kinds with their confidence, quality findings and leak suspects; no training."""
    speech = Speech.of(given)
    settings = settings_for(data, given)
    from automl.cli.views import profile_view
    from automl.run import profile as look

    found, task = look(settings, nowhere)
    n_columns = len(found.columns) if speech.verbose else 40
    speech.answer({"profile": found, "task": task}, profile_view(found, task, n_columns))


COMMAND = command("profile", profile)
