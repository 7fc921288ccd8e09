"""`model.onnx`: written by torch's exporter, and run by ONNX Runtime to check it. Needs the extra `onnx`."""

import contextlib
import importlib.util
import io
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from vggsearch.export.classifier import Classifier
from vggsearch.export.preprocess import OnnxInput

INSTALL = "pip install 'vggsearch[onnx]'"
_LIBRARIES = ("onnx", "onnxscript", "onnxruntime")


def missing_libraries() -> list[str]:
    """Those of the extra `onnx` that are not installed."""
    return [name for name in _LIBRARIES if importlib.util.find_spec(name) is None]


def write_onnx(path: Path, classifier: Classifier, example: Tensor, takes: OnnxInput) -> None:
    """Write the net as one ONNX file. `example` is one image of bytes [1, C, H, W], or several.

    Its input `images` is uint8 with the preprocessing inside, or with `normalized` the float32 output of
    `classifier.normalize`; its output is `logits`. The number of images is free.
    """
    module: nn.Module = classifier if takes == "bytes" else classifier.net
    images = example if takes == "bytes" else classifier.normalize(example)
    # A batch of one would be taken for a fixed size.
    batch = images[:1].repeat(2, 1, 1, 1)
    with _silence():
        program = torch.onnx.export(
            module,
            (batch,),
            dynamo=True,
            input_names=["images"],
            output_names=["logits"],
            dynamic_shapes=({0: torch.export.Dim("count")},),
            verbose=False,
        )
        assert program is not None
        program.save(path, external_data=False)


class OnnxNet(nn.Module):
    """A `model.onnx` as a module from bytes [N, C, H, W] to logits, computed by ONNX Runtime on one core."""

    def __init__(self, path: Path, classifier: Classifier, takes: OnnxInput) -> None:
        super().__init__()
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self._normalize = classifier.normalize if takes == "normalized" else nn.Identity()

    def forward(self, images: Tensor) -> Tensor:
        """The logits of the images."""
        (logits,) = self._session.run(["logits"], {"images": self._normalize(images).numpy()})
        return torch.from_numpy(np.asarray(logits))


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Torch's exporter tells of its steps in warnings, logs and on standard output."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(action="ignore"), contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        logging.disable(before)
