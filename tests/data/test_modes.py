"""Every mode that a file may have: the picture survives, and what was done to it is said."""

import numpy as np
import pytest
from pictures import fill, noise
from PIL import Image

from vggsearch.data import describe, load_search_data, summarize as summarize_split
from vggsearch.data.folder import list_folder
from vggsearch.data.image_files import decode
from vggsearch.errors import DataError


def summarize(name):
    return summarize_split(name, val_fraction=0.25)


def disc(height=32, width=32):
    """Where a disc is, as booleans."""
    y, x = np.mgrid[:height, :width]
    return (y - height / 2) ** 2 + (x - width / 2) ** 2 < (height / 4) ** 2


GREY = Image.fromarray(np.where(disc(), 200, 40).astype(np.uint8))
COLOUR = Image.merge("RGB", (GREY, GREY.point([v // 2 for v in range(256)]), Image.new("L", (32, 32), 90)))


def transparent(mode):
    """A black disc in the alpha channel alone."""
    picture = Image.new(mode, (32, 32))
    picture.putalpha(Image.fromarray(disc().astype(np.uint8) * 255))
    return picture


def palette_with_transparency():
    picture = Image.fromarray(disc().astype(np.uint8), "P")
    picture.putpalette([0, 0, 0, 0, 0, 0])
    return picture


SIXTEEN = Image.fromarray(np.where(disc(), 60_000, 9_000).astype(np.uint16))
LAB = Image.merge("LAB", (GREY, Image.new("L", (32, 32), 128), Image.new("L", (32, 32), 128)))

PICTURES = {
    "1": (GREY.convert("1", dither=Image.Dither.NONE), "png", {}),
    "L": (GREY, "png", {}),
    "LA": (transparent("LA"), "png", {}),
    "P": (COLOUR.convert("P"), "png", {}),
    "P with a transparent colour": (palette_with_transparency(), "png", {"transparency": 0}),
    "RGB": (COLOUR, "png", {}),
    "RGBA": (transparent("RGBA"), "png", {}),
    "CMYK": (COLOUR.convert("CMYK"), "jpg", {}),
    "CMYK TIFF": (COLOUR.convert("CMYK"), "tif", {}),
    "YCbCr": (COLOUR.convert("YCbCr"), "tif", {}),
    "LAB": (LAB, "tif", {}),
    "16-bit PNG": (SIXTEEN, "png", {}),
    "16-bit TIFF": (SIXTEEN, "tif", {}),
    "16-bit PGM": (SIXTEEN.convert("I"), "pgm", {}),
    "GIF": (COLOUR, "gif", {}),
    "WebP": (transparent("RGBA"), "webp", {"lossless": True}),
    "animated GIF": (COLOUR, "gif", {"save_all": True, "append_images": [Image.new("RGB", (32, 32))]}),
    "animated PNG": (COLOUR, "png", {"save_all": True, "append_images": [Image.new("RGB", (32, 32))]}),
    "pages of a TIFF": (COLOUR, "tif", {"save_all": True, "append_images": [Image.new("RGB", (32, 32))]}),
}


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", PICTURES)
def test_the_picture_survives(tmp_path, name, channels):
    """The disc is still told from what is around it, in grey and in colour."""
    picture, suffix, options = PICTURES[name]
    path = tmp_path / f"x.{suffix}"
    picture.save(path, **options)
    pixels, facts = decode(path, (channels, 32, 32))
    inside, outside = pixels[:, 14:18, 14:18].mean(axis=(1, 2)), pixels[:, :4, :4].mean(axis=(1, 2))
    assert abs(inside - outside).max() > 50
    assert facts.animated == any(word in name for word in ("animated", "pages"))


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_what_is_transparent_shows_white(tmp_path, mode):
    transparent(mode).save(tmp_path / "x.png")
    pixels, facts = decode(tmp_path / "x.png", (3, 32, 32))
    assert pixels[:, 0, 0].tolist() == [255, 255, 255]
    assert pixels[:, 16, 16].tolist() == [0, 0, 0]
    assert facts.transparent


def test_half_transparent_is_half_white(tmp_path):
    Image.new("RGBA", (2, 2), (0, 0, 0, 128)).save(tmp_path / "x.png")
    assert decode(tmp_path / "x.png", (3, 2, 2))[0][0, 0, 0] == 127


def test_an_opaque_alpha_channel_changes_nothing(tmp_path):
    pixels = np.dstack((noise(0), np.full((8, 8), 255, np.uint8)))
    Image.fromarray(pixels, "RGBA").save(tmp_path / "x.png")
    found, facts = decode(tmp_path / "x.png", (3, 8, 8))
    assert np.array_equal(found, pixels[..., :3].transpose(2, 0, 1))
    assert not facts.transparent


def test_sixteen_bits_are_scaled_and_not_clipped(tmp_path):
    values = np.array([[0, 128, 129, 257, 32768, 65279, 65535]], dtype=np.uint16)
    Image.fromarray(values).save(tmp_path / "x.png")
    pixels, facts = decode(tmp_path / "x.png", (1, 1, 7))
    assert pixels.tolist() == [[[0, 0, 1, 1, 128, 254, 255]]]
    assert facts.highest == 65535


@pytest.mark.parametrize("mode", ["F", "I"])
def test_thirty_two_bits_have_no_known_scale_and_are_refused(tmp_path, mode):
    for name in ("a", "b"):
        fill(tmp_path / name)
    Image.new(mode, (8, 8)).save(tmp_path / "a" / "000.tif")
    with pytest.raises(
        DataError, match=rf"a/000.tif \(mode {mode}, 32 bits a channel: save it with 8 or 16\)"
    ):
        summarize(f"folder:{tmp_path}")


def grey_folder(root, count=8):
    for k, name in enumerate(("a", "b")):
        (root / name).mkdir(parents=True)
        for i in range(count):
            Image.fromarray(noise(100 * k + i, (8, 8))).save(root / name / f"{i}.png")
    return f"folder:{root}"


def test_a_grey_set_has_one_channel(tmp_path):
    assert describe(grey_folder(tmp_path)).input_shape == (1, 8, 8)


@pytest.mark.parametrize("place", ["first", "last"])
def test_one_picture_in_colour_makes_the_set_rgb(tmp_path, place):
    name = grey_folder(tmp_path)
    path = list_folder(name).train[0 if place == "first" else -1][0]
    Image.fromarray(noise(999)).save(tmp_path / path)
    assert load_search_data(name, val_fraction=0.25).train.images.shape[1:] == (3, 8, 8)
    assert "modes L 15, RGB 1, all made RGB" in summarize(name).lines()[1]


def test_the_training_images_decide_since_a_search_opens_no_test_image(tmp_path):
    name = grey_folder(tmp_path)
    Image.fromarray(noise(999)).save(tmp_path / list_folder(name).test[0][0])
    assert describe(name).input_shape == (1, 8, 8)
    assert "1 test image in colour made grey, as the training images are" in summarize(name).lines()[1]


@pytest.mark.parametrize(
    ("picture", "said"),
    [
        (transparent("RGBA"), "1 transparent image shown on white"),
        (SIXTEEN, "16-bit grey scaled, 65535 to 255"),
        (COLOUR.convert("P"), "modes RGB 15, P 1, all made RGB"),
    ],
)
def test_what_was_done_to_a_mode_is_said(tmp_path, picture, said):
    for name in ("a", "b"):
        fill(tmp_path / name, 8)
    picture.resize((8, 8)).save(tmp_path / "a" / "000.png")
    assert said in summarize(f"folder:{tmp_path}").lines()[1]


def test_frames_after_the_first_are_mentioned(tmp_path):
    for name in ("a", "b"):
        fill(tmp_path / name, 8)
    COLOUR.save(tmp_path / "a" / "000.gif", save_all=True, append_images=[Image.new("RGB", (32, 32))])
    assert (
        "1 file with several frames, of which the first is read" in summarize(f"folder:{tmp_path}").lines()[1]
    )


def test_twelve_bits_in_sixteen_are_told_as_almost_black(tmp_path):
    for k, name in enumerate(("a", "b")):
        (tmp_path / name).mkdir()
        for i in range(6):
            values = np.random.default_rng(10 * k + i).integers(0, 4096, (8, 8)).astype(np.uint16)
            values[0, 0] = 4095
            Image.fromarray(values).save(tmp_path / name / f"{i}.png")
    assert (
        "16-bit images use 0 to 4095 of 65535 and are almost black: save them scaled"
        in (summarize(f"folder:{tmp_path}").lines()[1])
    )


GOLDEN = {
    "grey": "a9593129c19d5dd75126204bfd3b296f7497818c65a0a7799829611da15878e8",
    "rgb": "31832512230ae3a2abaf0707a7875512b45d9ec94e368ed02472f9360ab4cb08",
}
"""Computed by the version before files of all modes were read."""


@pytest.mark.parametrize("kind", GOLDEN)
def test_folders_of_grey_and_rgb_files_keep_their_digests(tmp_path, kind):
    """Changing either makes every run of every store on such a folder a new one."""
    for k, name in enumerate(("a", "b", "c")):
        (tmp_path / name).mkdir()
        for i in range(20):
            y, x = np.mgrid[:6, :8]
            base = (y * 31 + x * (17 + k) + i * 7 + k * 60) % 256
            colour = np.stack([base, (base * 3) % 256, (base * 5 + k) % 256], 2)
            pixels = base if kind == "grey" else colour
            Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / name / f"{i}.png")
    key = load_search_data(f"folder:{tmp_path}", val_fraction=0.2, split_seed=3).key
    assert key.digest == GOLDEN[kind]
    assert key.split_digest == "ad483b04460253ef1473050b1f04d2ea736ab13f46d86bf62e1f9e912a497345"
