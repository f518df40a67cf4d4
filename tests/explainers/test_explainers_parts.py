"""Words and patches: values add up, what decides gets the weight, and mixed tables keep what is told of columns."""

from __future__ import annotations

import base64
import io
from dataclasses import replace

import msgspec
import numpy as np
import pytest
from media_fakes import SHAPES, FakeMedia, media_request, profile_of
from PIL import Image
from shipped_fakes import request_of, shipped_function, task_of

from automl import explain_parts
from automl.attribution import Attribution, PartAttribution
from automl.explain import explain_model
from automl.explainers import lime, shap
from automl.explainers.parts import distinct_words, image_parts, sound_parts, text_parts, word_name, words_of
from automl.pictures import picture_of_image, picture_of_sound

TEXTS = ["a good film, not bad", "a bad film", None, "the good one", "good!", "film"] * 4


def by_method(found: Attribution, row: int = 0) -> dict[str, PartAttribution]:
    return {each.method: each for each in found.parts if each.row == row}


def adds_up(part: PartAttribution) -> bool:
    return part.base + sum(part.values) == pytest.approx(part.prediction, abs=1e-6)


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("Don't  stop, e-mail £5.50 now!!", ["Don't", "stop,", "e-mail", "£5.50", "now!!"]),
        ("great.<br/>The :) 😀", ["great.", "<br/>", "The", ":)", "😀"]),
        ("BBD(pooja) and/or x@y.z", ["BBD", "(pooja)", "and/", "or", "x", "@y.z"]),
        ("我很好", ["我", "很", "好"]),
        ("one", ["one"]),
        ("  \n ", []),
    ],
)
def test_words_keep_their_punctuation_marks(text, pieces):
    words, end = words_of(text)
    assert [word for _, word in words] == pieces
    assert "".join(blank + word for blank, word in words) + end == text


def test_a_word_is_named_without_punctuation_marks():
    assert [word_name(word) for word in ("FREE!!", "(Don't", "£1,000", ":)", "😀")] == [
        "free",
        "don't",
        "1,000",
        ":)",
        "😀",
    ]


def test_a_text_without_a_word_loses_the_blank_before_it():
    parts = text_parts("one two\nthree ", 40)
    assert parts.pieces() == (("one", " ", "two", "\n", "three", " "), (True, False, True, False, True, False))
    assert parts.without(np.array([True, False, True])) == "one\nthree"
    assert parts.without(np.array([False, True, True])) == "two\nthree"
    assert parts.without(np.zeros(3, dtype=bool)) == ""


@pytest.mark.parametrize(("n_words", "most"), [(41, 40), (100, 40), (400, 40), (5000, 40), (50, 10)])
def test_long_texts_are_told_in_groups_of_about_one_size(n_words, most):
    text = " ".join(f"w{i}" for i in range(n_words))
    parts = text_parts(text, most)
    assert parts.n_parts == most
    assert parts.without(np.ones(most, dtype=bool)) == text
    sizes = [len(run.split()) for _, run, _ in parts.runs]
    assert max(sizes) - min(sizes) <= 1


def test_very_long_texts_are_told_in_sentences():
    text = " ".join(f"It is {i}, and so on and on and on and on it goes." for i in range(100))
    parts = text_parts(text, 40)
    assert parts.n_parts == 40
    assert all(run.startswith("It is") and run.endswith(".") for _, run, _ in parts.runs)


def test_a_word_is_away_in_all_its_places():
    parts, names = distinct_words("to be or not to be", lambda name: 0.0, 40)
    assert names == ("to", "be", "or", "not")
    assert parts.without(np.array([False, True, True, True])) == "be or not be"
    parts, names = distinct_words("to be or not to be", lambda name: {"not": -1.0}.get(name, 0.0), 3)
    assert names == ("not", "to")
    assert parts.n_parts == 3
    assert parts.without(np.array([True, True, False])) == "to not to"


def test_a_patch_gives_way_to_the_colour_of_the_border():
    image = np.full((9, 9, 3), (10, 20, 30), dtype=np.uint8)
    image[3:6, 3:6] = 255
    parts = image_parts(image, 3)
    assert parts.grid == (3, 3)
    there = np.ones((2, 9), dtype=bool)
    there[0, 4] = False
    whole, same = parts.without(there)[0], parts.without(there)[1]
    assert (whole == (10, 20, 30)).all()
    assert (same == image).all()
    assert parts.without(there).dtype == np.uint8
    assert image_parts(image[:2], 7).grid == (2, 7)


def test_a_stretch_gives_way_to_silence_and_high_bands_are_on_top():
    sound = np.arange(32, dtype=np.float16).reshape(8, 4) + 1
    parts = sound_parts(sound, 4, 2)
    assert parts.grid == (2, 4)
    there = np.ones((1, 8), dtype=bool)
    there[0, 0] = False
    [masked] = parts.without(there)
    assert (masked[:2, 2:] == 1).all()
    assert (masked[2:] == sound[2:]).all()
    assert (masked[:2, :2] == sound[:2, :2]).all()


@pytest.mark.parametrize("n_outputs", [1, 3])
def test_shap_and_lime_of_parts_tell_the_terms_of_an_additive_model(n_outputs):
    terms = np.random.default_rng(0).normal(size=(12, n_outputs))
    ask = lambda presence: 3.0 + presence.astype(float) @ terms  # noqa: E731
    found = shap.presence_shap(ask, 12, repeats=1, seed=0)
    np.testing.assert_allclose(found.values[0], terms, atol=1e-9)
    np.testing.assert_allclose(found.base[0], 3.0)
    np.testing.assert_allclose(found.total[0], 3.0 + terms.sum(axis=0))
    local = lime.explain_presence(ask, 12, n_outputs - 1, n_samples=1000, seed=0)
    np.testing.assert_allclose(local.values, terms[:, -1], atol=0.1)
    assert local.fidelity > 0.9
    again = lime.explain_presence(ask, 12, n_outputs - 1, n_samples=1000, seed=0)
    assert (local.values == again.values).all()


@pytest.mark.parametrize("kind", ["regression", "binary", "multiclass"])
def test_the_word_that_decides_gets_the_weight(kind):
    shipped = FakeMedia({"review": "text"}, task_of(kind))
    found = explain_model(shipped, media_request(shipped, {"review": TEXTS}, chosen=(0, 3, 4)))
    assert [(each.row, each.method) for each in found.parts] == [(r, m) for r in (0, 3, 4) for m in ("shap", "lime")]
    row = by_method(found, 3)["shap"]
    assert row.kind == "text"
    assert row.names == ("the", "good", "one")
    assert "".join(row.pieces) == "the good one"
    sign = 1 if kind != "multiclass" or row.output == "c" else -1
    assert np.argmax(np.abs(row.values)) == 1
    assert row.values[1] * sign > 0
    assert row.values[0] == pytest.approx(0, abs=1e-9)
    assert all(adds_up(each) for each in found.parts if each.method == "shap")
    assert all(each.probability is None for each in found.parts) == (kind == "regression")
    assert not found.summary
    assert not found.chosen
    assert not found.dependence
    assert msgspec.json.decode(msgspec.json.encode(found), type=Attribution) == found


def test_words_matter_over_many_texts():
    shipped = FakeMedia({"review": "text"}, task_of("binary"))
    found = explain_model(shipped, media_request(shipped, {"review": TEXTS}))
    [words] = found.importance
    assert (words.words_of, words.output, words.method) == ("review", "yes", "shap")
    assert set(words.columns[:2]) == {"good", "bad"}
    assert dict(zip(words.columns, words.moves, strict=True))["good"] > 0
    assert dict(zip(words.columns, words.moves, strict=True))["bad"] < 0
    assert words.n_rows == len(TEXTS) - 1
    assert list(words.values) == sorted(words.values, reverse=True)
    assert "words of 'review'" in found.explainer
    three = FakeMedia({"review": "text"}, task_of("multiclass"))
    [of_three] = explain_model(three, media_request(three, {"review": TEXTS}), ("words",)).importance
    assert (of_three.output, of_three.moves) == ("", ())


def test_of_long_texts_the_words_that_go_along_with_predictions_are_told_apart():
    random = np.random.default_rng(0)
    texts = [
        " ".join([*(f"w{i}" for i in random.integers(0, 500, 120)), "good" if row % 2 else "bad"]) for row in range(30)
    ]
    shipped = FakeMedia({"review": "text"})
    [words] = explain_model(shipped, media_request(shipped, {"review": texts}), ("words",)).importance
    assert set(words.columns[:2]) == {"good", "bad"}
    assert words.values[2] == pytest.approx(0, abs=1e-6)


def test_rows_without_a_text_are_said():
    shipped = FakeMedia({"review": "text"})
    columns = {"review": ["", None, "good", "N/A", " ... "]}
    profile = profile_of(shipped.kinds, missing_tokens=("N/A",))
    found = explain_model(shipped, media_request(shipped, columns, chosen=range(5), profile=profile), ("parts",))
    assert [each.row for each in found.parts] == [2, 2, 4, 4]
    assert found.skipped == ("no words of 'review' in rows 0, 1, 3: nothing is there",)
    [one] = by_method(found, 2)["shap"].values
    assert one == pytest.approx(2.0)
    assert by_method(found, 2)["lime"].values[0] > 0
    nothing = explain_model(shipped, media_request(shipped, {"review": ["", None]}))
    assert not nothing.parts
    assert not nothing.importance


def test_a_text_of_thousands_of_words_is_told_in_few_parts_and_kept_short():
    words = [f"word{i}" for i in range(5000)]
    words[4321] = "good"
    shipped = FakeMedia({"review": "text"})
    found = explain_model(shipped, media_request(shipped, {"review": [" ".join(words)]}), ("parts",))
    part = by_method(found)["shap"]
    assert len(part.values) == 40
    assert np.argmax(part.values) == 4321 * 40 // 5000
    assert part.values[np.argmax(part.values)] == pytest.approx(2.0)
    assert sum(len(piece) for piece in part.pieces) < 20_000
    assert len(part.weights) == len(part.pieces) == len(part.is_part)


@pytest.mark.parametrize("kind", ["image", "audio"])
def test_the_bright_patch_gets_the_weight(kind):
    shape = SHAPES[kind]
    pictures = {f"{i}.x": np.zeros(shape, dtype=np.uint8 if kind == "image" else np.float16) for i in range(6)}
    pictures = {f"some/{name}": picture for name, picture in pictures.items()}
    pictures["some/0.x"][4:6, 2:4] = 200 if kind == "image" else 4
    shipped = FakeMedia({"file": kind}, task_of("binary"), pictures)
    found = explain_model(shipped, media_request(shipped, {"file": list(pictures)}, chosen=(0, 1)))
    assert not found.importance
    assert len(found.parts) == 4
    part = by_method(found)["shap"]
    grid = np.reshape(part.values, part.grid)
    assert part.grid == ((7, 7) if kind == "image" else (4, 8))
    assert np.unravel_index(np.argmax(grid), part.grid) == ((2, 1) if kind == "image" else (2, 2))
    assert (np.abs(grid) > 1e-9).sum() == 1
    assert adds_up(part)
    picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(part.picture))))
    assert picture.shape[1::-1] == part.size
    assert max(part.size) <= 160
    assert picture.max() == (200 if kind == "image" else 255)
    assert by_method(found)["lime"].names == part.names


@pytest.fixture
def mixed():
    pictures = {f"{i}.png": np.full(SHAPES["image"], 40 * i, dtype=np.uint8) for i in range(6)}
    kinds = {"size": "number", "review": "text", "photo": "image"}
    shipped = FakeMedia(kinds, pictures={**pictures, **{f"in/{n}": p for n, p in pictures.items()}}, weights=0.02)
    rng = np.random.default_rng(0)
    columns = {
        "size": rng.normal(size=24),
        "review": TEXTS,
        "photo": [None if i == 5 else f"in/{i % 6}.png" for i in range(24)],
    }
    return shipped, media_request(shipped, columns, chosen=(0, 5), y=np.zeros(24))


def test_mixed_tables_keep_what_is_told_of_their_columns(mixed):
    shipped, request = mixed
    found = explain_model(shipped, request)
    assert [each.method for each in found.importance] == ["shap", "permutation"]
    assert all(sorted(each.columns) == ["photo", "review", "size"] for each in found.importance)
    assert found.importance[0].values[-1] > 0
    assert [row.method for row in found.chosen] == ["shap", "lime"] * 2
    assert found.chosen[0].shown[2] == "0.png"
    assert {(each.row, each.column) for each in found.parts} == {(0, "review"), (0, "photo"), (5, "review")}
    assert all(adds_up(each) for each in found.parts if each.method == "shap")
    assert {each.column for each in found.dependence} == {"size", "review"}
    said = " ".join(found.skipped)
    assert "no partial dependence on 'photo': images" in said
    assert "no patches of 'photo' in row 5: nothing is there" in said
    columns = {each.column for each in found.agreement}
    assert columns <= {"", "review", "photo"}
    assert "" in columns


def test_asking_about_a_text_reads_no_picture(mixed):
    shipped, request = mixed
    read = []
    for chosen in ((0,), (0, 1, 3, 4)):
        shipped.decoded = 0
        explain_model(shipped, replace(request, chosen=chosen), ("parts",))
        read.append(shipped.decoded)
    assert read[1] - read[0] == 3


def test_of_many_texts_those_that_move_predictions_are_told():
    kinds = {f"text{i}": "text" for i in range(5)}
    shipped = FakeMedia(kinds)
    columns = {name: TEXTS if i in (1, 3, 4) else ["film"] * len(TEXTS) for i, name in enumerate(kinds)}
    found = explain_model(shipped, media_request(shipped, columns), ("parts",))
    assert {each.column for each in found.parts} == {"text1", "text3", "text4"}
    assert any("parts of 'text0', 'text2' are not told" in sentence for sentence in found.skipped)


def test_without_time_nothing_is_told_of_parts_and_that_is_said():
    shipped = FakeMedia({"review": "text"})
    found = explain_model(shipped, media_request(shipped, {"review": TEXTS}, seconds=0.0))
    assert not found.parts
    assert not found.importance
    said = " ".join(found.skipped)
    assert "SHAP of words of 'review': 0 of 1 rows" in said
    assert "LIME of words of 'review': 0 of 1 rows" in said
    assert "no words of 'review' overall" in said


def test_a_slow_model_is_told_in_larger_parts_and_fewer_perturbed_rows(monkeypatch):
    shipped = FakeMedia({"review": "text"})
    text = " ".join(f"w{i}" for i in range(100))
    monkeypatch.setattr(explain_parts, "_cost", lambda ask, n_parts: explain_parts.Cost(0.0, 0.4))
    found = explain_model(shipped, media_request(shipped, {"review": [text]}, seconds=60.0), ("parts",))
    assert len(by_method(found)["shap"].values) == 20
    said = " ".join(found.skipped)
    assert "in fewer and larger parts" in said
    assert "100 perturbed rows each instead of 1,000" in said


def test_tables_of_numbers_are_explained_as_ever():
    shipped = shipped_function("binary")
    request = request_of(shipped, n_rows=20)
    assert explain_model(shipped, request, ("parts",)) == explain_model(shipped, request, ("words",)) == Attribution()


@pytest.mark.parametrize("shape", [(5, 7, 3), (28, 28, 1), (300, 200, 3), (1, 1, 1), (400, 37, 1)])
def test_pictures_can_be_read_again(shape):
    image = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    text, size = picture_of_image(image)
    read = np.asarray(Image.open(io.BytesIO(base64.b64decode(text))))
    assert size == read.shape[1::-1]
    assert max(size) <= 160
    if max(shape) <= 160:
        assert (read.reshape(shape) == image).all()


def test_a_sound_is_drawn_with_low_tones_below():
    sound = np.zeros((20, 4), dtype=np.float16)
    sound[:10, 0] = 5
    text, size = picture_of_sound(sound)
    read = np.asarray(Image.open(io.BytesIO(base64.b64decode(text))))
    assert size == (160, 80)
    assert (read[-20:, :80] == 255).all()
    assert (read[:-20] == 0).all()
    assert (read[:, 80:] == 0).all()
