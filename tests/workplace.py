"""A folder of images to train on, and the command line called as a program calls it."""

from pathlib import Path

import numpy as np
from PIL import Image

from vggsearch.cli import main


def make_images(folder: Path) -> None:
    """Two classes that a net can tell apart: bright above, bright below."""
    rng = np.random.default_rng(0)
    for name, rows in (("above", slice(0, 4)), ("below", slice(4, 8))):
        (folder / name).mkdir(parents=True)
        for i in range(60):
            pixels = rng.integers(0, 60, size=(8, 8), dtype=np.uint8)
            pixels[rows] += 150
            Image.fromarray(pixels).save(folder / name / f"{i}.png")


def run(capsys, *arguments: str) -> tuple[int, str, str]:
    status = main(arguments)
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def answer(capsys, *arguments: str) -> str:
    """What a command prints that ends well; on standard error it may say what it understood of the images."""
    status, out, err = run(capsys, *arguments)
    first, *rest = err.splitlines() or ["folder:", ""]
    assert (status, first.startswith("folder:"), len(rest)) == (0, True, 1), err
    return out
