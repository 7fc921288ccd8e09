"""Named data sets and folders of images, split, checked, and made into batches on their device.

What needs torch is imported when it is first used, so that describing and fetching data stays quick.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from vggsearch.data.catalog import DATASETS, DatasetInfo
from vggsearch.data.fetching import fetch
from vggsearch.data.parts import data_key, describe, locate
from vggsearch.data.verification import FileReport, verify

if TYPE_CHECKING:
    from vggsearch.data.batches import Batch, Batches, evaluation_batches
    from vggsearch.data.load import Images, SearchData, load_search_data, load_test_images
    from vggsearch.data.streams import stream

__all__ = [
    "DATASETS",
    "Batch",
    "Batches",
    "DatasetInfo",
    "FileReport",
    "Images",
    "SearchData",
    "data_key",
    "describe",
    "evaluation_batches",
    "fetch",
    "load_search_data",
    "load_test_images",
    "locate",
    "stream",
    "verify",
]

_NEEDS_TORCH = {
    "Batch": "batches",
    "Batches": "batches",
    "evaluation_batches": "batches",
    "Images": "load",
    "SearchData": "load",
    "load_search_data": "load",
    "load_test_images": "load",
    "stream": "streams",
}


def __getattr__(name: str) -> object:
    if name not in _NEEDS_TORCH:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_NEEDS_TORCH[name]}"), name)
