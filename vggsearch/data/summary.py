"""What was understood of a data set, after every image of it was decoded once.

Of the test images only names, shapes, digests and numbers leave this module: pixels never do.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import numpy as np

from vggsearch.data.arrays import find, is_own, split_images
from vggsearch.data.catalog import PARTS, Part
from vggsearch.data.copies import Digests, count_constant, count_other_labels, first_equal, pixel_digests
from vggsearch.data.folder import UnreadableImagesError
from vggsearch.data.formats import Labels
from vggsearch.data.image_files import BACKGROUND, printable
from vggsearch.data.layout import FolderPart, listed
from vggsearch.data.prepared import PreparedPart
from vggsearch.data.remembered import fingerprint, recall, remember
from vggsearch.data.source import Progress, Source
from vggsearch.data.split import Indices, split_digest
from vggsearch.runs import DataKey
from vggsearch.text import Json

_REVISION = 1
"""Increased when something else is remembered."""

_PLAIN_MODES = ("1", "L", "RGB")
_DARK = 4096
"""16-bit images that stay below are almost black once 65535 is 255."""

PART_NAMES: Mapping[FolderPart, str] = {"train": "training", "val": "validation", "test": "test"}


@dataclass(frozen=True, slots=True)
class DataSummary:
    """What was understood of a data set: `lines` for people, `to_json` for programs."""

    name: str
    source: str
    """Folder or file of a user's images, web page of a named data set."""
    input_shape: tuple[int, int, int]
    """(channels, height, width)."""
    classes: tuple[str, ...]
    """In the order of their labels."""
    counts: Mapping[FolderPart, tuple[int, ...]]
    """Images of each class, by part; a named data set's test part that was not opened is absent."""
    sizes: Mapping[FolderPart, int]
    """Images of each part."""
    reading: str
    """Where the parts come from."""
    modes: Mapping[str, int]
    """Images by Pillow's mode, before they were converted; empty for a named data set."""
    extremes: tuple[tuple[int, int], ...]
    """(height, width) of the smallest and of the largest image; empty for a named data set."""
    left_out: Mapping[str, int] | None
    """Files that are read as no image, by reason; None where images are no files."""
    digests: Mapping[str, str]
    """Of pixels and labels."""
    warnings: tuple[str, ...] = field(default=())
    """What makes accuracies mean less than they seem to."""
    notes: tuple[str, ...] = field(default=())
    """What else was done with the images."""

    @property
    def is_own(self) -> bool:
        """Whether the images are a user's own."""
        return is_own(self.name)

    def size(self, part: FolderPart) -> int:
        """Number of images of a part."""
        return self.sizes[part]

    def lines(self) -> tuple[str, str]:
        """Two lines: what there is, and what is to be known of it."""
        sizes = ", ".join(f"{self.size(part):,} {word}" for part, word in PART_NAMES.items())
        shape = "×".join(map(str, self.input_shape))
        channels = self.input_shape[0]
        colour = {1: "grey", 3: "RGB"}.get(channels, f"({channels} channels)")
        names = "" if not self.is_own else f" ({listed(self.classes, most=6, length=20)})"
        first = (
            f"{printable(self.name)}: {len(self.classes)} classes{names}; {sizes} images "
            f"({self._of_a_class()}); {shape} {colour}; {self.reading}"
        )
        return first, "; ".join(self._remarks())

    def to_json(self) -> dict[str, Json]:
        """All of it, for `json`."""
        return {
            "name": self.name,
            "source": self.source,
            "input_shape": list(self.input_shape),
            "classes": list(self.classes),
            "images": {
                word: {"all": self.size(part), "of_each_class": list(self.counts.get(part, ()))}
                for part, word in PART_NAMES.items()
            },
            "parts": self.reading,
            "modes": dict(self.modes),
            "smallest_and_largest": [list(size) for size in self.extremes],
            "left_out": dict(self.left_out or {}),
            "digests": dict(self.digests),
            "warnings": list(self.warnings),
            "notes": list(self.notes),
        }

    def _of_a_class(self) -> str:
        ranges = [(min(self.counts[part]), max(self.counts[part])) for part in self.counts]
        if all(least == most for least, most in ranges):
            return f"{', '.join(str(least) for least, _ in ranges)} of each class"
        shown = (f"{least}–{most}" if least < most else str(least) for least, most in ranges)
        return f"{', '.join(shown)} of a class"

    def _remarks(self) -> Iterator[str]:
        if self.warnings:
            yield "WARNING: " + "; ".join(self.warnings)
        yield from self.notes
        if self.left_out:
            reasons = [f"{count} {reason}" for reason, count in self.left_out.items()]
            more = f" and {len(reasons) - 4} more kinds" if len(reasons) > 4 else ""
            yield f"files left out: {', '.join(reasons[:4])}{more}"
        elif self.is_own and self.left_out is not None:
            yield "no file left out"
        if not self.warnings:
            yield "no copies between parts, no image of one colour"


def summarize(
    name: str,
    data_dir: Path | None = None,
    *,
    val_fraction: float = 0.1,
    split_seed: int = 0,
    test: bool = True,
    progress: Progress | None = None,
) -> DataSummary:
    """Decode every image of every part once, and return what was understood.

    Without `test`, for those who will never open a test image, none is opened. What was found is
    remembered for as long as the files keep their sizes and modification times. `progress` is told of images
    that are decoded. Raises `DataError`: for images that cannot be read, it names them all.
    """
    source = find(name)
    seen = _seen(source, data_dir, PARTS if test else ("train",), progress)
    train = seen["train"]
    labels = source.labels("train", data_dir)
    first = np.arange(len(labels))
    if train["copies"]:
        copies, firsts = np.array(train["copies"], dtype=np.int64).T
        first[copies] = firsts
    split = split_images(source, labels, first if source.own else None, val_fraction, split_seed)
    every = len(source.classes)
    counts: dict[FolderPart, tuple[int, ...]] = {
        "train": _per_class(labels[split[0]], every),
        "val": _per_class(labels[split[1]], every),
    }
    if test or source.own:
        counts["test"] = _per_class(source.labels("test", data_dir), every)
    found = DataSummary(
        name=name,
        source=source.info.source,
        input_shape=source.info.input_shape,
        classes=source.classes,
        counts=counts,
        sizes={"train": len(split[0]), "val": len(split[1]), "test": source.info.test_size},
        reading=source.reading(f"{100 * val_fraction:g} % for validation, split seed {split_seed}"),
        modes=dict(_modes(*seen.values())),
        extremes=_sizes(*seen.values()),
        left_out=source.left_out,
        digests={str(part): str(seen[part]["digest"]) for part in seen},
        warnings=tuple(_warnings(seen, labels, first, split)),
        notes=tuple(_notes(source, seen, labels, first)),
    )
    if found.is_own:
        subject = _by_content(name, str(train["digest"]), split_digest(split[1]))
        remember("understood", subject, "", list(found.lines()))
    return found


def understood(key: DataKey) -> tuple[str, ...]:
    """Return the two lines about the user's own images that runs with this key saw.

    There are none for a named data set, and where `summarize` was not called on this machine.
    """
    known = recall("understood", _by_content(key.name, key.digest, key.split_digest), "")
    return tuple(map(str, known)) if isinstance(known, list) else ()


def _by_content(name: str, digest: str, split: str) -> str:
    return f"{name}\0{digest}\0{split}"


PartSeen = dict[str, Json]
"""What was found in one part: JSON, as it is remembered."""


def _seen(
    source: Source, data_dir: Path | None, parts: tuple[Part, ...], progress: Progress | None
) -> Mapping[Part, PartSeen]:
    """Return what was found in each part, from the cache or from every image."""
    files = {part: source.files(part, data_dir) for part in parts}
    identity = f"{_REVISION} {source.info.input_shape} {[len(files[part]) for part in parts]}"
    state = fingerprint(identity, [path for part in parts for path in files[part]])
    kind = "checked" if "test" in parts else "checked-train"
    known = recall(kind, source.subject, state)
    if isinstance(known, dict) and set(known) == set(parts):
        return cast("Mapping[Part, PartSeen]", known)
    found = _look(source, data_dir, parts, progress)
    remember(kind, source.subject, state, {str(part): value for part, value in found.items()})
    return found


def _look(
    source: Source, data_dir: Path | None, parts: tuple[Part, ...], progress: Progress | None
) -> dict[Part, PartSeen]:
    """Decode the parts. Raises one error for all that cannot be read in any."""
    sizes: dict[Part, int] = {"train": source.info.train_size, "test": source.info.test_size}
    total = sum(sizes[part] for part in parts)
    failures: list[tuple[Path, str]] = []
    digests: dict[Part, Digests] = {}
    found: dict[Part, PartSeen] = {}
    labels: dict[Part, Labels] = {}
    before = 0
    for part in parts:
        told = None if progress is None else _shifted(progress, before, total)
        before += sizes[part]
        try:
            loaded = source.load(part, data_dir, told)
        except UnreadableImagesError as error:
            failures += error.failures
            continue
        digests[part], labels[part] = pixel_digests(loaded.images), loaded.labels
        found[part] = _part(loaded)
    if failures:
        raise UnreadableImagesError(Path(source.info.source), total, failures)
    first = first_equal(digests["train"])
    copies = np.flatnonzero(first != np.arange(len(first)))
    found["train"]["copies"] = np.column_stack((copies, first[copies])).tolist()
    if "test" in parts:
        found["test"] |= _across(source, digests, labels)
    return found


def _shifted(progress: Progress, before: int, total: int) -> Progress:
    return lambda done, _: progress(before + done, total)


def _part(part: PreparedPart) -> PartSeen:
    return {
        "images": len(part.labels),
        "digest": part.digest,
        "constant": count_constant(part.images),
        "facts": part.facts,
    }


def _across(
    source: Source, digests: Mapping[Part, Digests], labels: Mapping[Part, Labels]
) -> dict[str, Json]:
    """Return what test images and training images have in common."""
    both = np.concatenate([digests["train"], digests["test"]])
    first = first_equal(both)[len(digests["train"]) :]
    copies = np.flatnonzero(first < len(digests["train"]))
    other = labels["train"][first[copies]] != labels["test"][copies]
    names = [name for i in copies[:3] if (name := source.test_image(int(i))) is not None]
    return {"copies_of_train": len(copies), "other_label": int(other.sum()), "examples": names}


def _per_class(labels: Labels, classes: int) -> tuple[int, ...]:
    return tuple(np.bincount(labels, minlength=classes).tolist())


def _modes(*parts: Mapping[str, Json]) -> Counter[str]:
    found: Counter[str] = Counter()
    for part in parts:
        found.update(cast("dict[str, int]", _fact(part, "modes") or {}))
    return Counter(dict(found.most_common()))


def _sizes(*parts: Mapping[str, Json]) -> tuple[tuple[int, int], ...]:
    found = [
        (size[0], size[1]) for part in parts for size in cast("list[list[int]]", _fact(part, "sizes") or [])
    ]
    found.sort(key=lambda size: (size[0] * size[1], size))
    return (found[0], found[-1]) if found else ()


def _fact(part: Mapping[str, Json], name: str) -> Json:
    facts = part["facts"]
    return facts.get(name) if isinstance(facts, Mapping) else None


def _total(name: str, seen: Mapping[Part, PartSeen]) -> int:
    return sum(cast("int", _fact(part, name) or 0) for part in seen.values())


def _warnings(
    seen: Mapping[Part, PartSeen], labels: Labels, first: Indices, split: tuple[Indices, Indices]
) -> Iterator[str]:
    test = seen.get("test", {})
    copied = cast("int", test.get("copies_of_train", 0))
    if copied:
        examples = cast("list[str]", test["examples"])
        such = f", such as {listed(examples, length=60)}" if examples else ""
        yield (
            f"{copied} of {test['images']} test images are exact copies of training images{such}: remove the "
            "copies, or test accuracy is too high"
        )
    both = np.isin(first[split[1]], first[split[0]]).sum()
    if both:
        yield f"{both} of {len(split[1])} validation images are exact copies of training images"
    other = count_other_labels(first, labels) + cast("int", test.get("other_label", 0))
    if other:
        yield f"{other} picture{'s' if other > 1 else ''} with several labels"
    constant = sum(cast("int", part["constant"]) for part in seen.values())
    if constant:
        on = f" (transparent ones on {BACKGROUND})" if _total("transparent", seen) else ""
        images = sum(cast("int", part["images"]) for part in seen.values())
        yield f"{constant} of {images} images of one colour{on}"
    highest = [cast("int", value) for part in seen.values() if (value := _fact(part, "highest")) is not None]
    if highest and max(highest) < _DARK:
        yield f"16-bit images use 0 to {max(highest)} of 65535 and are almost black: save them scaled"


def _notes(source: Source, seen: Mapping[Part, PartSeen], labels: Labels, first: Indices) -> Iterator[str]:
    copies = int((first != np.arange(len(first))).sum())
    if copies:
        split_off = source.own and source.info.val_size is None
        kept = ", kept on one side of the split" if split_off else ""
        yield f"{copies} of {len(labels)} training images are exact copies of others{kept}"
    modes = _modes(*seen.values())
    if len(modes) > 1 or set(modes) - set(_PLAIN_MODES):
        to = "RGB" if source.info.input_shape[0] == 3 else "grey"
        yield f"modes {', '.join(f'{mode} {count}' for mode, count in modes.items())}, all made {to}"
    if source.info.input_shape[0] == 1 and (colour := _total("colour", seen)):
        are = f"{colour} test image{'s' if colour > 1 else ''}"
        yield f"{are} in colour made grey, as the training images are"
    if transparent := _total("transparent", seen):
        yield f"{transparent} transparent image{'s' if transparent > 1 else ''} shown on {BACKGROUND}"
    if any(_fact(part, "highest") is not None for part in seen.values()):
        yield "16-bit grey scaled, 65535 to 255"
    if animated := _total("animated", seen):
        yield f"{animated} file{'s' if animated > 1 else ''} with several frames, of which the first is read"
    sizes = _sizes(*seen.values())
    if sizes and (sizes[0] != sizes[1] or sizes[0] != source.info.input_shape[1:]):
        small, large = (f"{height}×{width}" for height, width in sizes)
        of = small if small == large else f"{small} to {large}"
        yield f"resized from {of} (height × width)"
    if "test" not in seen:
        yield "no test image was opened, as none will be"
