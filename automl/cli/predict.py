"""`automl predict`: predictions for new data."""

from __future__ import annotations

from automl.cli.parameters import Data, ModelFile, command, model_path
from automl.cli.speech import Speech
from automl.settings import Given
from automl.typography import counted, listed


def predict(model: ModelFile, data: Data, *, given: Given) -> None:
    """Predictions as csv, parquet or jsonl, one row a row of DATA in its order, in bounded memory.

    The column `prediction`, and with --proba one column `proba_<class>` a class in the order of the model's classes.
    """
    speech = Speech.of(given)
    values = given.values
    from automl.predict import Request
    from automl.predict import predict as write_predictions

    request = Request(
        proba=values["proba"],
        keep=values["keep"],
        on_bad_row=values["on_bad_row"],
        rejects=values["rejects"],
        batch_rows=values["batch_rows"],
    )
    done = write_predictions(model_path(model), data, values["predict_output"], request)
    if done.n_bad:
        what = {"skip": "left out", "null": "read as missing"}.get(values["on_bad_row"], "found")
        speech.note(f"{counted(done.n_bad, 'row')} of {done.n_rows:,} with values that can't be read: {what}")
    if done.unused and speech.verbose:
        speech.note(f"columns the model does not use: {listed(done.unused, 8)}")


COMMAND = command("predict", predict)
