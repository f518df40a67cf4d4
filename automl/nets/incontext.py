"""A net that reads a whole table in context: it sees labelled rows, and answers for others without any training.

Columns are read by induced points, rows by attention over their cells into a few summary tokens, and the summaries of
the rows by blocks in which rows attend to the labelled ones only. The line of TabICL (arXiv 2502.05564, 2602.11139);
departures: reading columns and reading rows take turns, so that induced points see what columns are together; the label
enters the columns as what induced points read, so that a row is embedded alike with and without one; summary tokens are
columns too; columns are told apart by random vectors, drawn anew for each view, instead of by their place.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from automl.nets.attention import Attention, AttentionBlock, FeedForward, Memory, Vote
from automl.nets.incontext_sizes import D_CELL_INPUT, D_COLUMN_ID, InContextConfig

# Of a vote, what goes by the shares of labels whatever the rows say: a probability is never 0 for a label there is.
_UNDECIDED = 1e-3
# Half-width of the support of a regression, in deviations of the target.
_REACH, _BEND = 8.0, 3.0

# Points that a value votes for at first: a deviation is so small a part of the support.
_SUPPORT_WIDTHS, _LEAST_DENSITY = 24, 1e-6
_FIRST_STEP = 0.5

Kind = Literal["classes", "values"]


class TableMemory(NamedTuple):
    """What is kept of the labelled rows of a table: enough to answer for any row.

    Attributes:
        columns: Of each cell block, what cells read of the induced points of their column.
        rows: Of each row block.
        votes: Keys of labelled rows and what they vote for: their code, or points of the support around their value.
    """

    kind: Kind

    columns: tuple[Memory, ...]
    rows: tuple[Memory, ...]
    votes: Memory


class CellBlock(nn.Module):
    """Cells read their column, by way of induced points over the labelled rows, then the other cells of their row.

    Shape:
        (n_tasks, n_rows, d, d_cell) -> the same, or its first `n_summaries` columns after the last block.
    """

    def __init__(self, config: InContextConfig) -> None:
        super().__init__()
        d_cell, n_heads = config.d_cell, config.n_cell_heads
        self.points = nn.Parameter(torch.randn(config.n_points, d_cell))
        self.label = nn.Linear(config.d_row, d_cell, bias=False)
        self.norm = nn.LayerNorm(d_cell, bias=False)
        self.induce = Attention(d_cell, n_heads)
        self.down = AttentionBlock(d_cell, n_heads)
        self.across = AttentionBlock(d_cell, n_heads)

    def read(self, cells: Tensor, labels: Tensor) -> Memory:
        """What the labelled rows say of each column, (n_tasks * d, heads, n_points, d_head).

        Args:
            cells: (n_tasks, n_context, d, d_cell).
            labels: (n_tasks, n_context, d_row) embedded.
        """
        source = (cells + self.label(labels)[:, :, None]).transpose(1, 2).flatten(0, 1)
        points = self.points.expand(len(source), -1, -1).to(source.dtype)
        return self.down.read(points + self.induce(points, self.induce.read(self.norm(source))))

    def forward(self, cells: Tensor, memory: Memory, n_wanted: int | None = None) -> Tensor:
        """Cells after reading their columns and rows; only the first `n_wanted` of each row if told."""
        n_tasks, n_rows, d, _ = cells.shape
        columns = self.down(cells.transpose(1, 2).flatten(0, 1), memory)
        rows = columns.reshape(n_tasks, d, n_rows, -1).transpose(1, 2).flatten(0, 1)
        read: Tensor = self.across(rows[:, :n_wanted], self.across.read(rows))
        return read.reshape(n_tasks, n_rows, *read.shape[1:])


class InContextNet(nn.Module):
    """From labelled rows and rows without a label to what is said of the latter.

    Labels of classes are codes in [0, n_codes), to be drawn at random: no code means anything, and any classes of a
    table can have any codes. Values are standardised by the labelled rows.

    Shape:
        context (n_tasks, n_context, d, d_in), y (n_tasks, n_context), query (n_tasks, n_query, d, d_in), ids (n_tasks,
        d, d_id), with d_in = D_CELL_INPUT and d_id = D_COLUMN_ID -> (n_tasks, n_query, n_codes) probabilities, or
        (n_tasks, n_query, n_support) logits of the density at `support`.

    Example:
        >>> net = InContextNet(InContextConfig(d_cell=16, d_row=32, n_heads=4, n_kv_heads=2, n_codes=8))
        >>> table, ids = torch.randn(2, 9, 3, D_CELL_INPUT), torch.randn(2, 3, D_COLUMN_ID)
        >>> net("classes", table[:, :6], torch.randint(0, 8, (2, 6)), table[:, 6:], ids).shape
        torch.Size([2, 3, 8])
    """

    support: Tensor

    def __init__(self, config: InContextConfig) -> None:
        super().__init__()
        d_cell, d_row = config.d_cell, config.d_row
        self.config = config
        norm = nn.LayerNorm(d_cell, bias=False)
        self.cell = nn.Sequential(nn.Linear(D_CELL_INPUT, d_cell), nn.GELU(), nn.Linear(d_cell, d_cell), norm)
        self.column_id = nn.Linear(D_COLUMN_ID, d_cell, bias=False)
        self.summaries = nn.Parameter(torch.randn(config.n_summaries, d_cell))
        self.class_label = nn.Parameter(torch.randn(config.n_codes, d_row))
        self.value_label = nn.Sequential(nn.Linear(config.n_support, d_row), nn.GELU(), nn.Linear(d_row, d_row))
        self.unlabelled = nn.Parameter(torch.zeros(d_row))
        self.cell_blocks = nn.ModuleList(CellBlock(config) for _ in range(config.n_cell_blocks))
        self.gather = nn.Sequential(nn.Linear(config.n_summaries * d_cell, d_row), nn.LayerNorm(d_row, bias=False))
        self.row_blocks = nn.ModuleList(
            AttentionBlock(d_row, config.n_heads, config.n_kv_heads) for _ in range(config.n_row_blocks)
        )
        self.norm = nn.LayerNorm(d_row, bias=False)
        self.vote = Vote(d_row, config.n_heads)
        places = torch.arange(config.n_support)
        width = config.n_support / _SUPPORT_WIDTHS
        self.kernel = nn.Parameter(-0.5 * ((places[:, None] - places) / width).square())
        self.hidden = nn.Linear(d_row, 2 * d_row)
        self.correction = nn.Linear(2 * d_row, 1 + config.n_support)
        bent = torch.linspace(-_BEND, _BEND, config.n_support)
        self.register_buffer("support", _REACH * bent.sinh() / torch.tensor(_BEND).sinh(), persistent=False)

    def forward(self, kind: Kind, context: Tensor, y: Tensor, query: Tensor, ids: Tensor) -> Tensor:
        """What is said of the query rows."""
        return self.answer(query, self.read(kind, context, y, ids), ids)

    def read(self, kind: Kind, context: Tensor, y: Tensor, ids: Tensor) -> TableMemory:
        """The labelled half, which is the same whatever is asked."""
        labels = self.class_label[y] if kind == "classes" else self.value_label(self.spread(y))
        cells, columns, rows = self._cells(context, ids), [], []
        for block in self.cell_blocks:
            columns.append(block.read(cells, labels))  # type: ignore[operator]
            cells = block(cells, columns[-1], self._wanted(block))
        x = self.gather(cells.flatten(2)) + labels
        for block in self.row_blocks:
            rows.append(block.read(x))  # type: ignore[operator]
            x = block(x, rows[-1])
        if kind == "classes":
            wanted = functional.one_hot(y, self.config.n_codes)
        else:
            wanted = self.spread(y) @ self.kernel.softmax(dim=1)
        return TableMemory(kind, tuple(columns), tuple(rows), self.vote.read(self.norm(x), wanted))

    def answer(self, query: Tensor, memory: TableMemory, ids: Tensor) -> Tensor:
        """What is said of rows without a label, each by itself."""
        cells = self._cells(query, ids)
        for block, column in zip(self.cell_blocks, memory.columns, strict=True):
            cells = block(cells, column, self._wanted(block))
        x = self.gather(cells.flatten(2)) + self.unlabelled
        for block, rows in zip(self.row_blocks, memory.rows, strict=True):
            x = block(x, rows)
        x = self.norm(x)
        votes, shares = self.vote(x, memory.votes), memory.votes.value[:, :1].mean(dim=2).float()
        told = torch.lerp(votes, shares, _UNDECIDED)
        if memory.kind == "classes":
            return told
        trust, shift = self.correction(functional.gelu(self.hidden(x))).split([1, self.config.n_support], dim=2)
        logits: Tensor = (1 + trust) * (told + _LEAST_DENSITY).log() + shift
        return logits

    def spread(self, y: Tensor) -> Tensor:
        """Each value as shares of the two support points beside it, (..., n_support); their mean is the value."""
        y = torch.minimum(torch.maximum(y, self.support[0]), self.support[-1])
        above = torch.searchsorted(self.support, y.contiguous()).clamp(1, len(self.support) - 1)
        low, high = self.support[above - 1], self.support[above]
        share = ((y - low) / (high - low))[..., None]
        lower, upper = (functional.one_hot(at, len(self.support)) for at in (above - 1, above))
        return (1 - share) * lower + share * upper

    def _cells(self, inputs: Tensor, ids: Tensor) -> Tensor:
        """(n_tasks, n_rows, n_summaries + d, d_cell): the summary tokens, then the embedded cells."""
        cells = self.cell(inputs) + self.column_id(ids)[:, None]
        summaries = self.summaries.expand(*cells.shape[:2], -1, -1).to(cells.dtype)
        return torch.cat([summaries, cells], dim=2)

    def _wanted(self, block: nn.Module) -> int | None:
        return self.config.n_summaries if block is self.cell_blocks[-1] else None


def new_net(config: InContextConfig) -> InContextNet:
    """A net to be trained: its first weights are drawn from torch's generator."""
    net = InContextNet(config)
    net.apply(_initialise)
    nn.init.zeros_(net.correction.weight)
    return net


def opened_net(config: InContextConfig, weights: dict[str, Tensor]) -> InContextNet:
    """A net with these weights, as float32, to answer with."""
    net = InContextNet(config)
    net.load_state_dict({name: tensor.float() for name, tensor in weights.items()})
    return net.eval().requires_grad_(False)


def _initialise(module: nn.Module) -> None:
    """Orthogonal matrices, so that logits of attention begin at order one; what adds to the stream begins small."""
    if isinstance(module, nn.Linear):
        nn.init.orthogonal_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    if isinstance(module, Attention):
        module.out.weight.data.mul_(_FIRST_STEP)
    if isinstance(module, Vote):
        module.key.weight.data.copy_(module.query.weight)
    if isinstance(module, FeedForward):
        module.down.weight.data.mul_(_FIRST_STEP)
