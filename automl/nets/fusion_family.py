"""What the families of nets that read media and texts have in common: one file of theirs says only what is its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from automl.family import Family, Model
from automl.features import Layout
from automl.nets.cost import MIN_ROWS
from automl.nets.media_cost import batch_of, epochs_of, fusion_cost, n_pairs_of, refusal
from automl.plan import Cost, Hardware
from automl.profile import ColumnKind, Profile
from automl.space import Params, Space
from automl.task import Task

_UNTOLD: Params = {"n_epochs": 10, "batch_size": 64, "lr_schedule": "one_cycle", "n_pairs": 2**14}


@dataclass(frozen=True, slots=True, kw_only=True)
class FusionRecipe:
    """What a family has of its own.

    Attributes:
        reads: Kinds of columns without one of which there is nothing to learn for it.
        fixed: What is never tuned: the encoder of each kind of block, and what of training is not
            as usual.
        usual: The first of the portfolio.
        variants: What each of the portfolio has that differs from `usual`, best first.
        space: What may be tuned.
        rows_seen: Rows to see in all, epochs together.
        epochs: Fewest and most, whatever the rows.
        least_rows: To train on.
    """

    reads: tuple[ColumnKind, ...]
    fixed: Params
    usual: Params
    variants: Callable[[Profile], tuple[Params, ...]]
    space: Callable[[Profile], Space]
    rows_seen: int
    epochs: tuple[int, int]
    least_rows: int = MIN_ROWS


def fusion_family(name: str, title: str, traits: frozenset[str], recipe: FusionRecipe) -> Family:
    """A family that trains a `Fusion` net from scratch."""
    known = _UNTOLD | recipe.fixed | recipe.usual

    def _eligible(profile: Profile, task: Task) -> str | None:  # noqa: ARG001 - any task
        return refusal(profile, recipe.reads, recipe.least_rows)

    def _cost(profile: Profile, params: Params, hardware: Hardware) -> Cost:
        return fusion_cost(profile, known | params, hardware)

    def _default(profile: Profile) -> tuple[Params, ...]:
        length: Params = {
            "n_epochs": epochs_of(profile, recipe.rows_seen, *recipe.epochs),
            "batch_size": batch_of(profile),
        }
        pairs: Params = {"n_pairs": n_pairs_of(profile)} if recipe.fixed.get("words") == "bag" else {}
        return tuple(length | pairs | recipe.usual | variant for variant in recipe.variants(profile))

    def _build(params: Params, task: Task, layout: Layout) -> Model:  # noqa: ARG001 - the model looks at the rows
        from automl.nets.model import NetModel

        return NetModel("fusion", known | params, task)

    return Family(
        name=name,
        title=title,
        traits=traits | {"neural"},
        eligible=_eligible,
        cost=_cost,
        space=recipe.space,
        default=_default,
        build=_build,
        modules=("automl.nets.training",),
    )
