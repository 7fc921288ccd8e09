"""`preprocess.json`: what a bundle's net is, and how an image becomes its input.

An image file becomes bytes of `image_shape`: decoded, in grey or RGB on white, resized bilinearly. With other
numbers of channels than 1 and 3 there are no such files, and bytes are passed. The bytes become the net's
input: divided by 255, minus `mean`, divided by `std`, and resized bilinearly to `input_shape` where that is
another size.
"""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationError, model_validator
from pydantic_core import from_json

from vggsearch.arch import Architecture, Task
from vggsearch.costs import cost
from vggsearch.errors import ArchitectureError, BundleError
from vggsearch.runs import Damage, Digest, first_error, read_bounded
from vggsearch.schema import Frozen
from vggsearch.text import quoted

VERSION = 1
"""Version of the bundles that are written; newer ones are refused."""

PREPROCESS = "preprocess.json"
MAX_BYTES = 16 * 2**20
MAX_IMAGE_SIDE, MAX_CHANNELS = 1024, 16
"""As of the images that are trained on (`vggsearch.data`)."""
MAX_ACTIVATION_BYTES = 2**32
"""Most memory that the layers of a net may fill for one image; VGG-19 fills 120 MB at 224×224."""

OnnxInput = Literal["bytes", "normalized"]
"""What `model.onnx` takes: bytes of `image_shape`, or the normalised numbers of `input_shape`."""

Side = Annotated[int, Field(ge=1, le=MAX_IMAGE_SIDE)]
Channels = Annotated[int, Field(ge=1, le=MAX_CHANNELS)]


class Preprocess(Frozen):
    """The content of `preprocess.json`."""

    bundle_version: Annotated[int, Field(ge=1, le=VERSION)] = VERSION
    architecture: str = Field(max_length=2000)
    """Canonical text."""
    image_shape: tuple[Channels, Side, Side]
    """(channels, height, width) of the bytes that a picture becomes first."""
    input_shape: tuple[Channels, Side, Side]
    """(channels, height, width) that the net is fed."""
    mean: tuple[Annotated[float, Field(ge=0, le=1)], ...]
    """One for each channel, of pixels from 0 to 1."""
    std: tuple[Annotated[float, Field(gt=0, le=1)], ...]
    """One for each channel, of pixels from 0 to 1; what is divided by."""
    labels: tuple[Annotated[str, Field(min_length=1, max_length=255)], ...]
    """Names of the classes, in the order of the logits."""
    weights: Digest = Field(pattern=r"^[0-9a-f]{64}$")
    """SHA-256 of `model.safetensors`."""
    run: Digest = Field(pattern=r"^[0-9a-f]{64}$")
    """Digest of the run whose weights these are."""
    onnx: OnnxInput | None = None
    """None where there is no `model.onnx`."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        channels = self.image_shape[0]
        if not len(self.mean) == len(self.std) == self.input_shape[0] == channels:
            raise ValueError("mean, std and input_shape must have the channels of image_shape")
        if len(set(self.labels)) < len(self.labels):
            raise ValueError("labels must differ")
        try:
            net, task = Architecture.parse(self.architecture), self.task
            needed = cost(net, task).activation_bytes
        except ArchitectureError as error:
            raise ValueError(str(error)) from error
        if str(net) != self.architecture:
            raise ValueError(f"architecture must be canonical: {net}")
        if needed > MAX_ACTIVATION_BYTES:
            raise ValueError(f"its layers fill {needed} bytes, and at most {MAX_ACTIVATION_BYTES} may be")
        return self

    @property
    def task(self) -> Task:
        """Shape of the input and number of classes."""
        return Task(self.input_shape, len(self.labels))

    @property
    def takes_pictures(self) -> bool:
        """Whether image files can be its input: they are grey or RGB."""
        return self.image_shape[0] in (1, 3)

    @property
    def side(self) -> tuple[int, int] | None:
        """(height, width) to which the normalised image is resized; None where it keeps its size."""
        height, width = self.input_shape[1:]
        return None if self.image_shape[1:] == (height, width) else (height, width)

    @property
    def shrinks(self) -> bool:
        """Whether that resizing makes a side smaller, and so uses an antialiasing filter."""
        return any(new < old for new, old in zip(self.input_shape[1:], self.image_shape[1:], strict=True))


def read_preprocess(folder: Path) -> Preprocess:
    """Read the `preprocess.json` of a bundle, which may come from anyone. Raises `BundleError`."""
    path = folder / PREPROCESS
    try:
        data = read_bounded(path, MAX_BYTES, follow=True)
        found = from_json(data)
        version = found.get("bundle_version") if isinstance(found, dict) else None
        if isinstance(version, int) and version > VERSION:
            raise BundleError(
                f"bundle {quoted(str(folder))} has version {version}, and this vggsearch reads up to version "
                f"{VERSION}: update it with pip install --upgrade vggsearch"
            )
        return Preprocess.model_validate_json(data)
    except FileNotFoundError:
        raise BundleError(
            f"a bundle is a folder with a {PREPROCESS}, as vggsearch export writes it, and "
            f"{quoted(str(folder))} is none: give its path"
        ) from None
    except ValidationError as error:
        reason = first_error(error).removeprefix("record: Value error, ")
    except (Damage, ValueError) as error:
        reason = str(error)[:200]
    raise damaged(folder, f"{PREPROCESS}: {reason}")


def damaged(folder: Path, reason: str) -> BundleError:
    """The error for a bundle that cannot be used for `reason`."""
    line = " ".join(reason.split())
    return BundleError(
        f"bundle {quoted(str(folder))} cannot be used: {line if line.isprintable() else ascii(line)}: "
        "export it again, or get a new copy"
    )
