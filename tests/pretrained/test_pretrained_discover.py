"""Discovery: what lies in the caches is told from folders and JSON alone, and why something is not used."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cached_models import (
    BACKBONE,
    MEAN,
    MODULES,
    PLAIN,
    RESNET,
    REVISION,
    SENTENCES,
    backbone_files,
    plain_files,
    sentence_files,
    snapshot,
    write_json,
)

from automl.pretrained.cached import CachedEncoder
from automl.pretrained.discover import cache_folders, find_all, find_cached


def found(hub: Path, **environ: str) -> dict[str, CachedEncoder]:
    told = {"HF_HUB_CACHE": str(hub), "SENTENCE_TRANSFORMERS_HOME": str(hub / "none"), **environ}
    return {encoder.name: encoder for encoder in find_cached(told)}


def test_each_kind_is_told_by_its_files(tmp_path: Path) -> None:
    sentence_files(snapshot(tmp_path, SENTENCES))
    plain_files(snapshot(tmp_path, PLAIN))
    backbone_files(snapshot(tmp_path, BACKBONE))
    encoders = found(tmp_path)
    assert list(encoders) == [BACKBONE, PLAIN, SENTENCES]
    assert not [each.problem for each in encoders.values() if each.problem]
    sentences = encoders[SENTENCES]
    assert (sentences.library, sentences.reads, sentences.revision) == ("sentence-transformers", "text", REVISION)
    assert (sentences.n_dims, sentences.longest, sentences.pooling) == (384, 128, "mean")
    assert sentences.work == 6 * (4 * 384**2 + 2 * 384 * 1536)
    assert "1_Pooling/config.json" in sentences.files
    assert (encoders[PLAIN].library, encoders[PLAIN].longest) == ("transformers", 512)
    backbone = encoders[BACKBONE]
    assert (backbone.library, backbone.reads, backbone.n_dims) == ("timm", "image", 512)
    assert (backbone.height, backbone.width) == (224, 224)


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        ({"config.json": {"auto_map": {"AutoModel": "its.Model"}}}, "code of its own"),
        ({"tokenizer_config.json": {"auto_map": {"AutoTokenizer": "its.Tokenizer"}}}, "code of its own"),
        ({"1_Pooling/config.json": {"pooling_mode_max_tokens": True}}, "neither the mean nor the first vector"),
        ({"1_Pooling/config.json": MEAN | {"pooling_mode_cls_token": True}}, "neither the mean nor the first vector"),
        ({"modules.json": [*MODULES, {"path": "3_Dense", "type": "x.Dense"}]}, "not applied here: Dense"),
        ({"modules.json": [{**MODULES[0], "path": "0_Transformer"}, MODULES[1]]}, "a model in a subfolder"),
        ({"config.json": {"hidden_size": None}}, "does not tell its size"),
    ],
)
def test_what_cannot_be_used_says_why(files: dict[str, Any], problem: str, tmp_path: Path) -> None:
    folder = sentence_files(snapshot(tmp_path, SENTENCES))
    for name, content in files.items():
        if name == "config.json":
            sentence_files(folder, **content)
        else:
            write_json(folder, {name: content})
    assert problem in found(tmp_path)[SENTENCES].problem


def test_only_safetensors_are_taken(tmp_path: Path) -> None:
    folder = sentence_files(snapshot(tmp_path, SENTENCES))
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    backbone = backbone_files(snapshot(tmp_path, BACKBONE))
    (backbone / "model.safetensors").unlink()
    encoders = found(tmp_path)
    assert encoders[SENTENCES].problem == "it has only pytorch_model.bin, not model.safetensors"
    assert encoders[BACKBONE].problem == "it has no weights, not model.safetensors"
    (folder / "tokenizer.json").unlink()
    (folder / "model.safetensors").write_bytes(b"")
    assert found(tmp_path)[SENTENCES].problem == "it has no tokenizer.json"


def test_images_in_grey_are_not_read(tmp_path: Path) -> None:
    grey = RESNET["pretrained_cfg"] | {"input_size": [1, 28, 28]}  # type: ignore[operator]  # a dictionary
    backbone_files(snapshot(tmp_path, BACKBONE), pretrained_cfg=grey)
    assert "colour images" in found(tmp_path)[BACKBONE].problem


def test_other_models_are_passed_over(tmp_path: Path) -> None:
    plain_files(snapshot(tmp_path, "some/llm"), model_type="llama", architectures=["LlamaForCausalLM"])
    plain_files(snapshot(tmp_path, "some/classifier"), architectures=["BertForSequenceClassification"])
    write_json(snapshot(tmp_path, "some/list"), {"config.json": ["no", "model"]})
    (snapshot(tmp_path, "some/broken") / "config.json").write_text("{")
    snapshot(tmp_path, "some/empty")
    plain_files(snapshot(tmp_path, "some/odd"), hidden_size="wide")
    write_json(plain_files(snapshot(tmp_path, "some/odder")), {"tokenizer_config.json": ["no", "settings"]})
    assert found(tmp_path) == {}


def test_the_revision_is_that_of_main(tmp_path: Path) -> None:
    plain_files(snapshot(tmp_path, PLAIN, "f" * 40))
    plain_files(snapshot(tmp_path, PLAIN, "a" * 40))
    plain_files(snapshot(tmp_path, PLAIN, "e" * 40, main=False))
    assert found(tmp_path)[PLAIN].revision == "a" * 40
    told = {"HF_HUB_CACHE": str(tmp_path)}
    assert [each.revision[0] for each in find_all(PLAIN, told)] == ["a", "e", "f"]
    (tmp_path / "models--tiny--plain" / "refs" / "main").unlink()
    assert found(tmp_path)[PLAIN].revision == "f" * 40


def test_folders_of_older_sentence_transformers_count(tmp_path: Path) -> None:
    old = tmp_path / "old"
    (old / "sentence-transformers_all-MiniLM-L6-v2").mkdir(parents=True)
    sentence_files(old / "sentence-transformers_all-MiniLM-L6-v2")
    encoders = found(tmp_path / "hub", SENTENCE_TRANSFORMERS_HOME=str(old))
    assert encoders["sentence-transformers/all-MiniLM-L6-v2"].revision == ""


def test_a_copy_that_can_be_used_goes_first(tmp_path: Path) -> None:
    broken = sentence_files(snapshot(tmp_path / "a", SENTENCES))
    (broken / "model.safetensors").unlink()
    sentence_files(snapshot(tmp_path / "b", SENTENCES))
    encoder = found(tmp_path / "a", SENTENCE_TRANSFORMERS_HOME=str(tmp_path / "b"))[SENTENCES]
    assert encoder.problem == ""
    assert encoder.path.is_relative_to(tmp_path / "b")


@pytest.mark.parametrize(
    ("environ", "hub"),
    [
        ({}, "~/.cache/huggingface/hub"),
        ({"XDG_CACHE_HOME": "/x"}, "/x/huggingface/hub"),
        ({"XDG_CACHE_HOME": "/x", "HF_HOME": "/h"}, "/h/hub"),
        ({"HF_HOME": "/h", "HF_HUB_CACHE": "/c"}, "/c"),
        ({"HUGGINGFACE_HUB_CACHE": "/old"}, "/old"),
    ],
)
def test_the_hub_is_where_its_client_keeps_it(environ: dict[str, str], hub: str) -> None:
    assert cache_folders(environ)[0] == Path(hub).expanduser()


def test_discovery_loads_nothing_heavy(tmp_path: Path) -> None:
    sentence_files(snapshot(tmp_path, SENTENCES))
    script = (
        "import sys; from automl.pretrained.discover import find_cached; "
        f"print(len(find_cached({{'HF_HUB_CACHE': {str(tmp_path)!r}}}))); "
        "print([n for n in ('torch', 'transformers', 'timm', 'huggingface_hub', 'numpy') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["1", "[]"]
