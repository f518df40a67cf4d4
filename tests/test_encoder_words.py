"""Words and terms of texts: weighted as in scikit-learn, a row alone as in a batch, the same after saving."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.sparse import hstack
from sklearn.feature_extraction.text import TfidfVectorizer

from automl.encoding import tokens
from automl.encoding.tokens import WORDS, WORDS_AND_SIGNS, tokens_of
from automl.encoding.words import Lexicon, fit_lexicon
from automl.table import Column

TEXTS = [
    "the cat sat on the mat",
    "the dog sat on the log",
    "a cat and a dog",
    "no cats, no dogs!",
    "",
    None,
    "the mat: the cat's mat",
    "dogs and cats and dogs",
]


def column(texts: list[str | None]) -> Column:
    return Column(pl.Series("t", texts, dtype=pl.String))


def lexicon(texts: list[str | None], **told: int) -> tuple[Lexicon, int]:
    found = fit_lexicon(column(texts), **told)
    assert found is not None
    return found


def test_tokens_keep_the_order_of_words() -> None:
    tokens = tokens_of(column(["B a b!", None, "a"]), WORDS_AND_SIGNS)
    told = [
        [tokens.words[i] for i in tokens.place[a:b]] for a, b in zip(tokens.ends[:-1], tokens.ends[1:], strict=True)
    ]
    assert told == [["b", "a", "b", "!"], [], ["a"]]
    assert tokens_of(column(["a b!"]), WORDS).counts().toarray().tolist() == [[1.0, 1.0]]


@given(text=st.text(st.characters(max_codepoint=0x250), max_size=30), pattern=st.sampled_from([WORDS, WORDS_AND_SIGNS]))
@example(text="a\x1cb\x1fc\x0b\x85d_e-f\t!?", pattern=WORDS_AND_SIGNS)
def test_few_texts_are_taken_apart_as_many_are(text: str, pattern: str) -> None:
    few, many = tokens_of(column([text]), pattern), tokens_of(column([text] * 100), pattern)
    assert few.words == many.words
    assert np.array_equal(few.keys, many.keys)
    assert np.array_equal(np.tile(few.place, 100), many.place)


def test_terms_are_those_of_scikit_learn() -> None:
    """Cosines between texts: they do not depend on the order of the terms."""
    texts = [t for t in TEXTS if t]
    found, length = lexicon(texts)
    _, words, grams = found.encode(column(texts), length)
    told = {"sublinear_tf": True, "min_df": 2, "max_df": len(texts) - 1}
    by_word = TfidfVectorizer(token_pattern=r"\w+|[^\w\s]", ngram_range=(1, 2), **told).fit_transform(texts)
    np.testing.assert_allclose((words @ words.T).toarray(), (by_word @ by_word.T).toarray(), atol=1e-5)
    assert words.shape[1] == by_word.shape[1]
    # runs of characters count inside single words and signs, as "char_wb" does where those are apart
    apart = [" ".join(["".join(w) for w in _split(t)]) for t in texts]
    by_gram = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), **told).fit_transform(apart)
    assert abs(grams.shape[1] - by_gram.shape[1]) <= 0.1 * by_gram.shape[1]
    np.testing.assert_allclose((grams @ grams.T).toarray(), (by_gram @ by_gram.T).toarray(), atol=0.1)


def _split(text: str) -> list[str]:
    found = tokens_of(column([text]), WORDS_AND_SIGNS)
    return [found.words[i] for i in found.place]


def test_a_row_is_the_same_alone_as_among_others() -> None:
    found, length = lexicon(TEXTS * 3)
    codes, words, grams = found.encode(column(TEXTS), length)
    for i, text in enumerate(TEXTS):
        one = found.encode(column([text]), length)
        assert np.array_equal(one[0][0], codes[i])
        for alone, among in ((one[1], words[i]), (one[2], grams[i])):
            assert np.array_equal(alone.toarray(), among.toarray())


def test_long_texts_are_taken_in_shorter_runs_which_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [f"word{i % 7} and word{i % 5} " * (1 + i % 3) for i in range(60)]
    found, length = lexicon(texts)
    whole = found.encode(column(texts), length)
    monkeypatch.setattr(tokens, "_PART_CHARACTERS", 200)
    parts = list(tokens.parts_of(column(texts)))
    assert len(parts) > 4
    assert [text for part in parts for text in part.series] == texts
    for one, other in zip(whole, found.encode(column(texts), length), strict=True):
        assert (one != other).sum() == 0


def test_words_have_codes_of_their_own_and_unknown_ones_share_buckets() -> None:
    found, _ = lexicon(TEXTS * 3)
    codes, _, _ = found.encode(column(["cat dog cat", "zebra", "", None]), 5)
    assert codes[0, 0] == codes[0, 2] != codes[0, 1]
    assert 1 <= codes[0, 0] <= len(found.words) < codes[1, 0] < found.n_codes
    assert not codes[2:].any()
    assert not codes[0, 3:].any()


@pytest.mark.parametrize("texts", [["one two", "three four", "five six"], ["", None, ""], ["a b"]])
def test_no_lexicon_where_nothing_repeats(texts: list[str | None]) -> None:
    assert fit_lexicon(column(texts)) is None


def test_long_texts_are_cut_and_runs_of_characters_left_out_of_many() -> None:
    texts = [" ".join(f"word{(i * i + j * j) % 997}" for j in range(400)) for i in range(12)]
    found, length = lexicon(texts)
    assert length == 256
    assert len(found.gram_terms)
    found, _ = lexicon(texts, max_cells=1_000)
    assert not len(found.gram_terms)
    codes, words, grams = found.encode(column(texts), length)
    assert codes.shape == (12, 256)
    assert words.shape == (12, len(found.word_terms))
    assert grams.shape == (12, 0)
    assert hstack([words, grams]).shape == words.shape
