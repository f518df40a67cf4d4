"""Which pretrained encoder reads texts and images, what the plan says of it, and what it says where there is none."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from policy_fakes import BINARY, FAMILIES, MACHINE, column, profile

from automl.errors import UsageError
from automl.plan import Plan, Wishes
from automl.policy import pretrained as choosing
from automl.policy.decide import decide
from automl.pretrained.cached import CachedEncoder, Library
from automl.profile import Extent

TEXT = column("note", "text", extent=Extent(words=20.0))
PHOTO = column("photo", "image", extent=Extent(height=300, width=400, channels=3))
TARGET = column("y", "category", role="target", n_unique=2, top=(("a", 500), ("b", 500)))


def encoder(name: str, library: Library = "sentence-transformers", work: float = 1e7, **more: Any) -> CachedEncoder:
    told = {"reads": "image" if library == "timm" else "text", "revision": "r1", "folder": f"/hub/{name}"}
    return CachedEncoder(name=name, library=library, work=work, n_dims=384, n_bytes=10**8, longest=256, **told | more)


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choosing, "package_lacking", lambda library: None)


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choosing, "package_lacking", lambda library: "timm" if library == "timm" else "transformers")


def planned(*cached: CachedEncoder, columns: tuple[Any, ...] = (TEXT,), n: int = 1_000, **wishes: Any) -> Plan:
    data = profile(n, columns=(*columns, TARGET))
    return decide(data, BINARY, MACHINE, Wishes(**wishes), FAMILIES, cached=cached)


def said(plan: Plan) -> list[str]:
    return [reason.sentence for reason in plan.reasons if reason.rule == choosing.PRETRAINED]


def test_sentence_encoders_go_first_then_the_quickest_then_the_name(installed: None) -> None:
    plain, slow = encoder("a/plain", "transformers", work=1e6), encoder("b/slow", work=2e7)
    quick, twin = encoder("c/quick"), encoder("d/twin")
    for cached in ((plain, slow, quick, twin), (twin, quick, slow, plain)):
        plan = planned(*cached)
        assert [(each.name, each.revision, each.columns) for each in plan.pretrained] == [("c/quick", "r1", ("note",))]
    [sentence] = said(plan)
    assert sentence.startswith("c/quick (sentence-transformers, 100 MB) reads 'note' too, the first of 4 cached: 128")
    assert "the model will need it wherever it predicts, --pretrained off does without" in sentence
    assert planned(plain).pretrained[0].name == "a/plain"


def test_its_features_and_its_time_count(installed: None) -> None:
    with_it, without = planned(encoder("c/quick")), planned()
    [used] = with_it.pretrained
    assert used.n_dims == 128
    assert 4 < used.seconds < 60
    cost = {name: [c.cost.seconds for c in plan.candidates if c.family == "line"] for name, plan in
            {"with": with_it, "without": without}.items()}  # fmt: skip
    assert cost["with"][0] > cost["without"][0]
    assert with_it.wishes == without.wishes
    budget = [r.sentence for r in with_it.reasons if r.rule == "P034"]
    assert budget[0].startswith("5 min in all")


def test_columns_share_the_numbers(installed: None) -> None:
    texts = tuple(msgspec.structs.replace(TEXT, name=f"t{i}") for i in range(4))
    [used] = planned(encoder("c/quick"), columns=texts).pretrained
    assert (used.columns, used.n_dims) == (("t0", "t1", "t2", "t3"), 32)
    [used] = planned(encoder("c/quick"), n=40).pretrained
    assert used.n_dims == 39


def test_what_does_not_fit_the_budget_is_left_out(installed: None) -> None:
    heavy = encoder("a/heavy", work=5e9)
    plan = planned(heavy, n=5_000)
    assert plan.pretrained == ()
    [sentence] = said(plan)
    assert "a/heavy takes about" in sentence
    assert "more than the 79 s it may take (30 % of the search)" in sentence
    assert planned(heavy, encoder("b/light"), n=5_000).pretrained[0].name == "b/light"
    named = planned(heavy, n=5_000, pretrained="heavy")
    assert named.pretrained[0].name == "a/heavy"
    assert named.candidates


def test_a_prediction_that_must_be_quick_does_without(installed: None) -> None:
    plan = planned(encoder("a/slow", work=1e8), max_latency_ms=20.0)
    assert plan.pretrained == ()
    assert "a prediction may take 20 ms" in said(plan)[0]


def test_what_can_be_read_whole_does_without(installed: None) -> None:
    plan = planned(encoder("c/quick"), preset="interpretable")
    assert plan.pretrained == ()
    assert said(plan) == ["--preset interpretable: the numbers of c/quick mean nothing to a reader"]


def test_off_is_off(installed: None) -> None:
    plan = planned(encoder("c/quick"), pretrained="off")
    assert plan.pretrained == ()
    assert said(plan) == ["--pretrained off: no pretrained encoder reads the texts"]


def test_texts_and_images_have_an_encoder_each(installed: None) -> None:
    cached = (encoder("c/quick"), encoder("t/net", "timm"))
    plan = planned(*cached, columns=(TEXT, PHOTO))
    assert [(each.name, each.columns) for each in plan.pretrained] == [("c/quick", ("note",)), ("t/net", ("photo",))]
    alone = planned(*cached, columns=(TEXT, PHOTO), pretrained="t/net")
    assert [each.name for each in alone.pretrained] == ["t/net"]


def test_without_any_the_plan_says_what_one_would_gain(bare: None) -> None:
    texts, images = said(planned(columns=(TEXT, PHOTO)))
    for sentence, name, source in (
        (texts, "sentence-transformers/all-MiniLM-L6-v2", "arXiv 2210.07316"),
        (images, "timm/resnet18.a1_in1k", "arXiv 1403.6382"),
    ):
        assert "pip install 'automl[pretrained]'; hf download " + name in sentence
        assert source in sentence
        assert "Apache 2.0" in sentence
    assert said(planned(columns=(column("x"),))) == []


def test_an_encoder_without_its_package_is_told(bare: None) -> None:
    plan = planned(encoder("c/quick"))
    assert plan.pretrained == ()
    [sentence] = said(plan)
    assert sentence.startswith("c/quick lies in the local cache, but transformers is not installed")
    assert sentence.endswith("pip install 'automl[pretrained]'")


def test_an_encoder_that_cannot_be_used_is_told(installed: None) -> None:
    odd = encoder("c/odd", problem="it has only pytorch_model.bin, not model.safetensors")
    [sentence] = said(planned(odd))
    assert "(c/odd cannot be used: it has only pytorch_model.bin, not model.safetensors)" in sentence
    assert "pip install" not in sentence
    with pytest.raises(UsageError, match=r"only pytorch_model\.bin"):
        planned(odd, pretrained="c/odd")


def test_a_name_that_is_not_there_is_refused(installed: None) -> None:
    with pytest.raises(UsageError, match="no such encoder in the local caches") as caught:
        planned(encoder("c/quick"), pretrained="c/quik")
    assert caught.value.hints[:2] == ("nearest: c/quick", "there are: c/quick")
    with pytest.raises(UsageError, match=r"it reads images, and no column of made\.csv holds any"):
        planned(encoder("t/net", "timm"), pretrained="t/net")


def test_a_name_needs_its_package(bare: None) -> None:
    with pytest.raises(UsageError, match="transformers is not installed"):
        planned(encoder("c/quick"), pretrained="c/quick")
