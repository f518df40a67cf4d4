"""Conformance of a model family: what any `Family` must do, on small messy tables. Ships for authors of plug-ins.

A family with the trait image, audio or text is given tables with a column of these.

    from automl.testing.families import check_family
    check_family(FAMILY)

Each check raises AssertionError with the reason, or returns. A family whose defaults train for long can be checked
with shorter ones: `check_family(dataclasses.replace(FAMILY, default=...))`.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from automl.errors import Unsuitable
from automl.family import Family, Limits, Model, Rows
from automl.metrics import METRICS
from automl.plan import Hardware
from automl.profile import Shape
from automl.space import contains
from automl.states import pack, unpack
from automl.task import TaskKind
from automl.testing.examples import Example, example, media_example, only, series_example
from automl.testing.media import MEDIA, Medium

Check: TypeAlias = Callable[[Family], None]

HEAVY = frozenset(
    {"sklearn", "scipy", "lightgbm", "torch", "lightning", "pytorch_lightning", "shap", "lime", "optuna", "polars"}
)
KINDS: tuple[TaskKind, ...] = ("binary", "multiclass", "regression")
_SECONDS = 60.0
_N_ROWS, _MORE_ROWS = 360, 5_000


def _cases(family: Family, kinds: tuple[TaskKind, ...] = KINDS, n_rows: int = _N_ROWS) -> list[Example]:
    """The examples that a family takes, of each kind with the first of its media, binary with each further medium.

    Larger ones where it takes none of so many rows, series where it takes no others.
    """
    for size in (n_rows, _MORE_ROWS):
        cases = [_case(family, kind, size) for kind in kinds]
        cases += [media_example(medium, "binary", size) for medium in _media(family)[1:]]
        cases = [case for case in cases if family.eligible(case.profile, case.task) is None]
        if cases:
            return cases
    cases = [series_example(kind, n_rows) for kind in kinds]
    return [case for case in cases if family.eligible(case.profile, case.task) is None]


def _case(family: Family, kind: TaskKind, n_rows: int) -> Example:
    media = _media(family)
    return media_example(media[0], kind, n_rows) if media else example(kind, n_rows)


def _media(family: Family) -> list[Medium]:
    return [medium for medium in MEDIA if medium in family.traits]


def _fitted(family: Family, case: Example, seconds: float = _SECONDS) -> Model:
    params = family.default(case.profile)[0]
    model = family.build(params, case.task, case.layout)
    limits = Limits(deadline=time.monotonic() + seconds, n_threads=1, seed=1)
    try:
        model.fit(case.train, case.valid, limits)
    except Unsuitable as refusal:
        if not str(refusal):
            raise AssertionError(f"{family.name} refuses without a reason") from refusal
        raise
    return model


def _rows(rows: Rows, kept: NDArray[np.bool_]) -> Rows:
    return Rows(rows.x.take(np.flatnonzero(kept)), rows.y[kept])


def _check_prediction(family: Family, case: Example, p: NDArray[np.float64], n_rows: int) -> None:
    who = f"{family.name} on a {case.task.kind} task"
    shape = (n_rows, len(case.task.classes)) if case.task.is_classification else (n_rows,)
    assert p.shape == shape, f"{who} predicts shape {p.shape}, not {shape}"
    assert p.dtype == np.float64, f"{who} predicts {p.dtype}, not float64"
    assert np.isfinite(p).all(), f"{who} predicts values that are not finite"
    if case.task.is_classification:
        assert (p >= 0).all(), f"{who} predicts negative probabilities"
        np.testing.assert_allclose(p.sum(axis=1), 1, atol=1e-6, err_msg=f"{who}: rows do not add up to 1")


def _loss(case: Example, y: NDArray[Any], p: NDArray[np.float64]) -> float:
    """The task's own metric, turned so that less is better and 0 is perfect."""
    metric = METRICS[case.task.metric]
    return metric.error(metric(y, p))


def check_light_import(family: Family) -> None:
    """Importing the family's file imports nothing that takes long."""
    module = family.cost.__module__
    code = f"import sys, {module}; print(' '.join({{name.split('.')[0] for name in sys.modules}}))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()  # noqa: S603 - our own code
    assert not HEAVY & set(found), f"importing {module} imports {sorted(HEAVY & set(found))}"


def check_record(family: Family) -> None:
    """Traits, defaults, space and cost agree with each other for tables of very different sizes."""
    assert family.link in ("identity", "logit"), f"{family.name} has link {family.link!r}"
    machine = Hardware(n_cores=2, memory_bytes=8 << 30)
    fast = Hardware(n_cores=2, memory_bytes=8 << 30, speed=2.0)
    for n_rows, d_num, d_cat, n_outputs in ((1, 1, 0, 2), (120, 2900, 0, 4), (300_000, 20, 8, 1), (5000, 0, 3, 30)):
        shape = Shape(n_rows=n_rows, d_num=d_num, d_cat=d_cat, n_levels=40 * d_cat, n_outputs=n_outputs)
        profile = msgspec.structs.replace(example("binary").profile, n_rows=n_rows, shape=shape)
        space, portfolio = family.space(profile), family.default(profile)
        assert portfolio, f"{family.name} has no default"
        for params in portfolio:
            assert contains(space, params), f"{family.name}: default {params} lies outside the space {space}"
            flat = all(value is None or isinstance(value, (bool, int, float, str)) for value in params.values())
            assert flat, f"{family.name}: parameters must be plain scalars, got {params}"
            cost, half = family.cost(profile, params, machine), family.cost(profile, params, fast)
            assert 0 < cost.seconds < np.inf, f"{family.name} costs {cost.seconds} seconds"
            assert cost.memory_bytes >= 0, f"{family.name} needs {cost.memory_bytes} bytes"
            np.testing.assert_allclose(half.seconds * 2, cost.seconds, err_msg=f"{family.name}: cost ignores speed")


def check_learns(family: Family) -> None:
    """A plain signal is learned, better than without features, in every task the family takes."""
    suited = _cases(family)
    assert suited, f"{family.name} takes no task"
    for case in suited:
        kind = case.task.kind
        p = _fitted(family, case).predict(case.test.x)
        _check_prediction(family, case, p, case.test.x.n_rows)
        y = case.test.y
        middle = np.full(len(y), case.train.y.mean())
        if case.task.is_classification:
            n_classes = len(case.task.classes)
            middle = np.tile(np.bincount(case.train.y, minlength=n_classes) / len(case.train.y), (len(y), 1))
        loss, blind = _loss(case, y, p), _loss(case, y, middle)
        # Only a family that looks at the features can be asked to profit from them.
        if family.traits >= {"baseline"} and "tree" not in family.traits:
            assert loss <= blind * 1.05, f"{family.name} ({kind}) has loss {loss:.3f}, blind guessing {blind:.3f}"
        else:
            assert loss < 0.9 * blind, f"{family.name} ({kind}) has loss {loss:.3f}, blind guessing {blind:.3f}"


def check_keeps_bits(family: Family) -> None:
    """A saved model, through files, predicts the same bits; the same seed gives the same model."""
    for case in _cases(family):
        kind = case.task.kind
        first, second = _fitted(family, case), _fitted(family, case)
        before = first.predict(case.test.x)
        np.testing.assert_array_equal(second.predict(case.test.x), before, err_msg=f"{family.name}: seed, {kind}")
        loaded = family.build(family.default(case.profile)[0], case.task, case.layout)
        loaded.load(unpack(pack(first.save())))
        np.testing.assert_array_equal(loaded.predict(case.test.x), before, err_msg=f"{family.name}: loaded, {kind}")


def check_rows_alone(family: Family) -> None:
    """A row's prediction does not depend on the rows beside it: permuted, alone, or none at all."""
    for case in _cases(family):
        model = _fitted(family, case)
        x = case.test.x
        whole = model.predict(x)
        order = np.random.default_rng(0).permutation(x.n_rows)
        permuted = model.predict(x.take(order))
        np.testing.assert_allclose(permuted, whole[order], rtol=1e-4, atol=1e-5, err_msg=f"{family.name}: permuted")
        alone = np.concatenate([model.predict(x.take(slice(i, i + 1))) for i in range(5)])
        np.testing.assert_allclose(alone, whole[:5], rtol=1e-4, atol=1e-5, err_msg=f"{family.name}: alone")
        assert len(model.predict(x.take(slice(0, 0)))) == 0, f"{family.name} can't predict no rows"


def check_missing_class(family: Family) -> None:
    """A class absent from the training rows keeps its column; a single class is predicted or refused."""
    for case in _cases(family, KINDS[:2]):
        kind = case.task.kind
        absent = 1
        rare = case.valid.y == absent
        rare[np.flatnonzero(rare)[:1]] = False  # one such row is held out, as in a fold of a rare class
        narrow = replace(case, train=_rows(case.train, case.train.y != absent), valid=_rows(case.valid, ~rare))
        try:
            p = _fitted(family, narrow).predict(case.test.x)
        except Unsuitable:
            assert kind == "binary", f"{family.name} refuses two classes of three"
            continue
        _check_prediction(family, case, p, case.test.x.n_rows)
        if kind == "multiclass":
            assert p[:, absent].mean() < 0.2, f"{family.name} expects a class it never saw"


def check_few_columns(family: Family) -> None:
    """One number, one category, and a constant: fitted, or refused with a reason."""
    for whole in _cases(family):
        for num, cat in (([0], []), ([], [0]), ([2], []), ([3], [])):
            case = only(whole, num, cat)
            if family.eligible(case.profile, case.task) is not None:
                continue
            try:
                p = _fitted(family, case).predict(case.test.x)
            except Unsuitable:
                continue
            _check_prediction(family, case, p, case.test.x.n_rows)


def check_few_rows(family: Family) -> None:
    """A dozen rows, and a target that never varies: fitted, or refused with a reason."""
    for kind in dict.fromkeys(case.task.kind for case in _cases(family)):
        case = _case(family, kind, 24)
        cases = [case]
        if kind == "regression":
            cases.append(replace(case, train=replace(case.train, y=np.full(len(case.train.y), 3.0))))
        for few in cases:
            try:
                p = _fitted(family, few).predict(few.test.x)
            except Unsuitable:
                continue
            _check_prediction(family, few, p, few.test.x.n_rows)


def check_weights(family: Family) -> None:
    """Weights are taken, and their unit does not matter to whether the model is any good."""
    for case in _cases(family):
        kind = case.task.kind
        weights = 1e-6 * np.random.default_rng(0).uniform(0.5, 1.5, len(case.train.y))
        weighted = replace(case, train=replace(case.train, weights=weights))
        plain, p = _fitted(family, case).predict(case.test.x), _fitted(family, weighted).predict(case.test.x)
        _check_prediction(family, case, p, case.test.x.n_rows)
        loss, usual = _loss(case, case.test.y, p), _loss(case, case.test.y, plain)
        assert loss < 1.5 * usual + 0.05, f"{family.name} ({kind}): tiny weights take the loss from {usual} to {loss}"


def check_deadline(family: Family) -> None:
    """A deadline that is already near ends the fit, with a usable model or a refusal."""
    for case in _cases(family, n_rows=1500):
        start = time.monotonic()
        try:
            p = _fitted(family, case, seconds=0.1).predict(case.test.x)
        except Unsuitable:
            continue
        assert time.monotonic() - start < 20, f"{family.name} ignores the deadline"
        _check_prediction(family, case, p, case.test.x.n_rows)


def check_refit(family: Family) -> None:
    """What a fit with `valid` reports can be given to one without."""
    for case in _cases(family):
        params = family.default(case.profile)[0]
        limits = Limits(deadline=time.monotonic() + _SECONDS, seed=1)
        log = family.build(params, case.task, case.layout).fit(case.train, case.valid, limits)
        if log.n_iterations is not None:
            assert log.n_iterations >= 1, f"{family.name} kept {log.n_iterations} iterations"
            params = params | {"n_iterations": log.n_iterations}
        again = family.build(params, case.task, case.layout)
        log = again.fit(case.train, None, limits)
        assert params.get("n_iterations") in (None, log.n_iterations), f"{family.name} ignores n_iterations"
        _check_prediction(family, case, again.predict(case.test.x), case.test.x.n_rows)


def check_linear_terms(family: Family) -> None:
    """A model with the trait `linear` is what its coefficients say."""
    for case in _cases(family) if "linear" in family.traits else ():
        kind = case.task.kind
        model: Any = _fitted(family, case)
        try:
            coefficients, intercepts, sources = model.linear_terms()
        except Unsuitable:  # it weighs what is no feature, such as words
            continue
        design = model.linear_design(case.test.x)
        assert len(sources) == design.shape[1] == len(coefficients), f"{family.name}: sizes of terms differ"
        d = len(case.layout.num_names) + len(case.layout.cat_names)
        assert ((sources >= 0) & (sources < d)).all(), f"{family.name}: a term comes from no feature"
        score = design @ coefficients + intercepts
        p = model.predict(case.test.x)
        if kind == "regression":
            np.testing.assert_allclose(score[:, 0], p, rtol=1e-6)
        elif kind == "binary":
            np.testing.assert_allclose(1 / (1 + np.exp(-score[:, 0])), p[:, 1], atol=1e-5)
        else:
            shifted = np.exp(score - score.max(axis=1, keepdims=True))
            np.testing.assert_allclose(shifted / shifted.sum(axis=1, keepdims=True), p, atol=1e-5)


CHECKS: tuple[Check, ...] = (
    check_light_import,
    check_record,
    check_learns,
    check_keeps_bits,
    check_rows_alone,
    check_missing_class,
    check_few_columns,
    check_few_rows,
    check_weights,
    check_deadline,
    check_refit,
    check_linear_terms,
)


def check_family(family: Family) -> None:
    """Run every check.

    Raises:
        AssertionError: The family breaks its contract; the message says how.
    """
    for check in CHECKS:
        check(family)
