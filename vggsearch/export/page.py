"""`try.html`: one page that holds the net, for a browser. No library, nothing is loaded from elsewhere."""

import base64
import hashlib

from vggsearch.arch import Architecture, expand
from vggsearch.costs import cost
from vggsearch.export.preprocess import Preprocess
from vggsearch.export.samples import Sample
from vggsearch.export.templating import FOLDER, render, script_json

EMBED_BYTES = 4 * 2**20
"""Weights of at most so many bytes are put into the page, which then opens without a server."""
SAMPLE_BYTES = 2**20
"""Samples that take more together are left out of the page."""
DARK = 0.5
"""Where the mean pixel of the training images is below, one draws in white on black."""


def try_page(
    preprocess: Preprocess, weights: bytes, samples: tuple[Sample, ...], *, title: str, summary: str
) -> str:
    """The text of `try.html`. `weights` is the content of `model.safetensors`."""
    net, task = Architecture.parse(preprocess.architecture), preprocess.task
    shown = samples if sum(len(one.content) for one in samples) <= SAMPLE_BYTES else ()
    dark = sum(preprocess.mean) / len(preprocess.mean) < DARK
    script = "\n".join((FOLDER / name).read_text(encoding="utf-8") for name in ("net.js", "page.js"))
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return render(
        "try.html.j2",
        title=title,
        summary=summary,
        seen=images_text(preprocess.image_shape),
        advice=(
            f"The training images are mostly {'dark' if dark else 'light'}: where a picture of yours is "
            f"{'light' if dark else 'dark'}, try Invert."
        ),
        architecture=preprocess.architecture,
        run=preprocess.run[:12],
        style=(FOLDER / "page.css").read_text(encoding="utf-8"),
        script=script,
        script_digest=digest,
        weights=base64.b64encode(weights).decode() if len(weights) <= EMBED_BYTES else "",
        net=script_json(
            {
                "image_shape": preprocess.image_shape,
                "input_shape": preprocess.input_shape,
                "mean": preprocess.mean,
                "std": preprocess.std,
                "labels": preprocess.labels,
                "activation": net.activation,
                "macs": cost(net, task).macs,
                "dark": dark,
                "layers": [
                    {
                        "name": layer.name,
                        "op": layer.op,
                        "inputs": layer.in_shape,
                        "outputs": layer.out_shape,
                        "size": layer.kernel_size,
                    }
                    for layer in expand(net, task)
                ],
                "samples": [
                    {"label": one.label, "png": base64.b64encode(one.content).decode()} for one in shown
                ],
            }
        ),
    )


def images_text(shape: tuple[int, int, int]) -> str:
    """Images of a shape (channels, height, width), in words."""
    channels, height, width = shape
    return f"{width}×{height} pixels, {'grey' if channels == 1 else 'in colour'}"
