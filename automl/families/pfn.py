"""Prior-data fitted net: pretrained on synthetic tables, it reads a table in context and is not trained on it."""

from __future__ import annotations

from automl.family import Family, Model
from automl.features import Layout
from automl.nets.incontext_sizes import InContextConfig, answering_products, reading_products
from automl.nets.weight_files import find_weights
from automl.plan import Cost, Hardware
from automl.profile import Profile
from automl.space import Choice, Params, Space
from automl.task import Task

# Fitted to CPU seconds measured on one core of an EPYC (Zen 4, torch 2.13) at 200 to 4,000 rows and 5 to 90 columns: of
# a product, of a value of a cell that a block reads, and of opening the net.
_PRODUCT_SECONDS, _VALUE_SECONDS, _START_SECONDS = 3.1e-11, 2.1e-8, 0.1
# Rows left out, which are predicted with each fold, beside those read.
_PREDICTED_SHARE = 0.25
_USUAL_CONTEXT = 4_096
_LIBRARY_BYTES = 400 * 2**20
# Of a cell while a table is read: so many vectors at a time.
_VECTORS_A_CELL = 10


def _eligible(profile: Profile, task: Task) -> str | None:
    weights = find_weights()
    if weights is None:
        return "no pretrained weights are shipped with this version"
    size, limits = profile.size, weights.limits
    if not size.d:
        return "there are no features to read"
    for found, most, what in (
        (size.n_rows, limits.n_rows, "rows"),
        (size.d, limits.n_columns, "columns"),
        (len(task.classes), limits.n_classes, "classes"),
    ):
        if found > most:
            return f"{found:,} {what} are more than the {most:,} that the net was pretrained for"
    return None


def _cost(profile: Profile, params: Params, hardware: Hardware) -> Cost:
    weights = find_weights()
    net = weights.config if weights else InContextConfig()
    size, n_views = profile.size, int(params.get("n_views") or 1)
    n_context = min(size.n_rows, weights.limits.n_context if weights else _USUAL_CONTEXT)
    n_read = n_context + round(_PREDICTED_SHARE * size.n_rows)
    products = reading_products(net, n_context, size.d) + answering_products(net, n_read, n_context, size.d)
    values = n_read * (size.d + net.n_summaries) * net.d_cell * net.n_cell_blocks
    seconds = _START_SECONDS + n_views * (_PRODUCT_SECONDS * products + _VALUE_SECONDS * values)
    kept = n_views * n_context * 2 * net.n_shared * net.n_row_blocks
    reading = _VECTORS_A_CELL * n_context * (size.d + net.n_summaries) * net.d_cell
    return Cost(seconds / hardware.speed, int(_LIBRARY_BYTES + 4 * (kept + reading)))


def _space(profile: Profile) -> Space:  # noqa: ARG001 - the contract's arguments
    """More views are a little better and cost as much more."""
    return {"n_views": Choice((1, 2, 4, 8))}


def _default(profile: Profile) -> tuple[Params, ...]:  # noqa: ARG001 - the contract's arguments
    """Four views, or a single one where time is short."""
    return {"n_views": 4}, {"n_views": 1}


def _build(params: Params, task: Task, layout: Layout) -> Model:  # noqa: ARG001 - the contract's arguments
    from automl.nets.prior_fitted import PriorFittedModel

    return PriorFittedModel(params, task)


FAMILY = Family(
    name="pfn",
    title="prior-data fitted net (pretrained, read in context)",
    traits=frozenset({"neural", "pretrained", "unproven"}),
    eligible=_eligible,
    cost=_cost,
    space=_space,
    default=_default,
    build=_build,
    modules=("automl.nets.prior_fitted",),
)
