"""Images a second that `vggsearch predict` lists, decodes and classifies on one core, as in docs/export.md.

    OMP_NUM_THREADS=1 python tests/benchmarks/predicting.py 1x8-1x16k5-1x32k5-1x64+bn+gap

The images are Fashion-MNIST's test images as PNG files. The net has random weights, which take the same time.
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path

import torch
from PIL import Image

from vggsearch.arch import FASHION_MNIST, parse
from vggsearch.data import fetch, given_images, load_test_images
from vggsearch.export import Bundle, classify
from vggsearch.export.classifier import Classifier
from vggsearch.export.preprocess import Preprocess
from vggsearch.model import build

PASSES = 3


def main() -> None:
    """Print images a second, by the CPU seconds of this process."""
    torch.set_num_threads(1)
    net = parse(sys.argv[1])
    made = build(net, FASHION_MNIST, generator=torch.Generator().manual_seed(0), initialization="kaiming")
    preprocess = Preprocess(
        architecture=str(net),
        image_shape=FASHION_MNIST.input_shape,
        input_shape=FASHION_MNIST.input_shape,
        mean=(0.286,),
        std=(0.353,),
        labels=tuple(map(str, range(10))),
        weights="0" * 64,
        run="0" * 64,
    )
    bundle = Bundle(Path(), preprocess, Classifier(preprocess, made.state_dict()))
    fetch("fashion-mnist")
    with tempfile.TemporaryDirectory() as name:
        write_images(Path(name))
        rates = []
        for _ in range(PASSES):
            start_s = time.process_time()
            found = classify(bundle, given_images([Path(name)], bundle.labels))
            rates.append(len(found.classes) / (time.process_time() - start_s))
    print(f"{statistics.median(rates):.0f} images a second ({', '.join(f'{rate:.0f}' for rate in rates)})")


def write_images(folder: Path) -> None:
    """Write the test images as `folder/LABEL/NUMBER.png`."""
    images = load_test_images("fashion-mnist")
    for number, (image, label) in enumerate(zip(images.images, images.labels, strict=True)):
        place = folder / str(int(label))
        place.mkdir(exist_ok=True)
        Image.fromarray(image[0].numpy()).save(place / f"{number}.png")


if __name__ == "__main__":
    main()
