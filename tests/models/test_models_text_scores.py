"""Texts as numbers: ridge scores of their terms, cross-fitted, beside what else families read that know no words."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from automl import registry
from automl.encoding.words import fit_lexicon
from automl.errors import ModelFileError
from automl.family import Limits, Rows, State
from automl.features import Block, Features, Layout
from automl.models.building import build_model
from automl.models.target_means import crossing_folds
from automl.models.terms import TEXT
from automl.models.text_scores import TextScores, WithTextScores, _ridge
from automl.table import Table
from automl.task import Task
from automl.testing.examples import example, media_example

BINARY = Task(kind="binary", target="y", metric="roc_auc", classes=("no", "yes"), positive="yes")
MOODS = ("fine calm bright", "late broken rude")


def rows(n: int, seed: int, *, telling: bool = True) -> Rows:
    """Rows of a number of noise and a text whose words tell the class, all encoded alike."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n)
    mood = y if telling else rng.integers(0, 2, n)
    texts = [f"{rng.choice(MOODS[m].split())} word{rng.integers(0, 30)} word{rng.integers(0, 30)}" for m in mood]
    column = Table.from_columns({"said": texts}).column("said")
    codes, terms, grams = LEXICON.encode(column, 4)
    x_num = rng.normal(size=(n, 1)).astype(np.float32)
    return Rows(Features(x_num, np.empty((n, 0), np.int32), LAYOUT, (codes, terms, grams)), y)


_all_words = [f"{word} word{i} word{i % 7}" for mood in MOODS for word in mood.split() for i in range(30)]
_fitted = fit_lexicon(Table.from_columns({"said": _all_words}).column("said"))
assert _fitted is not None
LEXICON = _fitted[0]
LAYOUT = Layout(
    columns=("price", "said"),
    num_names=("price",),
    num_sources=(0,),
    blocks=(
        Block(column="said", kind="words", shape=(4,), n_codes=LEXICON.n_codes),
        Block(column="said", kind="terms", shape=LEXICON.word_terms.shape),
        Block(column="said", kind="grams", shape=LEXICON.gram_terms.shape),
    ),
)


def limits() -> Limits:
    return Limits(deadline=time.monotonic() + 60, seed=3)


def test_each_coefficient_is_that_of_a_ridge_regression_without_the_fold() -> None:
    from sklearn.linear_model import Ridge

    rng = np.random.default_rng(0)
    x = csr_matrix(rng.random((300, 8)) * (rng.random((300, 8)) < 0.5), dtype=np.float32)
    targets, weights, fold = rng.normal(size=(300, 2)), rng.random(300) + 0.5, np.arange(300) % 5
    found = _ridge(x, targets, weights, fold)
    assert found.shape == (8, 6, 2)
    for left_out in range(6):
        kept = fold != left_out
        exact = Ridge(alpha=1.0, fit_intercept=False).fit(x[kept], targets[kept], sample_weight=weights[kept])
        np.testing.assert_allclose(found[:, left_out], exact.coef_.T, atol=1e-3)


def test_scores_of_training_rows_tell_no_more_than_those_of_new_rows() -> None:
    noise = rows(600, 1, telling=False)
    scores, crossed = TextScores.fit(noise, 2, 0, seed=0)
    signs = np.where(noise.y == 1, 1.0, -1.0)
    assert abs(np.corrcoef(crossed[:, 0], signs)[0, 1]) < 0.12, "no row saw its own label"
    assert np.corrcoef(scores.apply(noise.x)[:, 0], signs)[0, 1] > 0.2, "the coefficients of all rows did"
    telling, unseen = rows(600, 1), rows(300, 2)
    scores, crossed = TextScores.fit(telling, 2, 0, seed=0)
    for found, y in ((crossed, telling.y), (scores.apply(unseen.x), unseen.y)):
        assert found.dtype == np.float32
        assert found.shape == (len(y), 2), "one score by words and one by characters"
        assert (found[y == 1].min(axis=0) > found[y == 0].max(axis=0)).all()


def test_rows_of_one_group_do_not_score_each_other() -> None:
    seen = rows(600, 0)
    groups = np.random.default_rng(1).integers(0, 40, 600)
    fold = crossing_folds(replace(seen, groups=groups), 5, 0)
    assert all(len(set(fold[groups == group])) == 1 for group in range(40))
    assert np.bincount(fold).min() > 60
    assert np.bincount(crossing_folds(seen, 5, 0)).tolist() == [120] * 5


def test_a_class_each_has_a_score_and_frequent_words_are_features_where_asked_for() -> None:
    train = rows(600, 1)
    three = Rows(train.x, np.where(train.y == 1, 2, np.arange(600) % 2))
    scores, crossed = TextScores.fit(three, 3, 5, seed=0)
    assert crossed.shape == (600, 2 * 3 + 5)
    layout = scores.layout
    assert layout.num_names[:3] == ("price", "said: words score 1", "said: words score 2")
    assert set(layout.num_sources[1:]) == {1}, "all come from the column of texts"
    assert not [block for block in layout.blocks if block.kind in TEXT]
    counts = np.bincount(train.x.blocks[1].indices)
    assert sorted(counts)[-5] >= (crossed[:, -5:] > 0).sum(axis=0).min() >= 10


def test_a_text_without_known_words_scores_nothing() -> None:
    scores, _ = TextScores.fit(rows(300, 1), 2, 0, seed=0)
    column = Table.from_columns({"said": ["zzz qqq", None]}).column("said")
    x = Features(np.zeros((2, 1), np.float32), np.empty((2, 0), np.int32), LAYOUT, LEXICON.encode(column, 4))
    np.testing.assert_allclose(scores.apply(x), 0.0, atol=1e-6)


@pytest.mark.parametrize("name", ["lightgbm", "extra_trees", "linear", "knn"])
def test_families_that_read_no_words_learn_from_them(name: str) -> None:
    family = registry.family(name)
    params = family.default(example("binary", 900).profile)[0]
    model = build_model(family, params, BINARY, LAYOUT)
    assert isinstance(model, WithTextScores)
    model.fit(rows(600, 1), rows(200, 2), limits())
    test = rows(300, 4)
    found = model.predict(test.x)
    assert ((found[:, 1] > 0.5) == (test.y == 1)).mean() > 0.98
    again = build_model(family, params, BINARY, LAYOUT)
    again.load(model.save())
    np.testing.assert_array_equal(again.predict(test.x), found)
    np.testing.assert_allclose(model.predict(test.x.take(np.arange(1))), found[:1], rtol=1e-5)


def test_families_that_read_words_or_nothing_are_left_alone() -> None:
    text = media_example("text", "binary").profile
    for name in ("text_linear", "text_bayes", "majority"):
        family = registry.family(name)
        assert not isinstance(build_model(family, family.default(text)[0], BINARY, LAYOUT), WithTextScores)
    plain, family = Layout(columns=("price",), num_names=("price",), num_sources=(0,)), registry.family("linear")
    assert not isinstance(build_model(family, family.default(text)[0], BINARY, plain), WithTextScores)


def test_scores_of_other_texts_are_refused() -> None:
    family = registry.family("linear")
    params = family.default(example("binary", 900).profile)[0]
    model = build_model(family, params, BINARY, LAYOUT)
    model.fit(rows(300, 1), rows(200, 2), limits())
    state = model.save()
    for damaged in (
        {name: array for name, array in state.arrays.items() if not name.startswith("texts.")},
        state.arrays | {"texts.score1": state.arrays["texts.score1"][:-1]},
        state.arrays | {"texts.score1": state.arrays["texts.score1"] * np.float16(np.nan)},
        state.arrays | {"texts.word1": np.array([10**6])},
        state.arrays | {"texts.other": np.zeros(3)},
    ):
        with pytest.raises(ModelFileError, match="of other texts"):
            build_model(family, params, BINARY, LAYOUT).load(State(state.config, damaged, state.texts))
