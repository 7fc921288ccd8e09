"""One image from anyone, decoded: only in common formats, only up to a size, and every fault in one line."""

import contextlib
import struct
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from vggsearch.data.raw import Pixels
from vggsearch.errors import DataError

MAX_SIDE = 1024
MAX_PIXELS = 1 << 26
"""Of one image, before it is resized: four bytes each, twice, while it is decoded."""

_FORMATS = ("BMP", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
"""What is decoded, whatever the suffix says; Pillow's other formats start external programs or are rare."""
_FAULTS = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
    Image.DecompressionBombError,
)
"""What Pillow raises for files that are not what they say."""
_GREY = ("1", "L", "LA")
_WIDE = ("I", "F")
"""First letters of Pillow's modes of more than eight bits a channel."""


def input_shape(first: Path, side: int | None) -> tuple[int, int, int]:
    """(C, H, W) of a set whose first training image is `first`; resized to `side`, where that is given."""
    with _opened(first) as image:
        channels = 1 if image.mode in _GREY else 3
        width, height = image.size if side is None else (side, side)
    if max(height, width) > MAX_SIDE:
        raise DataError(
            f"images have sides of 1 to {MAX_SIDE} pixels, {shown(first)} is {width}x{height}: name a "
            "side, as in folder:PATH@64"
        )
    return channels, height, width


def decode(path: Path, shape: tuple[int, int, int]) -> Pixels:
    """One image as `shape`, (C, H, W), bilinearly resized; raises `DataError`."""
    channels, height, width = shape
    with _opened(path) as image:
        if image.mode.startswith(_WIDE):
            raise DataError(
                f"images have 8 bits a channel, {shown(path)} has mode {image.mode}: save it with 8 bits"
            )
        if channels == 1 and image.mode not in _GREY:
            raise DataError(
                f"images are all grey where the first is, {shown(path)} has mode {image.mode}: "
                "convert it, or all others"
            )
        decoded: Image.Image = image.convert("L" if channels == 1 else "RGB")
        if decoded.size != (width, height):
            decoded = decoded.resize((width, height), Image.Resampling.BILINEAR)
        return np.asarray(decoded, dtype=np.uint8).reshape(height, width, channels).transpose(2, 0, 1)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """The decoded image, as its photographer saw it. What Pillow warns of is no matter for its users."""
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(path, formats=_FORMATS) as image:
            width, height = image.size
            if width * height > MAX_PIXELS:
                raise DataError(
                    f"images have at most {MAX_PIXELS} pixels, {shown(path)} is {width}x{height}: make it "
                    "smaller"
                )
            ImageOps.exif_transpose(image, in_place=True)
            yield image
    except _FAULTS as error:
        reason = " ".join(str(error).replace(f" {str(path)!r}", "").split())[:100]
        raise DataError(
            f"images can be decoded, {shown(path)} cannot ({reason}): replace or remove it"
        ) from None


def shown(path: Path | str) -> str:
    """A name as a message has it: nothing in it moves a cursor, ends the line or turns the writing round."""
    text = str(path)
    return text if text.isprintable() else ascii(text)
