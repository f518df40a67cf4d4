"""`automl plan`: the decision without the training."""

from __future__ import annotations

from pathlib import Path

from automl.cli.parameters import Data, command
from automl.cli.speech import Speech
from automl.events import Event, Profiled
from automl.profile import Profile
from automl.settings import Given, settings_for


def plan(data: Data, *, given: Given) -> None:
    """What `fit` would try and what it rules out, by which rules, on which folds, at what cost; no training."""
    speech = Speech.of(given)
    settings = settings_for(data, given)
    from automl.cli.views import plan_view
    from automl.policy.saved import plan_json
    from automl.run import plan as decide

    profiles: list[Profile] = []

    def keep_profile(event: Event) -> None:
        if isinstance(event, Profiled):
            profiles.append(event.profile)

    decided = decide(settings, keep_profile)
    output = given.values["plan_output"]
    if output:
        Path(output).write_bytes(plan_json(decided))
        speech.note(f"plan written to {output}; run it: automl fit {data} --plan {output}")
    if speech.json or not output:
        speech.answer(decided, plan_view(decided, profiles[-1] if profiles else None))


COMMAND = command("plan", plan)
