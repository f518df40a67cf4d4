"""Images: every kind of file becomes the same pixels, and numbers say what is in them."""

from __future__ import annotations

import io

import numpy as np
import pytest
from media_files import image_bytes
from PIL import Image

from automl.modalities.image import decode_image, hog, image_features, image_names
from automl.reading.media import image_header

RNG = np.random.default_rng(0)
COLOURS = np.repeat(np.array([[[200, 40, 10], [10, 90, 220]]], np.uint8), 16, axis=0).repeat(8, axis=1)  # (16, 16, 3)


def decoded(content: bytes, channels: int = 3, height: int = 16, width: int = 16) -> np.ndarray:
    pixels = decode_image(content, height, width, channels)
    assert pixels.shape == (height, width, channels)
    assert pixels.dtype == np.uint8
    return pixels


@pytest.mark.parametrize("form", ["PNG", "BMP", "TIFF", "WEBP", "GIF", "JPEG"])
def test_every_format_gives_the_pixels(form: str) -> None:
    more = {"lossless": True} if form == "WEBP" else {"quality": 95, "subsampling": 0} if form == "JPEG" else {}
    pixels = decoded(image_bytes(COLOURS, form, **more))
    assert np.abs(pixels.astype(int) - COLOURS).max() <= (4 if form == "JPEG" else 0)


def test_transparency_lies_on_white() -> None:
    glass = np.dstack([COLOURS, np.where(np.arange(256).reshape(16, 16) % 16 < 8, 255, 0).astype(np.uint8)])
    expected = np.where(glass[..., 3:] > 0, COLOURS, 255)
    assert np.array_equal(decoded(image_bytes(glass)), expected)
    grey = Image.fromarray(glass).convert("LA")
    assert (decoded(image_bytes(grey), 1)[:, 8:] == 255).all()
    palette = Image.fromarray(COLOURS).quantize(2)
    assert np.abs(decoded(image_bytes(palette)).astype(int) - COLOURS).max() <= 1
    clear = palette.getpixel((12, 3))
    assert (decoded(image_bytes(palette, transparency=clear))[:, 8:] == 255).all()


def test_cmyk_and_black_and_white() -> None:
    cmyk = decoded(image_bytes(Image.fromarray(COLOURS).convert("CMYK"), "TIFF"))
    assert np.abs(cmyk.astype(int) - COLOURS).max() <= 2
    bits = decoded(image_bytes(Image.fromarray(COLOURS).convert("1", dither=Image.Dither.NONE)), 1)
    assert set(np.unique(bits)) <= {0, 255}


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_more_than_8_bits_are_scaled(form: str) -> None:
    deep = np.linspace(0, 65535, 256).astype(np.uint16).reshape(16, 16)
    expected = np.round(deep / 65535 * 255)
    content = image_bytes(deep, form)
    assert np.abs(decoded(content, 1)[..., 0] - expected).max() <= 1
    assert image_header(io.BytesIO(content)).is_grey
    dark = decoded(image_bytes((deep // 300).astype(np.uint16), form), 1)
    assert dark.max() <= 1, "white is 65,535, whatever the brightest pixel is"


def test_numbers_with_decimals_are_scaled() -> None:
    ramp = np.linspace(0, 1, 256, dtype=np.float32).reshape(16, 16)
    for factor in (1, 255, 65535):
        pixels = decoded(image_bytes(ramp * factor, "TIFF"), 1)[..., 0]
        assert np.abs(pixels - ramp * 255).max() <= 1
    ramp[0, 0] = np.nan
    assert decoded(image_bytes(ramp, "TIFF"), 1)[0, 0, 0] == 0


def test_sizes() -> None:
    assert (decoded(image_bytes(np.full((1, 1), 77, np.uint8)), 1, 28, 20) == 77).all()
    assert np.array_equal(decoded(image_bytes(COLOURS), 3), COLOURS)
    wide = decoded(image_bytes(np.full((3, 900, 3), 90, np.uint8)), 3, 16, 64)
    assert (wide == 90).all()


def test_a_big_photo_is_read_as_its_small_version() -> None:
    smooth = np.add.outer(np.arange(1200), np.arange(1600)) / 2800 * 255
    photo = image_bytes(np.repeat(smooth[..., None], 3, axis=2).astype(np.uint8), "JPEG", quality=90)
    exact = np.asarray(Image.fromarray(smooth.astype(np.uint8)).resize((64, 48), Image.Resampling.BOX))
    assert np.abs(decoded(photo, 1, 48, 64)[..., 0].astype(int) - exact).max() <= 4


@pytest.mark.parametrize("turn", range(1, 9))
def test_photos_are_set_upright(turn: int) -> None:
    upright = RNG.integers(0, 255, (16, 24), dtype=np.uint8)
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # PIL's transpositions: what the camera did to it
    held = Image.fromarray(upright)
    if turn > 1:
        held = held.transpose({0: Image.Transpose.FLIP_LEFT_RIGHT, 1: Image.Transpose.FLIP_TOP_BOTTOM,
                               2: Image.Transpose.ROTATE_90, 3: Image.Transpose.ROTATE_180,
                               4: Image.Transpose.ROTATE_270, 5: Image.Transpose.TRANSPOSE,
                               6: Image.Transpose.TRANSVERSE}[undo[turn]])  # fmt: skip
    tags = Image.Exif()
    tags[274] = turn
    content = image_bytes(held, "PNG", exif=tags)
    header = image_header(io.BytesIO(content))
    assert (header.height, header.width) == (16, 24)
    assert np.array_equal(decoded(content, 1, 16, 24)[..., 0], upright)


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_what_is_no_image_is_told() -> None:
    good = image_bytes(RNG.integers(0, 255, (40, 40), dtype=np.uint8))
    bomb = image_bytes(Image.new("1", (10_500, 10_000)))
    assert len(bomb) < 100_000
    cases = {"no image": b"what is this", "damaged": good[:300], "100 megapixels": bomb}
    for why, content in cases.items():
        with pytest.raises(ValueError, match=why):
            decode_image(content, 16, 16, 1)
    with pytest.raises(ValueError, match="100 megapixels"):
        image_header(io.BytesIO(bomb))


def test_gradients_of_a_simple_edge() -> None:
    edge = np.zeros((1, 28, 28), np.int64)
    edge[:, :, 10:] = 200
    found = hog(edge)[0]
    assert found.shape == (4, 4, 9)
    assert (found[..., 1:] == 0).all(), "a vertical edge has gradients across, direction 0"
    assert (found[:, 1, 0] == 0.2).all(), "cut"
    assert (found[:, 3] == 0).all(), "no edge is near"
    turned = hog(np.swapaxes(edge, 1, 2))[0]
    assert np.allclose(turned[:, :, 4] + turned[:, :, 5], found[:, :, 0].T * 2, atol=0.21), (
        "90° is between 80° and 100°"
    )
    assert (np.delete(turned, [4, 5], axis=2) == 0).all()
    assert (hog(np.full((1, 16, 16), 99)) == 0).all()
    assert np.array_equal(hog(200 - edge)[0], found), "dark to light is as light to dark"


@pytest.mark.parametrize("shape", [(28, 28, 1), (64, 48, 3), (16, 64, 3), (20, 36, 1)])
def test_numbers_are_named_and_depend_on_their_image_alone(shape: tuple[int, ...]) -> None:
    images = RNG.integers(0, 256, (300, *shape), dtype=np.uint8)
    found = image_features(images)
    assert found.shape == (300, len(image_names(shape[2])))
    assert len(set(image_names(shape[2]))) == found.shape[1] <= 300
    for i in (0, 5, 299):
        assert np.array_equal(image_features(images[i : i + 1])[0], found[i])
    assert np.array_equal(image_features(images[::-1]), found[::-1])
    assert image_features(images[:0]).shape == (0, found.shape[1])


def test_numbers_mean_what_their_names_say() -> None:
    images = np.zeros((1, 16, 16, 3), np.uint8)
    images[0, :4, 4:8] = (100, 150, 240)
    images[0, 12:, 0:2] = 60
    found = dict(zip(image_names(3), image_features(images)[0].tolist(), strict=True))
    assert [found[f"mean {colour} r1 c2"] for colour in ("red", "green", "blue")] == [100, 150, 240]
    assert found["contrast r1 c2"] == 0
    assert found["contrast r4 c1"] == pytest.approx(30)
    assert found["pixel r1 c3"] == (299 * 100 + 587 * 150 + 114 * 240) // 1000
    assert found["share of blue 224–255"] == 16 / 256
    assert found["share of red 32–63"] == 8 / 256
