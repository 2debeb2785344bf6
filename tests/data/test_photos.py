"""Photos of every kind that people have: read, or named with the reason; none is passed over."""

import re
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from presoftmax.data import Preprocessing, _decoding, list_unlabeled, read_images
from presoftmax.errors import DataError, PresoftmaxWarning

RGB = np.random.default_rng(0).integers(0, 256, (8, 10, 3), dtype=np.uint8)
PICTURE = Image.fromarray(RGB)
GRAY = PICTURE.convert("L")
OPAQUE, CLEAR = Image.new("L", (10, 8), 255), Image.new("L", (10, 8), 9)


def with_alpha(picture, alpha):
    picture = picture.copy()
    picture.putalpha(alpha)
    return picture


def read_one(path, preprocessing=None):
    """What is read of the one file in its folder: its image, or the reason why there is none."""
    found = read_images(list_unlabeled(path.parent), preprocessing)
    assert len(found) + len(found.skipped) == 1
    return found.images[0].permute(1, 2, 0).numpy()


def reason_of(path, preprocessing=None):
    with pytest.raises(DataError) as caught:
        read_one(path, preprocessing)
    text = str(caught.value)
    assert "no usable image of 1; the first: " in text
    assert path.name in text
    assert "\n" not in text
    return text.split(f"{path.name}: ")[-1]


@pytest.mark.parametrize(
    ("name", "picture"),
    [
        ("a.png", PICTURE), ("A.PNG", PICTURE), ("a.bmp", PICTURE), ("a.dib", PICTURE), ("a.tif", PICTURE),
        ("a.tiff", PICTURE), ("a.ppm", PICTURE), ("a.pnm", PICTURE), ("a.tga", PICTURE),
        ("alpha.png", with_alpha(PICTURE, OPAQUE)), ("alpha.tif", with_alpha(PICTURE, OPAQUE)),
        ("alpha.webp", with_alpha(PICTURE, OPAQUE)),
    ],
)  # fmt: skip
def test_lossless_files_are_read_to_the_pixel(tmp_path, name, picture):
    picture.save(tmp_path / name, **({"lossless": True} if name.endswith("webp") else {}))
    np.testing.assert_array_equal(read_one(tmp_path / name), RGB)


@pytest.mark.parametrize(
    ("name", "picture"),
    [
        ("gray.png", GRAY), ("gray.pgm", GRAY), ("gray.tif", GRAY), ("alpha.png", with_alpha(GRAY, OPAQUE)),
        ("bits.png", GRAY.convert("1")), ("bits.pbm", GRAY.convert("1")), ("palette.png", GRAY.convert("P")),
        ("palette.gif", GRAY.convert("P")),
    ],
)  # fmt: skip
def test_gray_images_get_three_equal_channels(tmp_path, name, picture):
    picture.save(tmp_path / name)
    expected = np.asarray(picture.convert("RGB"))
    np.testing.assert_array_equal(read_one(tmp_path / name), expected)
    assert (expected == expected[:, :, :1]).all()


@pytest.mark.parametrize("name", ["a.jpg", "a.jpeg", "a.jpe", "a.jfif", "a.JPG", "a.webp", "a.avif", "a.jp2", "a.j2k"])
def test_lossy_files_are_read(tmp_path, name):
    kind = {"jpe": "jpeg", "jfif": "jpeg", "JPG": "jpeg"}.get(name[2:])
    PICTURE.save(tmp_path / name, kind)
    assert read_one(tmp_path / name).shape == RGB.shape


def test_cmyk_is_read_as_pillow_shows_it(tmp_path):
    PICTURE.convert("CMYK").save(tmp_path / "a.tif")
    np.testing.assert_array_equal(read_one(tmp_path / "a.tif"), np.asarray(PICTURE.convert("CMYK").convert("RGB")))


def png_of_16_bits(channels, kind):
    """A PNG of 16 bits a channel, which Pillow reads but cannot write."""

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", 2, 2, 16, kind, 0, 0, 0)
    rows = (b"\0" + b"\1\2" * 2 * channels) * 2
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


@pytest.mark.parametrize(("channels", "kind"), [(1, 0), (3, 2), (2, 4), (4, 6)])
def test_16_bits_a_channel_are_named_in_gray_and_in_color(tmp_path, channels, kind):
    (tmp_path / "deep.png").write_bytes(png_of_16_bits(channels, kind))
    assert "only images of 8 bits a channel are read" in reason_of(tmp_path / "deep.png")


@pytest.mark.parametrize("mode", ["I", "F", "I;16", "LAB"])
def test_other_modes_are_named(tmp_path, mode):
    Image.new(mode, (4, 4)).save(tmp_path / "a.tif")
    assert f"mode {mode}: only" in reason_of(tmp_path / "a.tif") or "of 16 bits: only" in reason_of(tmp_path / "a.tif")


@pytest.mark.parametrize(
    ("name", "picture"),
    [
        ("a.png", with_alpha(PICTURE, CLEAR)), ("a.png", with_alpha(GRAY, CLEAR)),
        ("a.tif", with_alpha(PICTURE, CLEAR)),
        ("a.webp", with_alpha(PICTURE, CLEAR)), ("a.tga", with_alpha(PICTURE, CLEAR)),
    ],
)  # fmt: skip
def test_transparent_images_are_named(tmp_path, name, picture):
    picture.save(tmp_path / name)
    assert reason_of(tmp_path / name).startswith("transparent: ")


def test_a_transparent_palette_is_named(tmp_path):
    PICTURE.convert("P").save(tmp_path / "a.png", transparency=PICTURE.convert("P").getpixel((0, 0)))
    assert reason_of(tmp_path / "a.png").startswith("transparent: ")


@pytest.mark.parametrize(
    ("name", "options"),
    [("a.gif", {}), ("a.webp", {"lossless": True}), ("a.png", {}), ("a.apng", {"format": "PNG"}), ("a.tif", {})],
)
def test_of_an_animation_the_first_frame_is_read_and_said(tmp_path, name, options):
    GRAY.save(tmp_path / name, save_all=True, append_images=[Image.new("L", GRAY.size, 7)], **options)
    with pytest.warns(PresoftmaxWarning, match=rf"{name}: animated; its first frame is read"):
        found = read_one(tmp_path / name)
    np.testing.assert_array_equal(found[:, :, 0], np.asarray(GRAY))


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "a.gif", "a.tif", "a.bmp", "a.jp2", "a.avif", "a.ppm"])
@pytest.mark.parametrize("share", [0.3, 0.7])
def test_what_is_cut_off_is_named(tmp_path, name, share):
    PICTURE.resize((64, 64)).save(tmp_path / name)
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: int(len(whole) * share)])
    assert reason_of(tmp_path / name).startswith(("could not be decoded (", "not a usable image ("))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "an empty file"),
        (b"\0" * 4096, "nothing but zero bytes"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "a Git LFS pointer.*git lfs pull"),
        (b"<!DOCTYPE html><html>404</html>", "an HTML page"),
        (b"no image", "text, beginning with 'no image'"),
        (b"\x93NUMPY\1\0", "a NumPy array"),
    ],
)
@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif"])
def test_what_is_no_image_is_named_for_what_it_is(tmp_path, name, content, words):
    (tmp_path / name).write_bytes(content)
    assert re.search(words, reason_of(tmp_path / name))


@pytest.mark.parametrize("name", ["a.heic", "a.HEIC", "a.heif", "a.jxl", "a.DNG", "a.nef", "a.cr2", "a.psd", "a.exr"])
def test_photos_that_are_not_read_are_named_rather_than_passed_over(tmp_path, name):
    (tmp_path / name).write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100))
    assert f"{Path(name).suffix} files are not read; save it as PNG or JPEG" in reason_of(tmp_path / name)


@pytest.mark.parametrize("name", ["a.dng", "a.NEF", "a.arw"])
def test_of_a_raw_photo_the_thumbnail_is_not_taken_for_it(tmp_path, name):
    Image.new("RGB", (6, 6)).save(tmp_path / name, format="TIFF")
    assert f"{Path(name).suffix} files are not read; save it as PNG or JPEG" in reason_of(tmp_path / name)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_what_is_only_called_a_heic_is_read(tmp_path, form):
    Image.new("RGB", (6, 6)).save(tmp_path / "a.heic", format=form)
    assert read_images(list_unlabeled(tmp_path)).ids == ("a",)


@pytest.mark.parametrize(
    "raised", [MemoryError(), RecursionError("deep"), KeyError("x"), IndexError(), OverflowError("much"), EOFError(),
               TypeError("odd"), Image.DecompressionBombError("Image size (9 pixels) exceeds"), SyntaxError("broken"),
               RuntimeError("lines\nof it")])  # fmt: skip
@pytest.mark.parametrize("where", ["Image.open", "ImageOps.exif_transpose"])
def test_whatever_a_decoder_raises_is_one_line_with_the_file(tmp_path, monkeypatch, where, raised):
    PICTURE.save(tmp_path / "a.png")

    def fails(*_, **__):
        raise raised

    module, name = where.split(".")
    monkeypatch.setattr(getattr(_decoding, module), name, fails)
    assert reason_of(tmp_path / "a.png").startswith(("could not be decoded (", "too large "))


def test_a_bomb_is_named(tmp_path, monkeypatch):
    PICTURE.save(tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 30)
    assert reason_of(tmp_path / "a.png").startswith(
        "too large to be safe (DecompressionBombError: Image size (80 pixels) exceeds"
    )
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 50)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_one(tmp_path / "a.png").shape == RGB.shape


@pytest.mark.parametrize("size", [(1, 65000), (65000, 1), (2, 50000), (1, 12000)])
def test_a_long_thin_photo_is_named_before_it_grows(tmp_path, size):
    Image.new("L", size).save(tmp_path / "thin.png")
    words = reason_of(tmp_path / "thin.png", Preprocessing(224, 256))
    assert f"{size[0]}x{size[1]} pixels would be " in words
    assert "too long and thin; crop it first" in words
    assert read_one(tmp_path / "thin.png", Preprocessing(8, crop=False)).shape == (8, 8, 3)


def test_a_panorama_is_read(tmp_path):
    Image.new("L", (4000, 100)).save(tmp_path / "wide.png")
    assert read_one(tmp_path / "wide.png", Preprocessing(32, 40)).shape == (32, 32, 3)


def test_images_that_memory_cannot_hold_are_one_line(tmp_path, monkeypatch):
    PICTURE.save(tmp_path / "a.png")

    def fails(*_):
        raise RuntimeError("DefaultCPUAllocator: not enough memory")

    monkeypatch.setattr(torch, "stack", fails)
    with pytest.raises(DataError, match=r"a.png and the images after it: 1 images of 10x8 pixels do not fit"):
        read_one(tmp_path / "a.png")


def test_a_resource_fork_of_macos_is_no_image(tmp_path):
    PICTURE.save(tmp_path / "a.png")
    (tmp_path / "._a.png").write_bytes(b"\0\5\x16\7")
    assert read_one(tmp_path / "a.png").shape == RGB.shape
