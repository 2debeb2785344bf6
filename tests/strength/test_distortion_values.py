"""Every distortion on images made by hand, of which it is known what becomes of them."""

import pytest
import torch

from presoftmax.strength import DISTORTIONS

SIZE = 16
LEVELS = torch.arange(256, dtype=torch.uint8).reshape(1, 1, SIZE, SIZE).expand(1, 3, SIZE, SIZE)


def gray(rows):
    """A gray image of grey levels: a list of rows, or one level for all."""
    values = torch.tensor(rows, dtype=torch.float32)
    return values.expand(1, 3, SIZE, SIZE) if values.ndim == 0 else values.expand(1, 3, *values.shape)


def striped(dark, bright):
    """Vertical stripes, one pixel wide."""
    return gray([[dark, bright] * (SIZE // 2)] * SIZE).to(torch.uint8)


def checkerboard(dark, bright):
    odd = (torch.arange(SIZE)[:, None] + torch.arange(SIZE)) % 2
    return gray((dark + (bright - dark) * odd).tolist()).to(torch.uint8)


def ringed(level, spot, at=4):
    """A spot of one pixel on a ground of 9 x 9."""
    rows = [[float(level)] * 9 for _ in range(9)]
    rows[at][at] = float(spot)
    return gray(rows).to(torch.uint8)


def change(name, images):
    """How far a distortion moves images: the largest distance and the mean one, in grey levels."""
    off = (DISTORTIONS[name](images).double() - images.double()).abs()
    return off.max().item(), off.mean().item()


# Grey level of a float image, its nearest one, the one below.
FLOATS = [
    (0.0, 0, 0),
    (0.4, 0, 0),
    (0.5, 0, 0),  # half-way goes to the even one
    (0.6, 1, 0),
    (0.999, 1, 0),
    (1.0, 1, 1),
    (1.5, 2, 1),
    (1.999, 2, 1),
    (2.5, 2, 2),
    (127.49, 127, 127),
    (254.4, 254, 254),
    (254.6, 255, 254),
    (255.0, 255, 255),
    (-3.0, 0, 0),
    (260.0, 255, 255),
]


@pytest.mark.parametrize(("level", "nearest", "below"), FLOATS)
def test_floats_are_rounded_or_cut_off(level, nearest, below):
    image = gray(level) / 255
    for name, expected in (("rounding", nearest), ("truncation", below)):
        found = DISTORTIONS[name](image)
        assert found.dtype == torch.uint8
        assert found.unique().tolist() == [expected], name


@pytest.mark.parametrize("name", ["rounding", "truncation", "png"])
def test_images_of_8_bits_are_left_as_they_are(name):
    assert torch.equal(DISTORTIONS[name](LEVELS), LEVELS)
    assert torch.equal(DISTORTIONS[name](LEVELS.float() / 255), LEVELS)


@pytest.mark.parametrize("name", [name for name in DISTORTIONS if name != "truncation"])
def test_a_float_image_is_rounded_first(name):
    """99.6 grey levels are 100, in a file too."""
    assert DISTORTIONS[name](gray(99.6) / 255).unique().tolist() == [100]


@pytest.mark.parametrize("name", DISTORTIONS)
@pytest.mark.parametrize("level", [0, 1, 77, 128, 200, 255])
def test_a_constant_image_stays_as_it_is(name, level):
    """Also in a JPEG: the mean of a block is kept to an eighth of the quantum, which is at most a grey level."""
    assert change(name, gray(level).to(torch.uint8))[0] <= 1


@pytest.mark.parametrize("name", DISTORTIONS)
def test_images_keep_their_shape_their_order_and_their_channels(name):
    """Two images, 16 high and 24 wide, constant: one of dark red, one of light gray."""
    images = torch.tensor([[120, 16, 16], [200, 200, 200]], dtype=torch.uint8)[:, :, None, None].repeat(1, 1, 16, 24)
    found = DISTORTIONS[name](images)
    assert (found.shape, found.dtype) == (images.shape, torch.uint8)
    assert (found.int() - images.int()).abs().max() <= 3


def test_a_png_keeps_every_pixel():
    for images in (striped(0, 255), checkerboard(3, 250), ringed(100, 200)):
        assert torch.equal(DISTORTIONS["png"](images), images)


def test_a_jpeg_changes_a_checkerboard_the_coarser_one_more():
    """In a checkerboard of 100 and 150 every odd frequency has a part, which neither table keeps as it is."""
    fine, coarse = (change(name, checkerboard(100, 150)) for name in ("jpeg95", "jpeg75"))
    assert 0 < fine[1] < coarse[1]
    assert coarse[0] > 2


def test_a_jpeg_of_75_wipes_out_a_ripple_that_one_of_95_keeps():
    """Stripes of 127 and 129: their coefficients are 1.4, 1.7, 2.5 and 7.2 at the frequencies 1, 3, 5 and 7.

    The quanta there are 6, 8, 20 and 31 at quality 75, more than twice as large, and 1, 2, 4 and 6 at 95.
    """
    assert DISTORTIONS["jpeg75"](striped(127, 129)).unique().tolist() == [128]
    kept = DISTORTIONS["jpeg95"](striped(127, 129))[0, 0].int()
    assert (kept[:, 1::2] - kept[:, ::2]).min() > 0


def test_a_resize_spreads_a_spot():
    """To its neighbors, upwards, and to the next ones, downwards: the cubic is negative there; and no further."""
    found = DISTORTIONS["resize"](ringed(100, 200))[0, 0].int()
    assert 100 < found[4, 4] < 200
    for y, x in ((3, 4), (5, 4), (4, 3), (4, 5)):
        assert found[y, x] > 100
    for y, x in ((2, 4), (6, 4), (4, 2), (4, 6)):
        assert found[y, x] < 100
    assert (found[0] == 100).all()
    assert (found[:, 0] == 100).all()
    assert torch.equal(found, found.flip(0))
    assert torch.equal(found, found.flip(1))


@pytest.mark.parametrize("upright", [True, False])
def test_a_resize_goes_by_one_pixel_and_back(upright):
    """A bright line through Keys' cubic with a = -1/2, from 9 to 10 pixels and back."""
    lines = gray([[100, 100, 100, 100, 200, 100, 100, 100, 100]] * 9).to(torch.uint8)
    found = DISTORTIONS["resize"](lines if upright else lines.mT)[0, 0]
    middle = (found if upright else found.T)[4].int()
    assert (middle - torch.tensor([100, 100, 95, 119, 172, 119, 95, 100, 100])).abs().max() <= 1


def test_every_distortion_is_looked_at():
    """Above, by its name."""
    assert set(DISTORTIONS) == {"rounding", "truncation", "png", "jpeg95", "jpeg75", "resize"}
