"""The weights of runs: handed over by workers, kept by content, found again where their bytes are whole.

    STORE/checkpoints/3f6c…/weights.safetensors  written by the worker of the run 3f6c…, when training ended
    STORE/weights/9a41….safetensors              moved there before the record that names it is put

A controller that is killed between the two leaves a file that no record names; the run is then made again.
Nothing here knows what a file holds: its trainer does (`vggsearch.training.weights`). No torch.
"""

import hashlib
from pathlib import Path

from vggsearch.errors import StoreError
from vggsearch.runs import (
    Damage,
    Digest,
    RunRecord,
    make_folder,
    open_bounded,
    read_bounded,
    sync_folder,
    write_atomically,
)
from vggsearch.store.files import writing
from vggsearch.store.layout import MAX_TENSORS_BYTES, MAX_WEIGHTS_BYTES, Layout, handed_over, weights_path
from vggsearch.text import size


class WeightsFolder:
    """The weights in a store.

    Args:
        layout: The store's.
        limit_bytes: Most bytes that all files take together.
    """

    def __init__(self, layout: Layout, limit_bytes: int = MAX_WEIGHTS_BYTES) -> None:
        self._layout = layout
        self._limit_bytes = limit_bytes

    def find(self, digest: Digest | None) -> Path | None:
        """The file of that SHA-256; None where it is absent, damaged, or `digest` is None."""
        path = None if digest is None else weights_path(self._layout.weights, digest)
        return path if path is not None and digest_of(path) == digest else None

    def adopt(self, record: RunRecord) -> str | None:
        """Move the weights that the worker of `record` handed over to where its `weights` say.

        Returns None where they are kept, and otherwise why they are not, in one line.
        """
        assert record.weights is not None
        handed = handed_over(self._layout.checkpoints, record.key.digest)
        if handed.parent.is_symlink() or digest_of(handed) != record.weights:
            return "the weights of a run did not arrive from its worker: it must see the store's folder"
        path = weights_path(self._layout.weights, record.weights)
        try:
            if not path.exists() and not self._has_room(handed.stat().st_size):
                return self._full
            make_folder(path.parent)
            handed.replace(path)
            sync_folder(path.parent)
        except OSError as error:
            return f"{path.parent} cannot be written ({error.strerror}), so weights are not kept"
        return None

    def take(self, path: Path, digest: Digest) -> None:
        """Keep a copy of the weights file at `path`, so that runs that begin with it can be repeated.

        Raises `StoreError` where there is no room, or `path` does not have that SHA-256.
        """
        if self.find(digest) is not None:
            return
        try:
            data = read_bounded(path, MAX_TENSORS_BYTES, follow=True)
        except (OSError, Damage) as error:
            raise StoreError(f"{path} cannot be read ({error}): copy it again") from error
        if hashlib.sha256(data).hexdigest() != digest:
            raise StoreError(f"{path} has changed since it was read: run the same command again")
        if not self._has_room(len(data)):
            raise StoreError(self._full)
        kept = weights_path(self._layout.weights, digest)
        with writing(kept):
            write_atomically(kept, data)

    @property
    def _full(self) -> str:
        return (
            f"weights are not kept any more, as {self._layout.weights} would hold more than "
            f"{size(self._limit_bytes)}: delete files there, which costs these weights and no record, or use "
            "--keep-weights none"
        )

    def _has_room(self, more_bytes: int) -> bool:
        held = self._layout.weights.iterdir() if self._layout.weights.is_dir() else ()
        return sum(path.lstat().st_size for path in held) + more_bytes <= self._limit_bytes


def digest_of(path: Path) -> Digest | None:
    """SHA-256 of a file's bytes; None where it is absent, cannot be read, or is no regular file."""
    try:
        with open_bounded(path, MAX_TENSORS_BYTES) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, Damage):
        return None
