"""What is trained in one run: the net, the shapes of its batches and the learning rates."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from automl.nets.incontext import Kind
from automl.nets.incontext_sizes import InContextConfig
from automl.nets.weight_files import TableLimits
from pretraining.prior import CLASS_SHARE, TaskShape

_CONTEXT_SHARES = (0.5, 0.6, 0.7, 0.8, 0.9)
_ALIGNED = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """A net and its batches. All tables of a batch have one shape, and all batches about as many cells.

    Attributes:
        net: Sizes of the net.
        rows: Rows of a table, labelled and others together; each as likely.
        columns: Columns of a table, each as likely.
        cells: Cells of a batch, with the tokens that sum up its rows.
        most_tasks: Tables of a batch, at most.
        lr: Highest learning rate.
        decay: Weight decay.
        log_steps: Steps between two lines of the log.
        limits: Of the tables that weights so trained are good for.
    """

    net: InContextConfig = field(default_factory=InContextConfig)
    rows: tuple[int, ...]
    columns: tuple[int, ...]
    cells: int
    most_tasks: int = 512
    lr: float = 2e-3
    decay: float = 0.01
    log_steps: int = 50
    limits: TableLimits

    def task_shape(self, seed: int, step: int, class_share: float = CLASS_SHARE) -> TaskShape:
        """The shape of the batch of a step: the same for the same seed."""
        dice = random.Random(f"{seed}/{step}")  # noqa: S311 - no secret
        kind: Kind = "classes" if dice.random() < class_share else "values"
        n_rows, d = dice.choice(self.rows), dice.choice(self.columns)
        n_context = round(n_rows * dice.choice(_CONTEXT_SHARES) / _ALIGNED) * _ALIGNED
        n_tasks = self.cells // (n_rows * (d + self.net.n_summaries)) // _ALIGNED * _ALIGNED
        return TaskShape(kind, max(_ALIGNED, min(self.most_tasks, n_tasks)), n_rows, n_context, d)


# Batches of a million cells: of each a backward pass keeps 50 to 60 KiB in float32, so some 30 GB in bf16; products are
# large enough to keep an H100 busy.
_FULL = Size(
    rows=(128, 256, 512, 1024, 2048),
    columns=(2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64),
    cells=2**20,
    limits=TableLimits(n_context=4_096, n_rows=20_000, n_columns=100, n_classes=64),
)
SIZES = {
    "full": _FULL,
    # the second stage: longer tables at a tenth of the rate
    "long": Size(
        rows=(2048, 4096, 8192),
        columns=(4, 8),
        cells=2**20,
        lr=_FULL.lr / 10,
        limits=TableLimits(n_context=10_000, n_rows=50_000, n_columns=100, n_classes=64),
    ),
    "toy": Size(
        net=InContextConfig(
            d_cell=32,
            d_row=64,
            n_summaries=2,
            n_points=8,
            n_cell_blocks=2,
            n_row_blocks=3,
            n_heads=4,
            n_kv_heads=2,
            n_codes=16,
            n_support=32,
        ),
        rows=(96, 128),
        columns=(3, 4, 6),
        cells=2**13,
        lr=1e-2,
        log_steps=20,
        limits=TableLimits(n_context=1_024, n_rows=6_000, n_columns=20, n_classes=16),
    ),
}
