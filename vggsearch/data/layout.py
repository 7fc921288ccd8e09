"""What the sub-folders of a folder of images mean: parts that hold classes, or classes.

Parts are known by their usual names in any case, also with a prefix or suffix that all of them share. Where
the sub-folders have two meanings, the folder is refused in one line that names both.
"""

import os
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

from vggsearch.data.image_files import printable
from vggsearch.errors import DataError

MAX_CLASSES = 100_000
MAX_ENTRIES = 1_000_000
"""Most entries of a folder that are looked at."""

FolderPart = Literal["train", "val", "test"]
WORDS: Mapping[str, FolderPart] = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}
"""Usual names of parts."""

_PART_NAME = re.compile(
    rf"(?P<prefix>(?:.*[\s_.-])?)(?P<word>{'|'.join(sorted(WORDS, key=len, reverse=True))})"
    r"(?P<suffix>(?:[\s_.-].*|\d+|set|data|images)?)",
    re.DOTALL,
)
Affixes = dict[tuple[str, str], dict[FolderPart, list[str]]]
"""By what stands before and after the usual word: each part's names."""
_IN_WORDS = {"train": "training part", "val": "validation part", "test": "test part"}


@dataclass(frozen=True, slots=True)
class Layout:
    """Which folder holds the images of which class and part."""

    classes: tuple[str, ...]
    """In Unicode's composed form, sorted."""
    parts: Mapping[FolderPart, str]
    """Names of the parts' folders; empty where the classes lie in the folder itself."""
    folders: Mapping[FolderPart, tuple[Path, ...]]
    """Class folders of each part, in the order of `classes`; `train` alone where there are no parts."""
    outside: tuple[Path, ...]
    """Folders whose own files are in no class."""


def read_layout(root: Path) -> Layout:
    """List the sub-folders of `root` and say what they mean. Raises `DataError`."""
    names = subfolders(root)
    parts = _parts(root, names)
    if not parts:
        _check_levels(root, names)
        return Layout(tuple(names), {}, {"train": tuple(names.values())}, (root,))
    of = {part: subfolders(root / name) for part, name in parts.items()}
    _check_same_classes(root, parts, of)
    classes = tuple(sorted({name for found in of.values() for name in found}))
    _check_classes(root / parts["train"], classes)
    folders = {part: tuple(found[name] for name in classes) for part, found in of.items()}
    return Layout(classes, parts, folders, (root, *(root / name for name in parts.values())))


def composed(name: str) -> str:
    """Return a name in Unicode's composed form (NFC): file systems differ in which they give."""
    return unicodedata.normalize("NFC", name)


def subfolders(folder: Path, *, links: bool = False) -> dict[str, Path]:
    """Return the sub-folders that are not hidden, by their composed names, sorted. Raises `DataError`.

    A link to a folder is refused, or passed over with `links`.
    """
    found: dict[str, Path] = {}
    for path in islice(entries(folder), MAX_ENTRIES):
        if not is_hidden(path.name) and path.is_dir():
            if path.is_symlink():
                if links:
                    continue
                raise DataError(
                    f"every class must be a real folder, and {printable(path)} is a link: "
                    "put the images there, or remove it"
                )
            if composed(path.name) in found:
                raise DataError(
                    f"two folders must not have one name, and {printable(folder)} has {path.name!a} in "
                    "two spellings of Unicode: put their images into one"
                )
            found[composed(path.name)] = path
    if len(found) > MAX_CLASSES:
        raise DataError(
            f"a folder must hold at most {MAX_CLASSES} classes, and {printable(folder)} holds more: use fewer"
        )
    return {name: found[name] for name in sorted(found)}


def entries(folder: Path) -> Iterator[Path]:
    """Yield the entries of a folder one by one: there may be too many for memory. Raises `DataError`."""
    try:
        with os.scandir(folder) as found:
            for entry in found:
                yield Path(entry.path)
    except OSError as error:
        raise DataError(
            f"a folder of images must be readable, and {printable(folder)} is not ({error.strerror}): "
            "change its permissions"
        ) from None


def is_hidden(name: str) -> bool:
    """Whether a name is one of other programs' files, such as `.git`, `.DS_Store`, `__MACOSX`."""
    return name.startswith((".", "__"))


def listed(names: Iterable[str], most: int = 5, length: int = 40) -> str:
    """Names for a message: `a, b and c`, of many the first and how many more."""
    all_names = list(names)
    short = [printable(name if len(name) <= length else name[: length - 1] + "…") for name in all_names]
    if len(short) > most:
        return f"{', '.join(short[:most])} and {len(short) - most} more"
    return " and ".join([", ".join(short[:-1]), short[-1]] if len(short) > 1 else short)


def _parts(root: Path, names: Mapping[str, Path]) -> dict[FolderPart, str]:
    """Return the folder of each part, by its name in the file system; nothing where all are classes."""
    by_affix = _by_affix(names)
    groups = [group for group in by_affix.values() if len(group) > 1]
    if not groups:
        _check_lone_part(root, names, by_affix)
        return {}
    parts = {part: group[part] for group in groups for part in ("train", "val", "test") if part in group}
    ours = [name for part in parts.values() for name in part]
    if len(ours) < len(names) or len(groups) > 1:
        others = [name for name in names if name not in ours] or ours
        raise _two_readings(
            root,
            f"{listed(ours)} as the parts of a data set, with {listed(others)} left out",
            f"all {len(names)} as classes",
            f"move {listed(others)} elsewhere, or rename {listed(ours)}",
        )
    for part, same in parts.items():
        if len(same) > 1:
            raise _two_readings(
                root,
                f"{same[0]} as the {_IN_WORDS[part]}",
                f"{same[1]} as it",
                "put their images into one",
            )
    if not any(subfolders(names[name], links=True) for name in ours):
        raise _two_readings(
            root,
            f"{listed(ours)} as the parts of a data set, which then lack a sub-folder per class",
            f"{listed(ours)} as {len(ours)} classes",
            f"make a sub-folder per class in each, or rename {listed(ours)}",
        )
    _check_present(root, {part: name for part, (name,) in parts.items()})
    return {part: names[name].name for part, (name,) in parts.items()}


def _by_affix(names: Iterable[str]) -> Affixes:
    """Return the names that may be parts, by what stands before and after the usual word."""
    found: Affixes = {}
    for name in names:
        match = _PART_NAME.fullmatch(name.casefold())
        if match:
            group = found.setdefault((match["prefix"], match["suffix"]), {})
            group.setdefault(WORDS[match["word"]], []).append(name)
    return found


def _check_lone_part(root: Path, names: Mapping[str, Path], by_affix: Affixes) -> None:
    """Refuse names of parts that do not go together, where they could be parts."""
    found = [name for group in by_affix.values() for part in group.values() for name in part]
    kinds = {part for group in by_affix.values() for part in group}
    nested = any(subfolders(names[name], links=True) for name in found)
    if nested and len(names) == 1:
        raise DataError(
            f"beside a part there must be the others, and {printable(root)} has {listed(found)} alone: "
            f"add a folder train and a folder test, or give folder:{printable(names[found[0]])}, of which "
            "test images are then held out"
        )
    if nested or (len(found) == len(names) == len(kinds) > 1 and "train" in kinds):
        others = [name for name in names if name not in found]
        rest = f", with {listed(others)} left out" if others else ""
        raise _two_readings(
            root,
            f"{listed(found)} as {'parts' if len(found) > 1 else 'a part'} of a data set{rest}",
            f"all {len(names)} as classes",
            "name the parts train and test and keep nothing beside them, or rename "
            f"{listed(found)} to the name of a class",
        )


def _check_present(root: Path, parts: Mapping[FolderPart, str]) -> None:
    if "train" not in parts:
        raise DataError(
            f"a folder with parts must have a training part, and {printable(root)} has "
            f"{listed(parts.values())} alone: add a folder train"
        )
    if "test" not in parts:
        val = printable(parts["val"])
        raise _two_readings(
            root,
            f"{val} as the test part, with validation images split off {printable(parts['train'])}",
            f"{val} as the validation part, with no test part",
            f"rename {val} to test, or add a folder test",
        )


def _check_same_classes(
    root: Path, parts: Mapping[FolderPart, str], of: Mapping[FolderPart, Mapping[str, Path]]
) -> None:
    for part in of:
        if part == "train" or set(of[part]) == set(of["train"]):
            continue
        only = {
            parts[part]: sorted(set(of[part]) - set(of["train"])),
            parts["train"]: sorted(set(of["train"]) - set(of[part])),
        }
        where = " and ".join(
            f"only {printable(name)} has {listed(classes)}" for name, classes in only.items() if classes
        )
        raise DataError(
            f"{listed(parts.values())} must have the same classes, and in {printable(root)} {where}: "
            "make them the same"
        )


def _check_classes(root: Path, classes: Sequence[str]) -> None:
    if len(classes) < 2:
        raise DataError(
            "a folder of images must have one sub-folder per class and at least 2, and "
            f"{printable(root)} has {len(classes)}: sort the images into one folder per class"
        )


def _check_levels(root: Path, names: Mapping[str, Path]) -> None:
    """Refuse too few classes, parts within classes, and classes on two levels."""
    below = {name: list(subfolders(path, links=True)) for name, path in names.items()}
    if len(names) == 1:
        (name,) = names
        if len(below[name]) > 1:
            raise DataError(
                "a folder of images must have one sub-folder per class and at least 2, and "
                f"{printable(root)} has 1, {listed([name])}, which has {len(below[name])}: "
                f"give folder:{printable(names[name])}"
            )
    _check_classes(root, tuple(names))
    for name, inner in below.items():
        group = max(_by_affix(inner).values(), key=len, default={})
        if "train" in group and len(group) > 1:
            inside = listed(one for part in group.values() for one in part)
            raise _two_readings(
                root,
                f"{inside} within {listed([name])} as parts of each class",
                "all images below a class as one",
                "put the part above the class, as in train/CLASS and test/CLASS, or rename "
                f"{inside} in each class",
            )
    deep = [name for name, inner in below.items() if len(inner) > 1 and not _has_files(names[name])]
    flat = [name for name, inner in below.items() if not inner]
    if deep and flat:
        raise _two_readings(
            root,
            f"{listed(deep)} as classes like {listed(flat)}",
            f"{listed(below[deep[0]])} in {listed(deep[:1])} as classes of their own",
            "put all class folders on one level",
        )


def _has_files(folder: Path) -> bool:
    return any(not is_hidden(path.name) and path.is_file() for path in entries(folder))


def _two_readings(root: Path, one: str, other: str, remedy: str) -> DataError:
    return DataError(
        f"a folder must have one reading, and {printable(root)} has two: {one}; or {other}: {remedy}"
    )
