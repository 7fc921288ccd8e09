"""Decode one untrusted image file: common formats only, up to a maximum size, whatever its name and mode.

Every picture becomes eight bits of grey or RGB. What is transparent shows white; 16-bit grey is scaled, so
that 65535 is 255; of a file with several frames the first is read.
"""

import contextlib
import re
import struct
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from vggsearch.data.formats import Pixels
from vggsearch.errors import DataError

MAX_SIDE = 1024
MAX_PIXELS = 1 << 26
"""Most pixels of one image before it is resized. Decoding takes four bytes per pixel, twice."""
BACKGROUND = "white"
"""What is seen where an image is transparent."""

_FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
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
_GREY_MODES = ("1", "L", "LA", "La", "I", "F")
_SCALED_FORMATS = ("PNG", "PPM")
"""Where Pillow's mode I means 16 bits, and not 32."""
_HEAD = 64
_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (rb"\x89PNG\r\n\x1a\n", "PNG"),
    (rb"\xff\xd8\xff", "JPEG"),
    (rb"GIF8[79]a", "GIF"),
    (rb"(?:II[*+]\0|MM\0[*+])", "TIFF"),
    (rb"RIFF....WEBP", "WEBP"),
    (rb"P[1-6]\s+[#0-9]", "PPM"),
    (rb"BM.{8}.{4}[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0", "BMP"),
    (rb"....ftyp(?:hei|hev|mif|msf)", "HEIC"),
    (rb"....ftypavi", "AVIF"),
    (rb"....ftyp", "a film"),
    (rb"\0\0\0\x0cjP|\xff\x4f\xff\x51", "JPEG 2000"),
    (rb"\0\0[\x01\x02]\0", "an icon"),
    (rb"8BPS", "PSD"),
    (rb"%PDF", "PDF"),
    (rb"%!PS", "PostScript"),
    (rb"PK\x03\x04|\x1f\x8b|7z\xbc|Rar!", "an archive"),
    (rb"\x93NUMPY", "NumPy"),
    (rb"\s*<(?:!doctype )?html|\s*<script", "HTML"),
    (rb"\s*<(?:svg|\?xml)", "XML or SVG"),
)
"""How files begin, by kind; those of `_FORMATS` are read."""


class UnreadableImageError(DataError):
    """One image that cannot be decoded. Its text is the reason alone, for `UnreadableImagesError`."""


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What a file held before its picture was converted."""

    mode: str
    """Pillow's mode."""
    width: int
    height: int
    colour: bool
    transparent: bool
    """Whether any pixel showed the background."""
    animated: bool
    """Whether it holds several frames, of which the first is read."""
    highest: int | None
    """Largest value of a 16-bit image; None for others."""


def first_size(path: Path) -> tuple[int, int, bool]:
    """Return (width, height) of an image the way up that it was taken, and whether it is in colour."""
    with _opened(path) as image:
        return *image.size, _is_colour(image.mode)


def is_colour(path: Path) -> bool:
    """Whether an image is in colour, by its header alone."""
    with _opened(path, turned=False) as image:
        return _is_colour(image.mode)


def decode(path: Path, shape: tuple[int, int, int]) -> tuple[Pixels, ImageFacts]:
    """Decode one image and resize it bilinearly to `shape`, (C, H, W). Raises `UnreadableImageError`."""
    channels, height, width = shape
    with _opened(path) as image:
        animated = bool(getattr(image, "is_animated", False))
        mode, size = image.mode, image.size
        eight, highest = _eight_bits(image)
        flat, transparent = _on_background(eight)
        decoded = flat.convert("RGB") if flat.mode not in ("1", "L", "RGB") else flat  # LAB has no way to L
        decoded = decoded.convert("L" if channels == 1 else "RGB")
        if decoded.size != (width, height):
            decoded = decoded.resize((width, height), Image.Resampling.BILINEAR)
        pixels = np.asarray(decoded, dtype=np.uint8).reshape(height, width, channels).transpose(2, 0, 1)
        return pixels, ImageFacts(mode, *size, _is_colour(mode), transparent, animated, highest)


def kind_of_file(path: Path) -> str:
    """What a file is by its first bytes: a format of `_FORMATS`, or `text`, `PDF`, `empty`, …"""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError as error:
        return error.strerror or "unreadable"
    if not head:
        return "empty"
    for pattern, kind in _SIGNATURES:
        if re.match(pattern, head, re.DOTALL | re.IGNORECASE if b"<" in pattern else re.DOTALL):
            return kind
    return "text" if re.fullmatch(rb"[\t\n\r\x20-\x7e\x80-\xff]+", head) else "of an unknown kind"


def is_image(path: Path) -> bool:
    """Whether a file begins as one of the formats that are read does."""
    return kind_of_file(path) in _FORMATS


def _is_colour(mode: str) -> bool:
    return mode not in _GREY_MODES and not mode.startswith("I;16")


def _eight_bits(image: Image.Image) -> tuple[Image.Image, int | None]:
    """Return the image with eight bits a channel, and the largest value of one with sixteen."""
    if not image.mode.startswith(("I", "F")):
        return image, None
    if image.mode == "F" or (image.mode == "I" and image.format not in _SCALED_FORMATS):
        raise UnreadableImageError(f"mode {image.mode}, 32 bits a channel: save it with 8 or 16")
    values = np.asarray(image).astype(np.int64).clip(0, 65535)
    scaled = ((values * 255 + 32767) // 65535).astype(np.uint8)
    return Image.fromarray(scaled), int(values.max(initial=0))


def _on_background(image: Image.Image) -> tuple[Image.Image, bool]:
    """Return the image without its transparency, and whether any pixel had some."""
    if not image.has_transparency_data:
        return image, False
    straight = image.convert("LA") if image.mode == "La" else image
    rgba = straight.convert("RGBA")
    if rgba.getchannel("A").getextrema()[0] == 255:
        return rgba, False
    return Image.alpha_composite(Image.new("RGBA", rgba.size, BACKGROUND), rgba), True


@contextlib.contextmanager
def _opened(path: Path, *, turned: bool = True) -> Iterator[Image.Image]:
    """Open an image and rotate it as its EXIF data says. Pillow's warnings are not shown."""
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(path, formats=_FORMATS) as image:
            width, height = image.size
            if width * height > MAX_PIXELS:
                raise UnreadableImageError(f"{width}x{height}, and at most {MAX_PIXELS} pixels are read")
            if turned:
                ImageOps.exif_transpose(image, in_place=True)
            yield image
    except UnidentifiedImageError:
        kind = kind_of_file(path)
        what = f"damaged {kind}" if kind in _FORMATS else f"not an image that is read, but {kind}"
        raise UnreadableImageError(what) from None
    except _ERRORS as error:
        told = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        reason = " ".join(told.replace(f" {str(path)!r}", "").split())[:60]
        raise UnreadableImageError(f"cannot be decoded: {reason}") from None


def printable(path: Path | str) -> str:
    """Return a name for a message; escaped if it holds unprintable characters, such as line ends."""
    text = str(path)
    return text if text.isprintable() else ascii(text)
