"""Images and labels that a person has in Python, as a data set with a name."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING

from vggsearch.data import keep_arrays, summarize
from vggsearch.errors import DataError

if TYPE_CHECKING:
    from vggsearch.data import Axes


class OwnDataset(str):
    """Name of a data set that `dataset` made; shown as what was understood of it."""

    __slots__ = ()

    def __repr__(self) -> str:
        try:
            return "\n".join(summarize(str(self)).lines())
        except DataError as error:  # the file was removed, or a class is too small for the usual split
            return f"{self}\n{error}"

    def _repr_html_(self) -> str:
        return f"<p>{'<br>'.join(map(escape, repr(self).splitlines()))}</p>"


def dataset(
    images: object,
    labels: object = None,
    *,
    test: object = None,
    validation: object = None,
    classes: Sequence[str] | None = None,
    axes: "Axes | None" = None,
    name: str = "images",
) -> OwnDataset:
    """Make a data set of your own images; the result goes where a data set's name goes.

    >>> import numpy as np
    >>> import vggsearch as vs
    >>> rng = np.random.default_rng(0)
    >>> images = rng.integers(0, 256, size=(60, 20, 20, 4), dtype=np.uint8)
    >>> data = vs.dataset(images, ["crop", "field", "water"] * 20, name="satellite")
    >>> data  # doctest: +ELLIPSIS
    arrays:...satellite-...safetensors: 3 classes (crop, field and water); 46 training, 5 validation, ...
    no copies between parts, no image of one colour
    >>> study = vs.search(architectures=["1x8+gap"], data=data, budget="1s")

    Images and labels are written to a file in the user's cache, named by their content: once, however often
    this is called. The file stays until it is removed; calling this again makes it again.

    Args:
        images: Array or tensor [N, H, W], [N, H, W, C] or [N, C, H, W] with up to 16 channels, of bytes, or
            of floats from 0 to 1, which are rounded to bytes; or a list of arrays or Pillow pictures of one
            shape. Without `labels`: a pair of both, a torch `Dataset` of (image, label) without random
            transforms, or a Hugging Face `Dataset`.
        labels: A whole number or a text for each image.
        test: Test part: a pair (images, labels), or a `Dataset`. Without it 15 % of each class are held out,
            chosen by their pixels.
        validation: Validation part, likewise. Without it one is split off as `val_fraction` says.
        classes: Names of the classes, in the order of their labels; by default those that a `Dataset` knows,
            or the labels themselves, sorted.
        axes: `NCHW` or `NHWC`, where the shape does not say which axis has the channels.
        name: Begins the file's name.

    Raises:
        VggSearchError: The images cannot be used; the message says why, and what to do.
    """
    return OwnDataset(
        keep_arrays(images, labels, test=test, validation=validation, classes=classes, axes=axes, name=name)
    )


def data_name(data: object) -> str:
    """The name of a data set: a name as it is; images and labels, or a `Dataset`, become one."""
    return str(data) if isinstance(data, str) else keep_arrays(data)


def data_keys(data: object) -> Mapping[str, object]:
    """The key `data` of a study file; images and labels, or a `Dataset`, become a name."""
    if isinstance(data, Mapping):
        return data
    return {"name": data_name(data)}
