"""Decode one untrusted image file: common formats only, up to a maximum size, every error in one line."""

import contextlib
import struct
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from vggsearch.data.formats import Pixels
from vggsearch.errors import DataError

MAX_SIDE = 1024
MAX_PIXELS = 1 << 26
"""Most pixels of one image before it is resized. Decoding takes four bytes per pixel, twice."""

_FORMATS = ("BMP", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
"""Formats that are decoded, whatever the suffix. Pillow's other formats are rare or start other programs."""
_ERRORS = (
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
"""Exceptions that Pillow raises for malformed files."""
_GREY_MODES = ("1", "L", "LA")
_WIDE_MODES = ("I", "F")
"""First letters of Pillow's modes with more than eight bits per channel."""


def input_shape(first: Path, side: int | None) -> tuple[int, int, int]:
    """Return (C, H, W) of a data set whose first training image is `first`, resized to `side` if given."""
    with _opened(first) as image:
        channels = 1 if image.mode in _GREY_MODES else 3
        width, height = image.size if side is None else (side, side)
    if max(height, width) > MAX_SIDE:
        raise DataError(
            f"the sides of images must be 1 to {MAX_SIDE} pixels, and {printable(first)} is "
            f"{width}x{height}: give a side, as in folder:PATH@64"
        )
    return channels, height, width


def decode(path: Path, shape: tuple[int, int, int]) -> Pixels:
    """Decode one image and resize it bilinearly to `shape`, (C, H, W). Raises `DataError`."""
    channels, height, width = shape
    with _opened(path) as image:
        if image.mode.startswith(_WIDE_MODES):
            raise DataError(
                f"images must have 8 bits per channel, and {printable(path)} has mode {image.mode}: "
                "save it with 8 bits"
            )
        if channels == 1 and image.mode not in _GREY_MODES:
            raise DataError(
                f"all images must be grey if the first one is, and {printable(path)} has mode {image.mode}: "
                "convert it, or all others"
            )
        decoded: Image.Image = image.convert("L" if channels == 1 else "RGB")
        if decoded.size != (width, height):
            decoded = decoded.resize((width, height), Image.Resampling.BILINEAR)
        return np.asarray(decoded, dtype=np.uint8).reshape(height, width, channels).transpose(2, 0, 1)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """Open an image and rotate it as its EXIF data says. Pillow's warnings are not shown."""
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(path, formats=_FORMATS) as image:
            width, height = image.size
            if width * height > MAX_PIXELS:
                raise DataError(
                    f"images must have at most {MAX_PIXELS} pixels, and {printable(path)} is "
                    f"{width}x{height}: make it smaller"
                )
            ImageOps.exif_transpose(image, in_place=True)
            yield image
    except _ERRORS as error:
        reason = " ".join(str(error).replace(f" {str(path)!r}", "").split())[:100]
        raise DataError(
            f"every image must be readable, and {printable(path)} cannot be decoded ({reason}): "
            "replace or remove it"
        ) from None


def printable(path: Path | str) -> str:
    """Return a name for a message; escaped if it holds unprintable characters, such as line ends."""
    text = str(path)
    return text if text.isprintable() else ascii(text)
