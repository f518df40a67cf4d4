"""The sparse design of texts: terms beside other columns, weighted by class where asked for."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from automl.errors import Unsuitable
from automl.family import Rows
from automl.features import Block, Features, Layout
from automl.models.terms import TermsDesign, terms_of

LAYOUT = Layout(
    columns=("text", "price"),
    num_names=("text: topic 1", "price"),
    num_sources=(0, 1),
    blocks=(
        Block(column="text", kind="words", shape=(4,), n_codes=9),
        Block(column="text", kind="terms", shape=(3,)),
        Block(column="text", kind="grams", shape=(2,)),
    ),
)


def rows(n: int = 40) -> Rows:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, n)
    terms = rng.random((n, 3)) * (rng.random((n, 3)) < 0.6)
    terms[:, 0] *= y
    x_num = rng.normal(size=(n, 2)).astype(np.float32)
    x_num[:, 1] += 100
    blocks = (np.zeros((n, 4), np.int32), csr_matrix(terms.astype(np.float32)), csr_matrix(np.ones((n, 2), np.float32)))
    return Rows(Features(x_num, np.zeros((n, 0), np.int32), LAYOUT, blocks), y)


def test_terms_stand_beside_the_scaled_columns_that_hold_no_text() -> None:
    train = rows()
    design = TermsDesign()
    x = design.fit_transform(train, 2, seed=0).toarray()
    assert x.shape == (40, 3 + 2 + 1)
    assert design.width == 6
    np.testing.assert_array_equal(x[:, :3], train.x.blocks[1].toarray())
    assert abs(x[:, 5].mean()) < 1e-5
    np.testing.assert_array_equal(design.transform(train.x).toarray(), x)
    assert terms_of(train.x, grams=False).shape == (40, 3)
    with pytest.raises(Unsuitable):
        _ = design.sources


def test_a_term_of_one_class_weighs_more_by_the_log_count_ratio() -> None:
    train = rows()
    plain = TermsDesign(grams=False).fit_transform(train, 2, seed=0).toarray()
    weighted = TermsDesign(grams=False, ratio=True).fit_transform(train, 2, seed=0).toarray()
    gain = weighted[:, :3].sum(axis=0) / plain[:, :3].sum(axis=0)
    assert gain[0] > 2 * max(gain[1], gain[2])


def test_a_loaded_design_makes_the_same_matrix() -> None:
    train = rows()
    design = TermsDesign(ratio=True)
    x = design.fit_transform(train, 2, seed=0)
    again = TermsDesign.load(*design.save())
    assert (again.transform(train.x) != x).nnz == 0


def test_without_text_there_is_no_design() -> None:
    train = rows()
    none = Features(train.x.x_num, train.x.x_cat, LAYOUT.__class__(columns=("a",)), ())
    with pytest.raises(Unsuitable, match="no column holds text"):
        terms_of(none, grams=True)
