from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from automl.features import Block
from automl.nets.fusion import Fusion, FusionConfig
from automl.nets.geometry import frames_together, n_stages, strides
from automl.nets.language import WordBag, WordConvolution, WordDropout, WordGRU, WordTransformer, pair_codes
from automl.nets.objective import Objective
from automl.nets.preprocess import InputSizes
from automl.nets.sequences import AttentionPooling, BidirectionalGRU, lengths_of, masked_mean
from automl.nets.sound import RandomDelay, Spectrogram
from automl.nets.vision import RandomCrop, RandomErasing, RandomLight, Standardise

CLASSES = Objective(n_classes=2)
N_CODES, N_WORDS = 20, 8
IMAGE = Block(column="photo", kind="image", shape=(12, 12, 3))
SOUND = Block(column="noise", kind="audio", shape=(24, 16))
WORDS = Block(column="text", kind="words", shape=(N_WORDS,), n_codes=N_CODES)
QUIET = {"width": 8, "dropout": 0.0, "word_dropout": 0.0, "augment": 0.0, "d_word": 16, "n_pairs": 64}
READERS = [
    pytest.param(IMAGE, {"image": "conv"}, id="image-conv"),
    pytest.param(SOUND, {"audio": "conv"}, id="audio-conv"),
    pytest.param(SOUND, {"audio": "gru"}, id="audio-gru"),
    pytest.param(WORDS, {"words": "bag"}, id="words-bag"),
    pytest.param(WORDS, {"words": "conv"}, id="words-conv"),
    pytest.param(WORDS, {"words": "gru"}, id="words-gru"),
    pytest.param(WORDS, {"words": "attention"}, id="words-attention"),
]
EACH = pytest.mark.parametrize(("block", "reader"), READERS)
LANGUAGE = pytest.mark.parametrize(
    "encoder",
    [
        lambda: WordBag(N_CODES, 8, n_pairs=32),
        lambda: WordConvolution(N_CODES, 8, width=6),
        lambda: WordGRU(N_CODES, 8, width=6),
        lambda: WordTransformer(N_CODES, 8, n_words=30, n_heads=2),
    ],
    ids=["bag", "conv", "gru", "attention"],
)


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def nothing(n: int) -> tuple[Tensor, Tensor, Tensor]:
    return torch.zeros(n, 0), torch.zeros(n, 0), torch.zeros(n, 0, dtype=torch.int64)


def rows_of(block: Block, n: int) -> Tensor:
    """Any rows, none of them missing; texts end early."""
    if block.kind == "image":
        return torch.randint(1, 256, (n, *block.shape), dtype=torch.uint8)
    if block.kind == "audio":
        return (1 + torch.rand(n, *block.shape)).half()
    codes = torch.randint(1, N_CODES, (n, N_WORDS), dtype=torch.int32)
    return codes * (torch.arange(N_WORDS) < torch.randint(3, N_WORDS + 1, (n, 1)))


def telling(block: Block, y: Tensor) -> Tensor:
    """Rows of two classes: a bright left or right half, bands that rise or fall, the order of two words."""
    x = rows_of(block, len(y))
    for row, label in zip(x, y.tolist(), strict=True):
        if block.kind == "image":
            row[:, slice(0, 6) if label else slice(6, 12)] = 255
        elif block.kind == "audio":
            frames = torch.arange(24)
            band = frames * 15 // 23
            row[frames, band if label else 15 - band] += 5
        else:
            row[:3] = torch.tensor([3, 4, 5] if label else [4, 3, 5])
            row[3:] = 0
    return x


def single(block: Block, reader: dict, d_out: int = 2, **params) -> Fusion:
    return Fusion(InputSizes(0, 0, (), (block,)), d_out, FusionConfig(**(QUIET | reader | params)))


@EACH
def test_a_reader_overfits_what_only_place_or_order_tells(block: Block, reader: dict):
    y = torch.arange(24) % 2
    x = telling(block, y)
    net = single(block, reader)
    net.fit_initial(x, *nothing(24))
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    for _ in range(80):
        optimizer.zero_grad()
        loss = CLASSES.loss(net(x, *nothing(24)), y, None)
        loss.backward()
        optimizer.step()
    assert loss < 0.05
    net.eval()
    assert (net(x, *nothing(24)).argmax(dim=1) == y).all()


@EACH
def test_every_parameter_of_a_reader_gets_a_gradient_and_belongs_to_one_group(block: Block, reader: dict):
    net = single(block, reader, depth=2)
    x = rows_of(block, 48)
    net.fit_initial(x, *nothing(48))
    CLASSES.loss(net(x, *nothing(48)), torch.arange(48) % 2, None).backward()
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().sum() > 0, name
    grouped = [id(p) for group in net.parameter_groups() for p in group.parameters]
    assert sorted(grouped) == sorted(id(p) for p in net.parameters())


@EACH
def test_rows_of_a_reader_do_not_see_each_other(block: Block, reader: dict):
    net = single(block, reader).eval()
    x = rows_of(block, 20)
    net.fit_initial(x, *nothing(20))
    torch.testing.assert_close(net(x[7:8], *nothing(1)), net(x, *nothing(20))[7:8], atol=1e-5, rtol=1e-4)


@EACH
def test_chance_is_for_training_only(block: Block, reader: dict):
    net = single(block, reader, dropout=0.3, word_dropout=0.3, augment=1.0)
    x = rows_of(block, 16)
    net.fit_initial(x, *nothing(16))
    assert not torch.equal(net(x, *nothing(16)), net(x, *nothing(16)))
    net.eval()
    torch.testing.assert_close(net(x, *nothing(16)), net(x, *nothing(16)), atol=0, rtol=0)


@EACH
def test_missing_values_are_all_alike_and_leave_gradients_finite(block: Block, reader: dict):
    net = single(block, reader)
    x = rows_of(block, 12)
    x[:6] = 0
    net.fit_initial(x, *nothing(12))
    out = net(x, *nothing(12))
    CLASSES.loss(out, torch.arange(12) % 2, None).backward()
    assert all(p.grad.isfinite().all() for p in net.parameters())
    torch.testing.assert_close(out[:6], net.head.bias.expand(6, -1))
    none = single(block, reader).eval()
    none.fit_initial(0 * x, *nothing(12))
    assert none(0 * x, *nothing(12)).isfinite().all()


@EACH
def test_a_reader_keeps_to_its_device_and_computes_in_half_precision(block: Block, reader: dict):
    net = single(block, reader, word_dropout=0.2, augment=1.0, depth=2)
    x = rows_of(block, 8)
    net.fit_initial(x, *nothing(8))
    with torch.autocast("cpu", torch.bfloat16):
        net(x, *nothing(8)).float().sum().backward()
    assert all(p.grad.isfinite().all() for p in net.parameters())
    # tensors on "meta" do not mix with those of the CPU, as those of an accelerator do not
    elsewhere = net.to("meta")(x.to("meta"), *(t.to("meta") for t in nothing(8)))
    assert elsewhere.device.type == "meta"


@EACH
def test_a_reader_of_another_name_is_refused(block: Block, reader: dict):
    with pytest.raises(ValueError, match="oracle"):
        single(block, {block.kind: "oracle"})


def everything(n: int) -> tuple[Tensor, ...]:
    blocks = tuple(rows_of(block, n) for block in (IMAGE, WORDS, SOUND))
    return (*blocks, torch.randn(n, 2), torch.zeros(n, 0), torch.ones(n, 1, dtype=torch.int64))


def test_all_media_and_columns_go_into_one_net():
    net = Fusion(InputSizes(2, 0, (4,), (IMAGE, WORDS, SOUND)), 3, FusionConfig(**QUIET))
    x = everything(40)
    net.fit_initial(*x)
    out = net(*x)
    assert out.shape == (40, 3)
    out.square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in net.parameters())
    grouped = [id(p) for group in net.parameter_groups() for p in group.parameters]
    assert sorted(grouped) == sorted(id(p) for p in net.parameters())
    net.eval()
    out = net(*x)
    for i in (0, 1, 2, 3):
        changed = [t.flip(0) if i == j else t for j, t in enumerate(x)]
        assert not torch.allclose(net(*changed), out), f"input {i} does not count"


def test_mirrored_images_are_seen_beside_those_as_they_are():
    net = single(IMAGE, {"image": "conv"}, flip=True).eval()
    x = rows_of(IMAGE, 5)
    net.fit_initial(x, *nothing(5))
    out = net(x, *nothing(5))
    assert out.shape == (5, 2, 2)
    torch.testing.assert_close(net(x.flip(2), *nothing(5)), out.flip(1))
    net.train()
    assert net(x, *nothing(5)).shape == (5, 2)


@LANGUAGE
def test_what_stands_beyond_the_end_of_a_text_changes_nothing(encoder):
    net = encoder().eval()
    codes = rows_of(WORDS, 10)
    codes[0] = 0
    longer = torch.cat([codes, torch.zeros(10, 11, dtype=torch.int32)], dim=1)
    torch.testing.assert_close(net(longer), net(codes))
    assert net(codes)[0].eq(0).all()


@LANGUAGE
def test_the_order_of_words_counts(encoder):
    net = encoder().eval()
    out = net(torch.tensor([[3, 4, 5, 6, 0], [6, 4, 5, 3, 0]], dtype=torch.int32))
    assert not torch.allclose(out[0], out[1])


def test_pairs_are_of_neighbours_and_there_only_where_both_words_are():
    pairs = pair_codes(torch.tensor([[3, 4, 0, 3, 4], [4, 3, 4, 3, 0]], dtype=torch.int32), 2**16)
    assert pairs[:, [1, 2]][0].tolist() == [0, 0]
    assert pairs[0, 0] == pairs[0, 3] == pairs[1, 1] != pairs[1, 0]
    assert pairs[1, 3] == 0
    spread = pair_codes(torch.stack([torch.arange(1, 5001), torch.arange(2, 5002)], dim=1), 2**16)
    assert len(spread.unique()) > 4700


def test_word_dropout_takes_its_share():
    layer = WordDropout(0.3)
    codes = torch.ones(100, 100, dtype=torch.int32)
    assert layer(codes).float().mean() == pytest.approx(0.7, abs=0.03)
    assert layer.eval()(codes).eq(1).all()


def test_the_backward_reading_begins_at_the_last_step():
    layer = BidirectionalGRU(3, 4)
    x, mask = torch.randn(2, 6, 3), torch.tensor([[1, 1, 1, 1, 0, 0], [1, 0, 1, 1, 1, 1]], dtype=torch.bool)
    back = layer(x, mask)[:, :, 4:]
    alone, _ = layer.backwards(x[:1, :4].flip(1))
    torch.testing.assert_close(back[0, :4], alone[0].flip(0))
    assert lengths_of(mask).tolist() == [4, 6]


def test_pooling_counts_the_steps_there_are():
    x, mask = torch.randn(3, 5, 4), torch.tensor([[1, 1, 0, 0, 0], [1, 1, 1, 1, 1], [0, 0, 0, 0, 0]], dtype=torch.bool)
    torch.testing.assert_close(masked_mean(x, mask)[0], x[0, :2].mean(dim=0))
    assert masked_mean(x, mask)[2].eq(0).all()
    pool = AttentionPooling(4)
    nn.init.zeros_(pool.score.weight)
    torch.testing.assert_close(pool(x, mask), masked_mean(x, mask))


def test_pixels_are_scaled_by_what_training_has():
    layer = Standardise(2)
    x = torch.randint(0, 256, (50, 4, 4, 2), dtype=torch.uint8)
    x[..., 1] = 9
    layer.fit_initial(x)
    out = layer(x)
    assert out[..., 0].mean() == pytest.approx(0, abs=1e-4)
    assert out[..., 0].std() == pytest.approx(1, abs=1e-2)
    assert out[..., 1].eq(0).all()


def test_a_crop_moves_an_image_and_keeps_its_pixels():
    layer = RandomCrop(0.25, flip=False)
    x = torch.zeros(200, 8, 8, 1, dtype=torch.uint8)
    x[:, 4, 4] = 9
    moved = layer(x)
    assert moved.dtype == torch.uint8
    assert set(moved.unique().tolist()) == {0, 9}
    places = {tuple(place) for place in moved[..., 0].nonzero()[:, 1:].tolist()}
    assert places == {(y, z) for y in range(2, 7) for z in range(2, 7)}
    assert layer.eval()(x) is x


def test_every_other_image_is_mirrored():
    x = torch.arange(8, dtype=torch.uint8).expand(400, 8, 8)[..., None]
    out = RandomCrop(0.0, flip=True)(x)
    as_is, mirrored = (out == x).all(dim=(1, 2, 3)), (out == x.flip(2)).all(dim=(1, 2, 3))
    assert (as_is | mirrored).all()
    assert as_is.float().mean() == pytest.approx(0.5, abs=0.1)


def test_light_changes_image_by_image():
    x = torch.randn(6, 5, 5, 3)
    out = RandomLight(0.2)(x)
    assert len((out - x).mean(dim=(1, 2, 3)).unique()) == 6
    assert (out - x).abs().max() <= 0.2 + 0.2 * x.abs().max()


@settings(deadline=None, max_examples=20)
@given(st.sampled_from([(0.5, 0.5), (0.3, None), (None, 0.4)]))
def test_a_hole_is_one_rectangle_no_larger_than_its_shares(shares: tuple[float | None, float | None]):
    out = RandomErasing(shares)(torch.ones(50, 20, 20, 2))
    assert set(out.unique().tolist()) <= {0.0, 1.0}
    assert out[..., 0].equal(out[..., 1])
    for row in out[..., 0]:
        erased = row.eq(0)
        down, across = erased.any(dim=1), erased.any(dim=0)
        assert erased.sum() == down.sum() * across.sum()
        for side, share in ((down, shares[0]), (across, shares[1])):
            assert side.sum() <= 20 * (1.0 if share is None else share)
            assert int((side.int().diff() == 1).sum()) <= 1
    assert RandomErasing((0.0, None))(torch.ones(1, 4, 4, 1)).eq(1).all()


def test_a_delay_keeps_every_frame():
    x = torch.randn(30, 16, 4).half()
    out = RandomDelay(0.25)(x)
    torch.testing.assert_close(out.sort(dim=1).values, x.sort(dim=1).values)
    assert not torch.equal(out, x)


def test_silence_stays_zero_and_does_not_count_for_the_scale():
    layer = Spectrogram(8, augment=0.0)
    x = (3 + torch.randn(20, 10, 8)).half()
    x[:, 6:] = 0
    layer.fit_initial(x)
    out = layer(x)
    assert out[:, 6:].eq(0).all()
    assert out[:, :6].mean() == pytest.approx(0, abs=0.01)


@given(st.integers(8, 64), st.integers(8, 64))
def test_trunks_leave_a_few_pixels(height: int, width: int):
    sides = (height, width)
    down = [stride * 2 ** n_stages(sides) for stride in strides(sides)]
    assert all(2 <= side / each <= 64 for side, each in zip(sides, down, strict=True))


def test_long_sounds_take_larger_steps():
    assert [frames_together(n) for n in (32, 100, 101, 300, 1000)] == [1, 1, 2, 3, 4]
    assert strides((1000, 64)) == (4, 2)
