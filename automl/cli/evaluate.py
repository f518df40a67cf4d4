"""`automl evaluate`: metrics on labelled data, and gates on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from automl.cli.parameters import Data, ModelFile, command, model_path
from automl.cli.speech import Speech
from automl.errors import GateError, UsageError
from automl.outcome import Estimate
from automl.settings import Given
from automl.typography import format_number


def evaluate(model: ModelFile, data: Data, *, given: Given) -> None:
    """Every metric that suits the task, with its interval, on labelled data.

    With --min or --max it is a gate: exit code 4 where one is not met.
    """
    speech = Speech.of(given)
    from automl.evaluate import evaluate as measure
    from automl.formats.terminal import evaluation_view

    estimates = measure(model_path(model), data)
    failed = failed_gates(estimates, given.values["min"], given.values["max"])
    if not speech.quiet or speech.json:
        answer = {"metrics": {estimate.metric: estimate for estimate in estimates}, "gates_failed": failed}
        speech.answer(answer, evaluation_view(estimates))
    if failed:
        raise GateError(
            f"{len(failed)} of {len(given.values['min']) + len(given.values['max'])} gates not met", *failed
        )


def failed_gates(
    estimates: Sequence[Estimate], least: Mapping[str, float], most: Mapping[str, float]
) -> tuple[str, ...]:
    """The gates that were not met, in sentences. A metric that can't be computed meets no gate.

    Raises:
        UsageError: A gate names a metric that does not suit the task.
    """
    found = {estimate.metric: estimate.value for estimate in estimates}
    unknown = sorted({*least, *most} - set(found))
    if unknown:
        raise UsageError(f"no metric {unknown[0]!r} to put a gate on", f"there are: {', '.join(found)}")
    low = [(name, f"at least {bound:g}") for name, bound in least.items() if not found[name] >= bound]
    high = [(name, f"at most {bound:g}") for name, bound in most.items() if not found[name] <= bound]
    return tuple(f"{name} is {format_number(found[name])}, wanted {wanted}" for name, wanted in low + high)


COMMAND = command("evaluate", evaluate)
