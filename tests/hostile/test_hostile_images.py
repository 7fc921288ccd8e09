"""Folders of images from strangers, given to every command that opens one."""

import io
import os
import struct
import zlib

import pytest
from PIL import Image, PngImagePlugin

STUDY = """\
data: {name: folder:images, val_fraction: 0.5}
architectures: [1x8-1x16+gap]
recipe: {base: fast, batch_size: 2}
budget: {steps: 2}
sampler: grid
"""


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, rows: bytes = b"") -> bytes:
    """A grey picture whose header says its size, and whose pixels are all the same."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def small(form: str, **options: object) -> bytes:
    data = io.BytesIO()
    Image.new("L", (8, 8), 7).save(data, form, **options)
    return data.getvalue()


def with_text() -> bytes:
    """Eight megabytes of comment in a small file."""
    info = PngImagePlugin.PngInfo()
    info.add_text("comment", "x" * (8 << 20), zip=True)
    return small("PNG", pnginfo=info)


EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n(STRANGER) (w) file\nshowpage\n%%EOF\n"

PICTURES = {
    "fifty thousand by fifty thousand": (lambda: png(50_000, 50_000, b"x"), "exceeds limit"),
    "nine thousand by nine thousand": (lambda: png(9_000, 9_000, b"x"), "at most 67108864 pixels"),
    "two thousand million wide": (lambda: png(2**31 - 1, 1, b"x"), "cannot"),
    "no pixels": (lambda: png(0, 0), "damaged PNG"),
    "a comment that swells": (with_text, "cannot"),
    "cut short": (lambda: small("PNG")[:-30], "cannot"),
    "PostScript, which starts a program": (lambda: EPS, "but PostScript"),
    "a PCX by another name": (lambda: small("PCX"), "but of an unknown kind"),
    "a PDF": (lambda: b"%PDF-1.4\n", "but PDF"),
    "a PSD": (lambda: b"8BPS\0\1" + b"\0" * 6 + struct.pack(">HIIHH", 3, 9, 9, 8, 3), "but PSD"),
    "a pickle": (lambda: b"cos\nsystem\n(S'echo STRANGER'\ntR.", "but text"),
    "a page": (lambda: b"<script>alert(1)</script>", "but HTML"),
    "nothing": (lambda: b"", "but empty"),
    "a TIFF of lies": (
        lambda: (
            b"II*\0\x08\0\0\0\x03\0"
            + struct.pack("<HHII", 256, 4, 1, 2**31 - 1)
            + struct.pack("<HHII", 257, 4, 1, 2**31 - 1)
            + struct.pack("<HHII", 258, 3, 2**30, 8)
            + b"\0" * 4
        ),
        "damaged TIFF",
    ),
    "a PPM of lies": (lambda: b"P6\n" + b"9" * 400 + b" 1\n255\n", "cannot"),
    "a BMP of lies": (
        lambda: (
            b"BM" + struct.pack("<IIIIiiHHIIiiII", 0, 0, 54, 40, -(2**31), 2**30, 1, 24, 0, 0, 0, 0, 0, 0)
        ),
        "cannot",
    ),
}
"""What is in the file, and words of the line it is refused with."""


@pytest.mark.parametrize("at", ["first", "last"])
@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_that_is_none_is_one_line(place, name, at):
    """All images are opened before anything else is done with them, by every command that shows them."""
    content, words = PICTURES[name]
    root = place.images()
    places = sorted(root.glob("a/*.png" if at == "first" else "b/2.png"))
    for path in places:
        path.write_bytes(content())
    study = place.text("study.yaml", STUDY)
    told = [place.refused("run", study, "--device", "cpu"), place.refused("space", study)]
    assert place.run("data", "verify", "folder:images").status == 1
    assert all(words in line and str(root) in line for line in told), told


NAMES = (
    "\x1b]0;owned\x07\x1b[31m.png",
    "two\nlines.png",
    "\u202egnp.exe.png",
    "=cmd|'calc'!A1.png",
    "<img src=x onerror=alert(1)>.png",
    "[red]x[link=http:evil].png",
    "$(touch STRANGER).png",
    "; touch STRANGER;.png",
    "%s%n{0.__class__}.png",
)


@pytest.mark.parametrize("name", NAMES)
def test_a_file_name_is_printed_harmlessly(place, name):
    root = place.images()
    (root / "b" / name).write_bytes(b"no image")
    study = place.text("study.yaml", STUDY)
    assert (
        "but text"
        in place.refused("run", study, "--device", "cpu") + place.run("data", "verify", "folder:images").out
    )


@pytest.mark.parametrize("name", [name.removesuffix(".png") for name in NAMES])
def test_a_class_name_is_printed_harmlessly(place, name):
    root = place.images()
    (root / name).mkdir()
    study = place.text("study.yaml", STUDY)
    assert "a class must have at least 3 images" in place.refused("run", study)
    place.refused("data", "verify", "folder:images")


def test_a_name_that_is_no_text_is_printed_harmlessly(place):
    root = place.images()
    (root / "b" / os.fsdecode(b"\xff\xfe.png")).write_bytes(b"no image")
    place.refused("run", place.text("study.yaml", STUDY), "--device", "cpu")


@pytest.mark.parametrize("target", ["/", "/etc", "/proc", ".."])
def test_a_class_that_is_a_link_is_refused(place, target):
    root = place.images()
    (root / "c").symlink_to(target)
    study = place.text("study.yaml", STUDY)
    for command in (("run", study), ("space", study), ("data", "verify", "folder:images")):
        assert "is a link" in place.refused(*command)


def test_pipes_devices_and_links_in_circles_are_passed_over(place):
    root = place.images()
    os.mkfifo(root / "a" / "pipe.png")
    (root / "a" / "zero.png").symlink_to("/dev/zero")
    (root / "a" / "circle.png").symlink_to(root / "a" / "circle.png")
    (root / "a" / "up").symlink_to(root)
    assert "6 images" not in place.run("data", "verify", "folder:images").err
    assert place.run("space", place.text("study.yaml", STUDY)).status == 0


def test_a_link_to_what_is_no_image_tells_nothing_of_it(place):
    root = place.images()
    (root / "b" / "x.png").symlink_to(place.own / "diary.txt")
    assert "mine" not in place.refused("run", place.text("study.yaml", STUDY), "--device", "cpu")


def test_a_huge_file_is_not_read(place):
    root = place.images()
    with (root / "b" / "huge.png").open("wb") as file:
        file.truncate(1 << 34)
    assert "but of an unknown kind" in place.refused(
        "run", place.text("study.yaml", STUDY), "--device", "cpu"
    )


def test_hundreds_of_classes_take_no_time(place):
    root = place.images()
    picture = (root / "a" / "0.png").read_bytes()
    for i in range(300):
        (root / f"c{i}").mkdir()
        for j in range(3):
            (root / f"c{i}" / f"{j}.png").write_bytes(picture)
    assert place.run("space", place.text("study.yaml", STUDY)).cpu_s < 5
