"""`automl resume`: go on where a run left off."""

from __future__ import annotations

import msgspec

from automl.cli.fit import conclude
from automl.cli.parameters import Run, command
from automl.cli.speech import Speech
from automl.cli.stopping import StopFlag
from automl.events import Sink
from automl.outcome import Outcome
from automl.rundir import SETTINGS, RunDir
from automl.search.budget import process_started
from automl.settings import Given, Settings, settings_for

CHANGEABLE = ("time_limit", "trials", "jobs", "memory_limit", "device", "engine")


def resume(run: Run, *, given: Given) -> None:
    """Go on where a killed or stopped run left off: same data, plan and splits, a new budget."""
    started = process_started()
    speech = Speech.of(given)
    settings = RunDir(run).read(SETTINGS, Settings)
    asked = settings_for(settings.data, given)
    changes = {name: getattr(asked, name) for name in CHANGEABLE if name in asked.sources}
    settings = msgspec.structs.replace(settings, **changes)
    from automl.run import resume as go_on

    def go(sink: Sink, stop: StopFlag) -> Outcome:
        return go_on(run, settings, sink, started=started, stop=stop)

    conclude(go, settings, speech, started, given.values["summary"])


COMMAND = command("resume", resume)
