"""Sizes of the in-context net, and what it costs to use it; no torch here, for costs are told before it is loaded."""

from __future__ import annotations

from dataclasses import dataclass

# Numbers a cell is described by, and in the vector that tells a column apart.
D_CELL_INPUT, D_COLUMN_ID = 29, 16


@dataclass(frozen=True, slots=True)
class InContextConfig:
    """Sizes of the net.

    Attributes:
        d_cell, d_row: Width of a cell and of a row.
        n_summaries: Tokens that sum up a row.
        n_points: Induced points of a column.
        n_cell_blocks, n_row_blocks: Depth of reading cells, and of reading rows in context.
        n_heads, n_kv_heads: Of rows; cells have as many heads of the same width as fit.
        n_codes: Labels that can be told apart in one table.
        n_support: Points at which the density of a regression target is told.
    """

    d_cell: int = 128
    d_row: int = 256
    n_summaries: int = 4
    n_points: int = 32
    n_cell_blocks: int = 3
    n_row_blocks: int = 6
    n_heads: int = 8
    n_kv_heads: int = 4
    n_codes: int = 64
    n_support: int = 128

    @property
    def n_cell_heads(self) -> int:
        """Heads over cells."""
        return max(1, self.d_cell * self.n_heads // self.d_row)

    @property
    def n_shared(self) -> int:
        """Width of the keys, and of the values, of a row."""
        return self.d_row * self.n_kv_heads // self.n_heads


def reading_products(net: InContextConfig, n_context: int, d: int) -> float:
    """Multiply-adds that only the labelled rows of a table of d columns take: what is kept of them."""
    width, cell, row = d + net.n_summaries, net.d_cell, net.d_row
    source = n_context * (row * cell + width * 2 * cell**2)
    points = width * net.n_points * (4 * cell**2 + 2 * n_context * cell)
    return net.n_cell_blocks * (source + points) + net.n_row_blocks * n_context * 2 * row * net.n_shared


def answering_products(net: InContextConfig, n_rows: int, n_context: int, d: int) -> float:
    """Multiply-adds that each row takes, labelled or not, with a context of so many rows."""
    width, cell, row = d + net.n_summaries, net.d_cell, net.d_row
    products = d * (D_CELL_INPUT * cell + cell**2) + net.n_summaries * cell * row
    for block in range(net.n_cell_blocks):
        wanted = net.n_summaries if block == net.n_cell_blocks - 1 else width
        products += width * (8 * cell**2 + 2 * net.n_points * cell) + wanted * (6 * cell**2 + 2 * width * cell)
    products += net.n_row_blocks * (6 * row**2 + 2 * n_context * row)
    return n_rows * products
