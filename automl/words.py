"""Estimates, schemes and lists as reports say them; numbers are in `typography`, times and sizes in `quantities`."""

from __future__ import annotations

from collections.abc import Sequence

from automl.forecast import Forecast
from automl.metrics import METRICS
from automl.outcome import Estimate
from automl.plan import Validation
from automl.profile import ColumnProfile
from automl.typography import counted, format_number, format_score, format_share


def scored(estimate: Estimate) -> str:
    """The value, with as many digits as its standard error allows."""
    return format_score(estimate.value, estimate.error)


def span(estimate: Estimate) -> str:
    """The ends of the interval, as in "0.838–0.861"."""
    low, high = (format_score(edge, estimate.error) for edge in (estimate.low, estimate.high))
    return f"{low} to {high}" if "-" in low + high else f"{low}–{high}"


def level(estimate: Estimate) -> str:
    """As in "90 % interval"."""
    return f"{estimate.level * 100:.0f} % interval"


def interval(estimate: Estimate) -> str:
    """As in "0.850 (90 % interval 0.838–0.861)"."""
    return f"{scored(estimate)} ({level(estimate)} {span(estimate)})"


def scheme(validation: Validation) -> str:
    """How models are compared, as in "5 folds, repeated 3 times" or "2 holdouts of 20 %"."""
    if validation.kind == "kfold":
        repeats = f", repeated {validation.n_repeats} times" if validation.n_repeats > 1 else ""
        return f"{validation.n_folds} folds{repeats}"
    share = format_share(validation.fraction)
    return f"a holdout of {share}" if validation.n_folds == 1 else f"{validation.n_folds} holdouts of {share}"


def more_would_bring(forecast: Forecast | None, score: Estimate) -> str:
    """What twice the time and the rows are expected to bring, beside the score's own error; empty if not known."""
    if forecast is None:
        return ""
    sign = "+" if METRICS[score.metric].maximize else "−"

    def gain(amount: float) -> str:
        return f"{sign}{format_score(amount, digits=1)}" if amount > 0.01 * score.error else "next to nothing"

    gains = [f"twice the time {gain(forecast.twice_time)}"]
    if forecast.twice_rows is not None:
        gains.append(f"twice the rows {gain(forecast.twice_rows)}")
    return f"{', '.join(gains)} {score.metric} (the score is ± {format_score(score.error, digits=1)})"


def extent_words(column: ColumnProfile) -> str:
    """How large the texts, images or sounds of a column are, as in "28 × 28 pixels, grey"; empty for other columns."""
    extent = column.extent
    if extent is None:
        return ""
    if column.kind == "text":
        return counted(round(extent.words), "word")
    if column.kind == "image" and extent.height:
        return f"{extent.width} × {extent.height} pixels, {'grey' if extent.channels == 1 else 'in colour'}"
    if column.kind == "audio" and extent.rate:
        return f"up to {format_number(round(extent.seconds, 1))} s at {extent.rate:,} Hz"
    return ""


def listed(items: Sequence[str], most: int = 6) -> str:
    """As in "a, b and c"; what is beyond `most` is counted."""
    if len(items) > most:
        return f"{', '.join(items[:most])} and {len(items) - most:,} more"
    return " and ".join([", ".join(items[:-1]), items[-1]]) if len(items) > 1 else "".join(items)


def sentence(text: str) -> str:
    """The text with a capital at its start and a full stop at its end."""
    text = text.strip()
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', '!', '?', '…')) else '.'}" if text else ""
