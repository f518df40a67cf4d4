"""Models that ship of texts, images and sounds: a text counts its words, a picture its bright pixels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from shipped_fakes import FakeMember, family_with, gain, task_of

from automl.explainers.subject import ExplainRequest
from automl.features import Block, Features, Layout
from automl.profile import ColumnProfile, Profile, Shape
from automl.table import Table
from automl.task import Task

WORDS = {"good": 2.0, "bad": -2.0, "not": -0.5, "😀": 1.0}
SHAPES = {"image": (14, 14, 3), "audio": (16, 8)}


def score_of(text: str) -> float:
    """Sum over the words, in any case and with any punctuation; an excited text counts double."""
    words = [word.strip(".,!?'").lower() for word in text.split()]
    return sum(WORDS.get(word, 0.0) for word in words) * (2 if "!" in text else 1)


@dataclass
class FakeMedia:
    """One number of each column: of a text its score, of a picture the mean of `weights` over it, else the number.

    `asked` counts the rows of every call, `decoded` the files read.
    """

    kinds: Mapping[str, str]
    task: Task = field(default_factory=lambda: task_of("regression"))
    pictures: Mapping[str, np.ndarray] = field(default_factory=dict)
    weights: np.ndarray | float = 1.0
    function: Callable[[np.ndarray], np.ndarray] | None = None
    asked: list[int] = field(default_factory=list)
    decoded: int = 0
    members: tuple[FakeMember, ...] = field(default_factory=lambda: (FakeMember(1.0, family_with("neural"), None),))

    @property
    def layout(self) -> Layout:
        blocks = [
            Block(column=name, kind="words" if kind == "text" else kind, shape=SHAPES.get(kind, (1,)))
            for name, kind in self.kinds.items()
            if kind != "number"
        ]
        names = tuple(self.kinds)
        return Layout(columns=names, num_names=names, num_sources=tuple(range(len(names))), blocks=tuple(blocks))

    def encode(self, table: Table) -> Features:
        return self._encode(table, {})

    def encode_decoded(self, table: Table, column: str, values: np.ndarray) -> Features:
        return self._encode(table, {column: values})

    def decode(self, table: Table, column: str) -> np.ndarray:
        texts = table.column(column).as_text().to_list()
        self.decoded += sum(text is not None for text in texts)
        empty = np.zeros(SHAPES[self.kinds[column]], dtype=np.uint8 if self.kinds[column] == "image" else np.float16)
        return np.stack([empty if text is None else self.pictures[text] for text in texts] or [empty])[: len(texts)]

    def _encode(self, table: Table, known: Mapping[str, np.ndarray]) -> Features:
        x_num = np.zeros((table.n_rows, len(self.kinds)), dtype=np.float32)
        blocks: list[Any] = []
        for i, (name, kind) in enumerate(self.kinds.items()):
            column = table.column(name)
            if kind == "number":
                x_num[:, i] = column.numbers()
            elif kind == "text":
                x_num[:, i] = [score_of(text or "") for text in column.as_text().to_list()]
                blocks.append(np.zeros((table.n_rows, 1), dtype=np.int32))
            else:
                values = known[name] if name in known else self.decode(table, name)
                flat = values.astype(np.float64) * np.asarray(self.weights)
                x_num[:, i] = flat.reshape(len(values), -1).mean(axis=1)
                blocks.append(values)
        return Features(x_num, np.zeros((table.n_rows, 0), dtype=np.int32), self.layout, tuple(blocks))

    def predict(self, x: Features) -> np.ndarray:
        self.asked.append(x.n_rows)
        score = x.x_num.astype(np.float64).sum(axis=1)
        if self.function is not None:
            return self.function(score)
        if not self.task.is_classification:
            return score
        others = [np.zeros(len(score))] * (len(self.task.classes) - 1)
        power = np.exp(np.stack([*others, score], axis=1))
        return power / power.sum(axis=1, keepdims=True)


def profile_of(kinds: Mapping[str, str], **changed: Any) -> Profile:
    columns = tuple(
        ColumnProfile(name=name, kind=kind, confidence=1.0, evidence="", storage="string", **changed)
        for name, kind in kinds.items()
    )
    return Profile(
        source="t",
        n_rows=9,
        n_rows_profiled=9,
        memory_bytes=1,
        modality="mixed",
        columns=columns,
        shape=Shape(n_rows=9, d_num=1, d_cat=0, n_levels=0, n_outputs=1),
    )


def media_request(shipped: FakeMedia, columns: Mapping[str, Any], **changed: Any) -> ExplainRequest:
    table = Table.from_columns(columns)
    settings = {
        "background": table,
        "rows": table,
        "y": None,
        "score": gain,
        "metric": "gain",
        "chosen": (0,),
        "seconds": 60.0,
        "profile": profile_of(shipped.kinds),
    }
    return ExplainRequest(**{**settings, **changed})
