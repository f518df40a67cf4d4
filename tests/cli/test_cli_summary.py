"""The summary in markdown, for a CI step summary."""

from __future__ import annotations

from cli_records import outcome
from msgspec.structs import replace

from automl.attribution import Attribution
from automl.cli.summary import summary_markdown


def test_what_was_not_explained_is_left_out() -> None:
    done = outcome()
    assert "- matters: " in summary_markdown(done)
    for attribution in (None, Attribution(importance=())):
        text = summary_markdown(replace(done, attribution=attribution))
        assert "matters" not in text
        assert "**model**" in text
