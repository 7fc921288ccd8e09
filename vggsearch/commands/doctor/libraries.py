"""Python and the libraries: installed, new enough, and fit for each other."""

import importlib
import platform
import sys
from collections.abc import Iterator
from importlib import metadata

from packaging.requirements import InvalidRequirement, Requirement
from packaging.version import InvalidVersion

from vggsearch.commands.doctor.check import Check, State

PYTHON = (3, 11)

_MODULES = {"pyyaml": "yaml"}
"""Modules that are not named like their distributions."""
_EXTRAS = {"ray": "--executor ray", "postgresql": "--storage"}
"""Extras of ours that a person installs, and the options that need them."""


def check_libraries() -> Iterator[Check]:
    """Python, then every library that vggsearch needs, then the extras that are installed."""
    state: State = "ok" if sys.version_info >= PYTHON else "wrong"
    yield Check("python", state, f"{platform.python_version()} in {sys.prefix}; 3.11 or newer is needed")
    try:
        needed = requirements("vggsearch")
    except metadata.PackageNotFoundError:
        remedy = "run `pip install --editable .` in its folder"
        yield Check("vggsearch", "wrong", f"not installed, so its requirements are unknown: {remedy}")
        return
    for one in needed:
        yield _library(one)
    yield from _pair()
    for extra, option in _EXTRAS.items():
        for one in requirements("vggsearch", extra):
            version = _version(one.name)
            if version is not None and fits(version, one):
                yield Check(one.name, "ok", f"{version}, for {option}")
            elif version is not None:
                remedy = f"pip install --upgrade 'vggsearch[{extra}]'"
                yield Check(one.name, "note", f"{version}, and {option} needs {one.specifier}: {remedy}")


def requirements(distribution: str, extra: str = "") -> list[Requirement]:
    """What an installed distribution needs always, or what its `extra` needs besides.

    Raises PackageNotFoundError where it is not installed. Requirements that are not well formed are left out.
    """
    found = []
    for text in metadata.requires(distribution) or []:
        try:
            needed = Requirement(text)
        except InvalidRequirement:
            continue
        always, here = (needed.marker is None or needed.marker.evaluate({"extra": x}) for x in ("", extra))
        if here and always != bool(extra):
            found.append(needed)
    return found


def fits(version: str, needed: Requirement) -> bool:
    """Whether a version, which may be a pre-release, is what is needed; a malformed version is not."""
    try:
        return needed.specifier.contains(version, prereleases=True)
    except InvalidVersion:
        return False


def _library(needed: Requirement) -> Check:
    again = "install vggsearch again, with all it depends on: pip install --upgrade vggsearch"
    name = needed.name.lower()
    try:
        importlib.import_module(_MODULES.get(name, name.replace("-", "_")))
    except (ImportError, RuntimeError, OSError, AttributeError, ValueError) as error:
        # A library built for another torch or NumPy raises any of these.
        why = (str(error).splitlines() or [type(error).__name__])[0][:200]
        return Check(name, "wrong", f"cannot be imported ({why}): {again}")
    version = _version(name)
    if version is not None and not fits(version, needed):
        return Check(name, "wrong", f"{version} is installed, and {needed.specifier} is needed: {again}")
    return Check(name, "ok", version or "installed")


def _pair() -> Iterator[Check]:
    """torch and torchvision are built together."""
    torch, torchvision = _version("torch"), _version("torchvision")
    if torch is None or torchvision is None:
        return
    for needed in requirements("torchvision"):
        if needed.name == "torch" and not fits(torch, needed):
            yield Check(
                "torchvision",
                "wrong",
                f"{torchvision} was built for torch {needed.specifier}, and torch is {torch}: install both "
                "again together: pip install --upgrade torch torchvision",
            )


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
