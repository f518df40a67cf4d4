from __future__ import annotations

import io
import sys
from pathlib import Path

import msgspec
import pytest
from rich.console import Console, RenderableType

sys.path.insert(0, str(Path(__file__).parents[1] / "cli"))
from cli_records import outcome, plan, profile

from automl.cli.views import decided_rows, plan_view, profile_view
from automl.formats.terminal import evaluation_view, outcome_view, render
from automl.plan import Pretrained, RuledOut
from automl.pretrained.reference import Reference
from automl.report import Figure, Notice, Report, Section, Series, TableBlock, Text


def shown(view: RenderableType, width: int = 80) -> str:
    console = Console(
        file=io.StringIO(),
        width=width,
        markup=False,
        emoji=False,
        highlight=False,
        force_terminal=True,
        color_system=None,
    )
    console.print(view)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


VIEWS = {
    "profile": lambda: profile_view(profile(), plan().task),
    "plan": lambda: plan_view(plan(), profile()),
    "outcome": lambda: outcome_view(outcome()),
    "evaluation": lambda: evaluation_view(outcome().metrics),
}


@pytest.mark.parametrize("name", VIEWS)
@pytest.mark.parametrize("width", [80, 40])
def test_views_fit_their_width_and_show_what_the_data_says_without_obeying_it(name: str, width: int) -> None:
    text = shown(VIEWS[name](), width)
    lines = text.splitlines()
    if name != "outcome":  # the commands at its end must stay whole, to be copied
        assert max(len(line) for line in lines) <= width
    assert not any(code in text for code in ("\x1b[31m", "\x1b]0", "\x07", "\u202e"))


def test_the_outcome_fits_a_screen_and_says_what_counts() -> None:
    text = shown(outcome_view(outcome()))
    assert len(text.splitlines()) <= 24
    for part in (
        "done in 52 s (more time would gain less than the noise)",
        "0.850   90 % interval 0.838–0.861",
        "majority class 0.500",
        "blend: alpha .70 (2 models), beta .30",
        "twice the time +0.002, twice the rows +0.01 roc_auc",
        "a tie",
        "runs/x/report.html",
        "automl predict runs/x new.csv --proba -o scored.csv",
    ):
        assert part in text


def test_a_pretrained_encoder_is_told_before_and_after() -> None:
    used = Pretrained(name="tiny/sentences", revision="r1", columns=("[red]x\x1b[31m",), n_dims=8, seconds=1.0)
    told = " ".join(str(text) for _, text in decided_rows(msgspec.structs.replace(plan(), pretrained=(used,))))
    assert "tiny/sentences reads [red]x" in told
    assert "--pretrained off to change" in told
    assert "\x1b" not in told
    files = (("model.safetensors", "0" * 64),)
    needed = Reference(name="tiny/sentences", revision="r1", library="transformers", files=files, n_bytes=9)
    text = shown(outcome_view(msgspec.structs.replace(outcome(), pretrained=(needed,))), 120)
    assert "needs" in text
    assert "tiny/sentences in the local cache wherever it predicts (hf download tiny/sentences --revision r1)" in text
    assert "in the local cache" not in shown(outcome_view(outcome()), 120)


def test_families_that_nobody_would_look_for_here_are_told_together_and_in_the_plan_only() -> None:
    out = (*plan().ruled_out, RuledOut("eye", "P037", "no column holds images", is_expected=True))
    made = msgspec.structs.replace(plan(), ruled_out=out)
    assert "eye: for other data" in shown(plan_view(made))
    told = " ".join(str(text) for _, text in decided_rows(made))
    assert "eye" not in told
    assert "gamma" in told


def test_markup_in_a_column_name_is_shown_as_it_is() -> None:
    assert "[bold red]x[/]" in shown(profile_view(profile(), None), 120)


def test_the_gravest_finding_comes_first() -> None:
    text = shown(profile_view(profile(), None))
    assert text.index("D020") < text.index("D014")


def test_only_the_first_columns_are_listed_and_the_rest_is_counted() -> None:
    text = shown(profile_view(profile(), None, limit=2))
    assert "and 2 more columns" in text


def test_a_report_renders_as_plain_text() -> None:
    blocks = (
        Text("lead \x1b[31mtext"),
        Text("automl fit x", style="code"),
        Notice("careful", "a leak", "danger"),
        TableBlock("numbers", ("name", "value"), (("a", "1"), ("b", "22")), (False, True)),
        Figure(title="bars", chart="bars", labels=("p", "q"), series=(Series("s", (0.0, 1.0), (2.0, 1.0)),)),
        Figure(title="line", chart="line", series=(Series("s", (0.0, 1.0, 2.0), (2.0, 1.0, 3.0)),)),
        Figure(title="heat", chart="heatmap", values=((1.0,),)),
    )
    report = Report(
        title="T", subtitle="s", facts=(("score", "0.85"),), sections=(Section("One", "one", blocks),), result={}
    )
    text = render(report)
    assert "\x1b" not in text
    assert all(part in text for part in ("score", "One\n───", "!! careful: a leak", "    automl fit x", "████", "▅▁█"))
    assert "(drawn in the html report)" in text
