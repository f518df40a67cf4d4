"""Optuna's sampler for one family, by ask and tell. The only importer of optuna."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from automl.space import Choice, Dimension, Float, Params, Space, Value

if TYPE_CHECKING:
    import optuna


class FamilyStudy:
    """Asks a multivariate TPE for parameters (Bergstra et al. 2011; Watanabe 2023, arXiv 2304.11127).

    One study a family keeps each space unconditional; which family goes next is decided elsewhere. Values are gains
    (more is better) over a fixed reference on the rows a trial has seen, so that trials stopped after one fold and
    complete ones can be told alike. Portfolio results are added as if they had been asked for.

    Args:
        space: What is tuned.
        fixed: Parameters outside the space, passed through.
        seed: Of the sampler.
    """

    def __init__(self, space: Space, fixed: Params, seed: int) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._space = {name: _distribution(dimension) for name, dimension in space.items()}
        self._fixed = fixed
        sampler = optuna.samplers.TPESampler(seed=seed, multivariate=True, constant_liar=True, n_startup_trials=6)
        self._study = optuna.create_study(direction="maximize", sampler=sampler)
        self._asked: dict[int, optuna.trial.Trial] = {}

    def ask(self, number: int) -> Params:
        """Parameters for the run's trial of that number."""
        trial = self._study.ask(self._space)
        self._asked[number] = trial
        return {**self._fixed, **cast(dict[str, Value], trial.params)}

    def tell(self, number: int, gain: float | None) -> None:
        """The gain of a trial that was asked for; None if it failed."""
        import optuna

        trial = self._asked.pop(number)
        if gain is None:
            self._study.tell(trial, state=optuna.trial.TrialState.FAIL)
        else:
            self._study.tell(trial, gain)

    def add(self, params: Params, gain: float) -> None:
        """A result that was not asked for: of the portfolio, or of an earlier part of a resumed run."""
        import optuna

        tuned = {name: params[name] for name in self._space if name in params}
        if len(tuned) == len(self._space) and all(
            d._contains(d.to_internal_repr(tuned[n])) for n, d in self._space.items()
        ):
            trial = optuna.trial.create_trial(params=tuned, distributions=self._space, value=gain)
            self._study.add_trial(trial)


def _distribution(dimension: Dimension) -> optuna.distributions.BaseDistribution:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if isinstance(dimension, Choice):
        return CategoricalDistribution(dimension.options)
    if isinstance(dimension, Float):
        return FloatDistribution(dimension.low, dimension.high, log=dimension.log)
    return IntDistribution(dimension.low, dimension.high, log=dimension.log)
