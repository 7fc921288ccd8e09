"""Folders of pictures for tests."""

import zlib
from pathlib import Path

import numpy as np
from PIL import Image


def noise(seed: int, shape: tuple[int, ...] = (8, 8, 3)) -> np.ndarray:
    """Bytes of a picture that no other seed has."""
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def fill(folder: Path, count: int = 6, *, seed: int = 0, suffix: str = ".png", **options: object) -> Path:
    """`count` different RGB pictures in a folder."""
    folder.mkdir(parents=True, exist_ok=True)

    for i in range(count):
        name = f"{i:03}{suffix}"
        Image.fromarray(noise(zlib.crc32(f"{folder}{seed}{i}".encode()))).save(folder / name, **options)
    return folder


def fill_parts(root: Path, *parts: str, classes: tuple[str, ...] = ("cat", "dog"), count: int = 6) -> Path:
    """The same classes in every part."""
    for part in parts:
        for name in classes:
            fill(root / part / name, count)
    return root
