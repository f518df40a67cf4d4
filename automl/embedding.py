"""The pretrained encoders of a plan, found in the local caches, pinned by checksum, and tried for time."""

from __future__ import annotations

from automl.context import Context
from automl.encoding.embedding import Wanted, measure_seconds
from automl.errors import ModelFileError, UsageError
from automl.plan import Plan, Pretrained
from automl.policy.cost import search_seconds
from automl.policy.pretrained import AUTO, MOST_OF_SEARCH
from automl.pretrained.cached import CachedEncoder
from automl.pretrained.discover import find_all
from automl.pretrained.reference import pin
from automl.profile import Profile
from automl.quantities import format_seconds
from automl.table import Table

# A fit goes on without an encoder that turns out to take so many times what it may.
_TOO_SLOW = 2.0


def wanted_embeddings(context: Context, table: Table, profile: Profile, plan: Plan) -> dict[str, Wanted]:
    """What each column is to be read by, as planned; of an encoder that is too slow here nothing, which is said.

    What reading takes is measured on a few values, unless the run is to be the same everywhere or the user named the
    encoder.

    Raises:
        UsageError: The plan names an encoder that is not there, or that cannot be loaded.
    """
    wanted: dict[str, Wanted] = {}
    for planned in plan.pretrained:
        reference = pin(_cached(planned))
        try:
            seconds = sum(
                measure_seconds(table.column(name), profile.column(name), reference) for name in planned.columns
            )
        except ModelFileError as error:
            raise UsageError(error.message, *error.hints, "--pretrained off does without") from error
        limit = MOST_OF_SEARCH * search_seconds(plan.wishes)
        is_free = plan.wishes.pretrained == AUTO and not context.settings.deterministic
        if is_free and seconds > _TOO_SLOW * limit:
            context.warn(
                f"{planned.name} would take {format_seconds(seconds)} to read the rows, more than twice the "
                f"{format_seconds(limit)} it may: done without; --pretrained {planned.name} uses it all the same"
            )
            continue
        wanted |= {name: Wanted(reference, planned.n_dims) for name in planned.columns}
    return wanted


def _cached(planned: Pretrained) -> CachedEncoder:
    """The encoder that was planned with, of the revision that was planned with.

    Raises:
        UsageError: It is not there (the plan may be from another machine).
    """
    for encoder in find_all(planned.name):
        if encoder.revision == planned.revision and not encoder.problem:
            return encoder
    at = f" --revision {planned.revision}" if planned.revision else ""
    raise UsageError(
        f"the plan reads {', '.join(map(repr, planned.columns))} with {planned.name}, which is in no local cache here",
        f"get it: hf download {planned.name}{at}",
    )
