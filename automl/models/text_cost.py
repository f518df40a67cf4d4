"""What families that read texts need to know of a profile before anything is encoded."""

from __future__ import annotations

from automl.models.target_means import n_means
from automl.models.text_scores import MOST_CELLS
from automl.plan import Cost
from automl.profile import Profile

# Distinct words and pairs of words in a text for each of its words, and runs of characters.
_TERMS_A_WORD, _GRAMS_A_WORD = 1.5, 11.0


def no_text(profile: Profile) -> str | None:
    """Why there is nothing to read, or None."""
    return None if profile.holds("text") else "no column holds text"


def words_a_row(profile: Profile) -> float:
    """Words in the texts of a row, on average."""
    return sum(c.n_words for c in profile.features if c.kind == "text")


def cost_of_scores(profile: Profile) -> Cost:
    """Of scoring texts for a fit on all rows: seconds of a thread at speed 1, and peak bytes."""
    cells = cells_of_terms(profile, grams=True)
    n_targets = n_means(profile.size.n_outputs)
    return Cost(1.3e-7 * (1 + 0.2 * n_targets) * min(cells, MOST_CELLS), int(12 * cells))


def cells_of_terms(profile: Profile, *, grams: bool) -> float:
    """Weighted terms in all rows, with runs of characters or without."""
    each = _TERMS_A_WORD + (_GRAMS_A_WORD if grams else 0.0)
    return profile.size.n_rows * words_a_row(profile) * each
