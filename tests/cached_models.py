"""Pretrained models in a cache, for tests: as folders of JSON, or tiny ones with random weights that really run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

REVISION = "0123456789abcdef0123456789abcdef01234567"
SENTENCES, PLAIN, BACKBONE = "tiny/sentences", "tiny/plain", "tiny/backbone"
BERT = {
    "architectures": ["BertModel"],
    "model_type": "bert",
    "hidden_size": 384,
    "intermediate_size": 1536,
    "num_hidden_layers": 6,
    "max_position_embeddings": 512,
}
MODULES = [
    {"idx": 0, "path": "", "type": "sentence_transformers.models.Transformer"},
    {"idx": 1, "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
    {"idx": 2, "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"},
]
MEAN = {"word_embedding_dimension": 384, "pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True}
RESNET = {
    "architecture": "resnet18",
    "num_features": 512,
    "pretrained_cfg": {"input_size": [3, 224, 224], "mean": [0.5] * 3, "std": [0.2] * 3, "classifier": "fc"},
}


def snapshot(hub: Path, name: str, revision: str = REVISION, *, main: bool = True) -> Path:
    """An empty snapshot of a repository in a cache of the hub's client."""
    repository = hub / f"models--{name.replace('/', '--')}"
    folder = repository / "snapshots" / revision
    folder.mkdir(parents=True)
    if main:
        (repository / "refs").mkdir(exist_ok=True)
        (repository / "refs" / "main").write_text(revision)
    return folder


def write_json(folder: Path, files: dict[str, Any]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content))
    return folder


def plain_files(folder: Path, **config: Any) -> Path:
    """A language model by its looks; its weights are empty."""
    (folder / "model.safetensors").write_bytes(b"")
    return write_json(folder, {"config.json": BERT | config, "tokenizer.json": {}})


def sentence_files(folder: Path, pooling: dict[str, Any] = MEAN, modules: list[Any] = MODULES, **config: Any) -> Path:
    """A sentence-transformers model by its looks; its weights are empty."""
    plain_files(folder, **config)
    sizes = {"max_seq_length": 128}
    return write_json(
        folder, {"modules.json": modules, "1_Pooling/config.json": pooling, "sentence_bert_config.json": sizes}
    )


def backbone_files(folder: Path, **config: Any) -> Path:
    """A backbone of timm by its looks; its weights are empty."""
    (folder / "model.safetensors").write_bytes(b"")
    return write_json(folder, {"config.json": RESNET | config})


def tiny_sentences(hub: Path, words: list[str], name: str = SENTENCES, *, cls: bool = False) -> Path:
    """A language model of those words with random weights, as sentence-transformers keeps one."""
    folder = tiny_plain(hub, words, name)
    pooling = {"pooling_mode_cls_token": cls, "pooling_mode_mean_tokens": not cls}
    return write_json(folder, {"modules.json": MODULES, "1_Pooling/config.json": pooling})


def tiny_plain(hub: Path, words: list[str], name: str = PLAIN) -> Path:
    """A language model of those words with random weights."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    vocabulary = {word: i for i, word in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *sorted(set(words))])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    ends = [("[CLS]", vocabulary["[CLS]"]), ("[SEP]", vocabulary["[SEP]"])]
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=ends)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="[UNK]", pad_token="[PAD]", cls_token="[CLS]", sep_token="[SEP]"
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        config = BertConfig(
            vocab_size=len(vocabulary),
            hidden_size=24,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=32,
            max_position_embeddings=40,
        )
        model = BertModel(config)
    folder = snapshot(hub, name)
    model.save_pretrained(folder, safe_serialization=True)
    fast.save_pretrained(folder)
    return folder


def tiny_backbone(hub: Path, name: str = BACKBONE) -> Path:
    """A small net of timm with random weights, a classifier of ten classes included."""
    import timm
    import torch
    from safetensors.torch import save_file

    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = timm.create_model("resnet10t", pretrained=False, num_classes=10)
    folder = snapshot(hub, name)
    save_file(model.state_dict(), folder / "model.safetensors")
    told = {"input_size": [3, 48, 40], "mean": [0.5, 0.4, 0.3], "std": [0.2, 0.3, 0.4], "classifier": "fc"}
    return write_json(
        folder, {"config.json": {"architecture": "resnet10t", "num_features": 512, "pretrained_cfg": told}}
    )
