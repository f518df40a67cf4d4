"""What `automl explain` shows of words and patches."""

from __future__ import annotations

import io

import msgspec
import pytest
from rich.console import Console

from automl.attribution import Agreement, Attribution, GlobalImportance, PartAttribution
from automl.cli.explain import _stored, attribution_view
from automl.errors import UsageError

TEXT = PartAttribution(
    row=4,
    column="message",
    kind="text",
    method="shap",
    output="spam",
    prediction=2.0,
    base=-3.0,
    values=(4.0, 1.0),
    unit="log-odds",
    pieces=("free\x1b[31m", " ", "offer"),
    is_part=(True, False, True),
    note="typical",
    probability=0.88,
)
IMAGE = PartAttribution(
    row=7,
    column="photo",
    kind="image",
    method="lime",
    output="",
    prediction=2.0,
    base=1.0,
    values=(0.0, 1.0),
    unit="price",
    grid=(1, 2),
)
FOUND = Attribution(
    importance=(
        GlobalImportance(
            method="shap",
            columns=("free",),
            values=(0.2,),
            errors=(0.1,),
            unit="probability",
            n_rows=9,
            words_of="message",
        ),
    ),
    parts=(TEXT, msgspec.structs.replace(TEXT, method="lime", values=(2.0, 0.5), fidelity=0.9), IMAGE),
    agreement=(Agreement(4, 0.75, 2, "message"),),
    skipped=("something",),
)


def shown(found: Attribution) -> str:
    console = Console(file=io.StringIO(), width=80, no_color=True, markup=False, emoji=False, highlight=False)
    console.print(attribution_view(found))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_text_is_shown_with_its_words_by_shap_and_lime() -> None:
    text = shown(FOUND)
    assert "\x1b" not in text
    assert "What matters: words of message, mean |SHAP value|" in text
    assert "message: spam, probability 0.880: 2 (log-odds), -3 without its words" in text
    assert "free\\x1b[31m offer" in text
    assert "+4   ████████████     +2" in text
    assert "SHAP and LIME rank the words alike to 0.75" in text
    assert "row 1, column 2" in text
    assert "something" in text


def test_stored_parts_are_found_by_their_rows(tmp_path) -> None:
    (tmp_path / "attribution.json").write_bytes(msgspec.json.encode(FOUND))
    model = tmp_path / "model.automl"
    assert [each.row for each in _stored(model, (7,)).parts] == [7]
    assert len(_stored(model, ()).parts) == 3
    with pytest.raises(UsageError, match="did not explain row 5"):
        _stored(model, (5,))
