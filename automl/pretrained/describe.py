"""A folder of a pretrained model, described by its JSON files and the size of its weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec

from automl.pretrained.cached import WEIGHTS, CachedEncoder, Pooling

# Encoders that read a text in both directions, so that the mean over its word pieces is one of the text.
_TEXT_MODELS = frozenset(
    ("albert", "bert", "camembert", "deberta", "deberta-v2", "distilbert", "electra", "modernbert", "mpnet", "roberta")
) | {"xlm-roberta"}
_PLAIN_HEADS = ("Model", "ForMaskedLM", "ForPreTraining")
_USUAL_LONGEST = 512
_TOKENIZER = "tokenizer.json"
_TOLD = ("tokenizer_config.json", "special_tokens_map.json", "sentence_bert_config.json", "modules.json")
# Multiplications a weight and image of 224 x 224: about 160 in a ResNet-50, 200 in a ViT of patches of 16 pixels, less
# in nets made for phones.
_USES_OF_A_WEIGHT, _USUAL_SIDE = 200.0, 224


def describe(folder: Path, name: str, revision: str) -> CachedEncoder | None:
    """The encoder of texts or images in a folder; None where there is none of a kind that is known.

    A cache holds what others wrote: a model whose JSON is not of the form expected is none of a known kind.
    """
    config = _json(folder / "config.json")
    if not isinstance(config, dict):
        return None
    try:
        return _described(folder, name, revision, config)
    except (AttributeError, TypeError, ValueError):
        return None


def _described(folder: Path, name: str, revision: str, config: dict[str, Any]) -> CachedEncoder | None:
    if "architecture" in config and "pretrained_cfg" in config:
        return _image_encoder(folder, name, revision, config)
    modules = _json(folder / "modules.json")
    if config.get("model_type") not in _TEXT_MODELS:
        return None
    if isinstance(modules, list):
        return _sentence_encoder(folder, name, revision, config, modules)
    if not str(next(iter(config.get("architectures") or []), "")).endswith(_PLAIN_HEADS):
        return None
    return _text_encoder(folder, name, revision, config)


def _text_encoder(folder: Path, name: str, revision: str, config: dict[str, Any]) -> CachedEncoder:
    """A language model without a head: the mean over its last vectors."""
    d = int(config.get("hidden_size") or config.get("dim") or 0)
    inner = int(config.get("intermediate_size") or config.get("hidden_dim") or 4 * d)
    depth = int(config.get("num_hidden_layers") or config.get("n_layers") or 0)
    told = _json(folder / "tokenizer_config.json")
    limits = [config.get("max_position_embeddings"), (told or {}).get("model_max_length")]
    known = [int(limit) for limit in limits if isinstance(limit, (int, float)) and 0 < limit <= 1e6]
    problem = _code_in(config, told) or _weights_problem(folder)
    if not (folder / _TOKENIZER).is_file():
        problem = problem or f"it has no {_TOKENIZER}"
    if not d or not depth:
        problem = problem or "its config.json does not tell its size"
    return CachedEncoder(
        reads="text",
        library="transformers",
        name=name,
        revision=revision,
        folder=str(folder),
        files=("config.json", WEIGHTS, _TOKENIZER, *(f for f in _TOLD if (folder / f).is_file())),
        n_dims=d,
        n_bytes=_size(folder),
        work=float(depth * (4 * d * d + 2 * d * inner)),
        # two positions are kept free, as RoBERTa counts them from 2
        longest=min([_USUAL_LONGEST, *known]) - (2 if config.get("model_type") in ("roberta", "xlm-roberta") else 0),
        problem=problem,
    )


def _sentence_encoder(
    folder: Path, name: str, revision: str, config: dict[str, Any], modules: list[Any]
) -> CachedEncoder:
    """A sentence-transformers model: a language model, and how its vectors become one of the text."""
    plain = _text_encoder(folder, name, revision, config)
    kinds = {str(m.get("type", "")).rpartition(".")[2]: str(m.get("path", "")) for m in modules if isinstance(m, dict)}
    told = _json(folder / "sentence_bert_config.json")
    longest = told.get("max_seq_length") if isinstance(told, dict) else None
    problem = plain.problem
    odd = sorted(set(kinds) - {"Transformer", "Pooling", "Normalize"})
    where = f"{kinds.get('Pooling') or '1_Pooling'}/config.json"
    pooling = _pooling(_json(folder / where))
    if odd or kinds.get("Transformer"):
        problem = problem or f"it has a part that is not applied here: {', '.join(odd) or 'a model in a subfolder'}"
    if pooling is None:
        problem = problem or f"{where} asks for neither the mean nor the first vector"
    return msgspec.structs.replace(
        plain,
        library="sentence-transformers",
        files=(*plain.files, where),
        longest=min(plain.longest, int(longest)) if isinstance(longest, int) and longest > 0 else plain.longest,
        pooling=pooling or "mean",
        problem=problem,
    )


def _pooling(config: Any) -> Pooling | None:
    """The one way of pooling that is asked for; None if it is another one, or several."""
    if not isinstance(config, dict):
        return None
    if isinstance(named := config.get("pooling_mode"), str):
        return named if named in ("mean", "cls") else None  # type: ignore[return-value]  # one of the two
    on = [key for key, value in config.items() if key.startswith("pooling_mode_") and value is True]
    modes: dict[str, Pooling] = {"pooling_mode_mean_tokens": "mean", "pooling_mode_cls_token": "cls"}
    return modes.get(on[0]) if len(on) == 1 else None


def _image_encoder(folder: Path, name: str, revision: str, config: dict[str, Any]) -> CachedEncoder:
    """A backbone of timm."""
    told = config["pretrained_cfg"]
    size = told.get("input_size") if isinstance(told, dict) else None
    problem = _code_in(config) or _weights_problem(folder)
    if not (isinstance(size, list) and len(size) == 3 and size[0] == 3):
        problem, size = problem or "its config.json does not tell the size of colour images", [3, 0, 0]
    n_bytes, (_, height, width) = _size(folder), size
    return CachedEncoder(
        reads="image",
        library="timm",
        name=name,
        revision=revision,
        folder=str(folder),
        files=("config.json", WEIGHTS),
        n_dims=int(config.get("num_features") or 0),
        n_bytes=n_bytes,
        work=n_bytes / 4 * _USES_OF_A_WEIGHT * height * width / _USUAL_SIDE**2,
        height=int(height),
        width=int(width),
        problem=problem,
    )


def _code_in(*configs: Any) -> str:
    """Said of a repository that wants code of its own to be run."""
    asks = any(isinstance(config, dict) and config.get("auto_map") for config in configs)
    return "it wants code of its own to be run (auto_map)" if asks else ""


def _weights_problem(folder: Path) -> str:
    """Why there are no weights that can be read without running anything; empty where there are."""
    if (folder / WEIGHTS).is_file():
        return ""
    others = [*folder.glob("*.bin"), *folder.glob("*.pt"), *folder.glob("*.pth"), *folder.glob("*.index.json")]
    found = f"only {min(path.name for path in others)}" if others else "no weights"
    return f"it has {found}, not {WEIGHTS}"


def _size(folder: Path) -> int:
    path = folder / WEIGHTS
    return path.stat().st_size if path.is_file() else 0


def _json(path: Path) -> Any:
    """The content of a JSON file; None where there is none that can be read."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
