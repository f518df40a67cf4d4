"""Which sink shows the progress of a run: a live display, lines, or none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from automl.cli.lines import LogLines
from automl.cli.speech import Speech
from automl.events import Sink, nowhere
from automl.settings import Settings


@contextmanager
def watched(settings: Settings, speech: Speech, started: float, stop: Callable[[], bool]) -> Iterator[Sink]:
    """The sink for a run: live on a terminal, lines elsewhere, nothing when quiet.

    Args:
        settings: Of the run.
        speech: How to speak.
        started: `time.monotonic()` at the start of the command.
        stop: Whether the user has asked the run to stop, which is then acknowledged.
    """
    if speech.quiet:
        yield nowhere
        return
    console = speech.console(to_stderr=True)
    if speech.progress and console.is_terminal and not console.is_dumb_terminal:
        from automl.cli.live import LiveDisplay

        with LiveDisplay(console, settings, started, stop) as display:
            yield display
    else:
        yield LogLines(verbose=speech.verbose, stop=stop)
