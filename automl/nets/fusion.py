"""One net for images, sounds, texts and the columns beside them: an encoder each, and a head on what they found.

Late fusion, as in AutoGluon's multimodal predictor (arXiv 2404.16233, section 3), but trained from scratch.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from automl.features import Block
from automl.nets.language import WordBag, WordConvolution, WordGRU, WordTransformer
from automl.nets.layers import ParameterGroup
from automl.nets.preprocess import InputSizes
from automl.nets.realmlp import RealMLP, RealMLPConfig
from automl.nets.series import ConvSeries, RecurrentSeries
from automl.nets.sound import ConvSound, RecurrentSound
from automl.nets.vision import ConvImage

_D_HIDDEN = 128
_D_COLUMNS = 64
# Layers in neural tangent parametrisation want 0.04 where others want 2e-3.
_COLUMNS_LR = 20.0


@dataclass(frozen=True, slots=True)
class FusionConfig:
    """What may be varied.

    Attributes:
        image: What reads images: conv.
        audio: What reads sounds: conv or gru.
        words: What reads texts: bag, conv, gru or attention.
        series: What reads windows of earlier rows: gru or conv.
        width: Channels of the first layer of convolutions over images and sounds; units of recurrences; filters of a
            length over words.
        depth: Residual blocks of a stage; recurrent layers over sounds; blocks of a transformer.
        dropout: Probability, of what the encoders found and within the deeper ones.
        d_word: Dimension of vectors of words.
        n_pairs: Rows for pairs of words.
        word_dropout: Share of words left out in training.
        augment: Strength of augmentation of images and sounds, 0 to 1.
        flip: Whether images are mirrored left to right.
    """

    image: str = "conv"
    audio: str = "conv"
    words: str = "bag"
    series: str = "gru"
    width: int = 16
    depth: int = 1
    dropout: float = 0.1
    d_word: int = 64
    n_pairs: int = 2**14
    word_dropout: float = 0.1
    augment: float = 0.5
    flip: bool = False


def _encoder(block: Block, config: FusionConfig) -> Any:
    """The encoder of a block: a module with `d_out`."""
    name = getattr(config, block.kind)
    if block.kind == "words":
        return _text_encoder(name, block, config)
    width, depth, augment = config.width, config.depth, config.augment
    match block.kind, name:
        case "image", "conv":
            return ConvImage(block.shape, width, depth, augment, config.flip)
        case "audio", "conv":
            return ConvSound(block.shape, width, depth, augment)
        case "series", "gru":
            return RecurrentSeries(block.shape, width)
        case "series", "conv":
            return ConvSeries(block.shape, width)
        case "audio", "gru":
            return RecurrentSound(block.shape, width, depth, config.dropout, augment)
    raise ValueError(f"nothing named {name!r} reads a block of kind {block.kind!r}")


def _text_encoder(name: str, block: Block, config: FusionConfig) -> Any:
    n_codes, d, gaps = block.n_codes, config.d_word, config.word_dropout
    match name:
        case "bag":
            return WordBag(n_codes, d, config.n_pairs, gaps)
        case "conv":
            return WordConvolution(n_codes, d, config.width, gaps)
        case "gru":
            return WordGRU(n_codes, d, config.width, gaps, config.dropout)
        case "attention":
            return WordTransformer(n_codes, d, block.shape[0], config.depth, word_dropout=gaps, dropout=config.dropout)
    raise ValueError(f"nothing named {name!r} reads texts")


class Fusion(nn.Module):
    """An encoder for each block, RealMLP for the columns beside, and a head on all they found.

    With one of them the head is one layer; several are normalised each, and the head has a hidden layer. What an
    encoder says of a missing value, a row of zeros, does not count. In evaluation images are seen mirrored too, if they
    were in training: each view is then like a member of an ensemble.

    Shape:
        the blocks in their order, x_num (n_rows, d_num), x_flag (n_rows, d_flag), x_cat (n_rows, d_cat)
            -> (n_rows, d_out), or (n_rows, 2, d_out) of images as they are and mirrored

    Example:
        >>> block = Block(column="photo", kind="image", shape=(8, 8, 3))
        >>> net = Fusion(InputSizes(2, 0, (), (block,)), d_out=3, config=FusionConfig(width=4))
        >>> x = torch.zeros(5, 8, 8, 3, dtype=torch.uint8), torch.randn(5, 2), torch.zeros(5, 0), torch.zeros(5, 0)
        >>> net.fit_initial(*x)
        >>> net(*x).shape
        torch.Size([5, 3])
    """

    def __init__(self, sizes: InputSizes, d_out: int, config: FusionConfig) -> None:
        super().__init__()
        self.encoders = nn.ModuleList(_encoder(block, config) for block in sizes.blocks)
        self.flipped = [config.flip and block.kind == "image" for block in sizes.blocks]
        beside = RealMLPConfig(width=_D_COLUMNS, depth=2, dropout=config.dropout)
        self.columns = RealMLP(sizes, _D_COLUMNS, beside) if sizes.has_columns else None
        widths: list[int] = [encoder.d_out for encoder in self.encoders]  # type: ignore[misc]
        widths += [_D_COLUMNS] * sizes.has_columns
        several = len(widths) > 1
        self.norms = nn.ModuleList(nn.LayerNorm(width) if several else nn.Identity() for width in widths)
        for i, encoder in enumerate(self.encoders):
            if isinstance(encoder, WordBag):
                # the mean vector of a bag stays as it is: made larger, it learns rare words by heart in an epoch
                self.norms[i] = nn.Identity()
        self.dropout = nn.Dropout(config.dropout)
        d = sum(widths)
        self.hidden = nn.Sequential(nn.Linear(d, _D_HIDDEN), nn.GELU()) if several else nn.Identity()
        self.head = nn.Linear(_D_HIDDEN if several else d, d_out)

    def forward(self, *inputs: Tensor) -> Tensor:
        """Logits, or the standardised value."""
        if self.training or not any(self.flipped):
            return self._see(inputs)
        mirrored = [x.flip(2) if flipped else x for x, flipped in zip(inputs, self.flipped, strict=False)]
        return torch.stack([self._see(inputs), self._see((*mirrored, *inputs[len(mirrored) :]))], dim=1)

    def _see(self, inputs: tuple[Tensor, ...]) -> Tensor:
        n_blocks = len(self.encoders)
        parts = []
        for encoder, norm, x in zip(self.encoders, self.norms, inputs, strict=False):
            there = (x != 0).flatten(1).any(dim=1, keepdim=True)
            parts.append(norm(encoder(x)) * there)
        if self.columns is not None:
            parts.append(self.norms[-1](self.columns(*inputs[n_blocks:])))
        found = self.hidden(self.dropout(torch.cat(parts, dim=1)))
        out: Tensor = self.head(found)
        return out

    def fit_initial(self, *inputs: Tensor) -> None:
        """Learn the scale of pixels and frames, and initialise what reads the columns beside."""
        for encoder, x in zip(self.encoders, inputs, strict=False):
            if isinstance(encoder, (ConvImage, ConvSound, RecurrentSound, RecurrentSeries, ConvSeries)):
                encoder.fit_initial(x)
        if self.columns is not None:
            self.columns.fit_initial(*inputs[len(self.encoders) :])

    def parameter_groups(self) -> list[ParameterGroup]:
        """Weight decay on weights, and not on biases, scales and places; columns learn as RealMLP does."""
        own = [(name, p) for name, p in self.named_parameters() if not name.startswith("columns.")]
        return [*_by_decay(own), *(self._of_columns() if self.columns is not None else ())]

    def _of_columns(self) -> Iterator[ParameterGroup]:
        assert self.columns is not None
        for group in self.columns.parameter_groups():
            yield ParameterGroup(group.parameters, _COLUMNS_LR * group.lr, group.decay)


def _by_decay(named: list[tuple[str, nn.Parameter]]) -> Iterator[ParameterGroup]:
    for decay in (True, False):
        group = [p for name, p in named if (p.ndim > 1 and not name.endswith("place")) == decay]
        if group:
            yield ParameterGroup(group, decay=float(decay))
