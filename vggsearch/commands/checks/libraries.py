"""Python and the libraries: there, new enough, and fit for each other."""

import importlib
import platform
import re
import sys
from collections.abc import Iterator
from importlib import metadata
from typing import NamedTuple

from vggsearch.commands.checks.check import Check, State

PYTHON = (3, 11)

_REQUIREMENT = re.compile(r"([A-Za-z0-9_.-]+)(?:\[[^]]*\])?\s*\(?(?:([<>=~!]=?)\s*([0-9][0-9.]*))?")
_EXTRA = re.compile(r"""extra\s*==\s*["']([a-z]+)["']""")
_MODULES = {"pyyaml": "yaml"}
_EXTRAS = {"ray": "--executor ray", "postgresql": "--storage"}
"""Extras of ours that a person installs, and the options that need them."""


class Requirement(NamedTuple):
    """What a distribution says it needs."""

    name: str
    relation: str
    """`>=` or another of pip's; empty where any version does."""
    version: str
    extra: str
    """The extra that it belongs to; empty where it is always needed."""


def check_libraries() -> Iterator[Check]:
    """Python, then every library that vggsearch needs, then the extras that are installed."""
    state: State = "ok" if sys.version_info >= PYTHON else "wrong"
    yield Check("python", state, f"{platform.python_version()} in {sys.prefix}; 3.11 or newer is needed")
    try:
        needed = requirements("vggsearch")
    except metadata.PackageNotFoundError:
        remedy = "run `pip install --editable .` in its folder"
        yield Check("vggsearch", "wrong", f"not installed, so that nobody knows what it needs: {remedy}")
        return
    for one in needed:
        if not one.extra:
            yield _library(one)
    yield from _pair(needed)
    for one in needed:
        if one.extra in _EXTRAS and _version(one.name):
            yield _extra(one)


def requirements(distribution: str) -> list[Requirement]:
    """What an installed distribution needs; raises PackageNotFoundError where it is not installed."""
    found = []
    for text in metadata.requires(distribution) or []:
        match, extra = _REQUIREMENT.match(text), _EXTRA.search(text)
        if match is not None:
            name, relation, version = match.groups(default="")
            found.append(Requirement(name.lower(), relation, version, extra[1] if extra else ""))
    return found


def fits(version: str, needed: Requirement) -> bool:
    """Whether a version is what is needed, by its first numbers; of relations, >= and == are known."""
    mine, bound = _numbers(version), _numbers(needed.version)
    if needed.relation == "==":
        return mine == bound
    return needed.relation != ">=" or mine >= bound


def _library(needed: Requirement) -> Check:
    again = "install vggsearch again, with all it depends on: pip install --upgrade vggsearch"
    try:
        importlib.import_module(_MODULES.get(needed.name, needed.name))
    except (ImportError, RuntimeError, OSError, AttributeError, ValueError) as error:
        # A library built for another torch or NumPy raises any of these.
        why = (str(error).splitlines() or [type(error).__name__])[0][:200]
        return Check(needed.name, "wrong", f"cannot be imported ({why}): {again}")
    version = _version(needed.name)
    if version is not None and not fits(version, needed):
        return Check(needed.name, "wrong", f"{version}, and {needed.version} or newer is needed: {again}")
    return Check(needed.name, "ok", version or "there")


def _pair(needed: list[Requirement]) -> Iterator[Check]:
    """torch and torchvision are built together."""
    torch, torchvision = _version("torch"), _version("torchvision")
    if torch is None or torchvision is None or not {"torch", "torchvision"} <= {one.name for one in needed}:
        return
    for one in requirements("torchvision"):
        if one.name == "torch" and not fits(torch, one):
            yield Check(
                "torchvision",
                "wrong",
                f"{torchvision} was built for torch {one.version}, and torch is {torch}: install both again "
                "together: pip install --upgrade torch torchvision",
            )


def _extra(needed: Requirement) -> Check:
    version, used = _version(needed.name) or "", _EXTRAS[needed.extra]
    if not fits(version, needed):
        remedy = f"pip install --upgrade 'vggsearch[{needed.extra}]'"
        return Check(needed.name, "note", f"{version}, and {used} needs {needed.version} or newer: {remedy}")
    return Check(needed.name, "ok", f"{version}, for {used}")


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _numbers(version: str) -> tuple[int, ...]:
    found = re.match(r"[0-9]+(\.[0-9]+)*", version, re.ASCII)
    numbers = [int(part) for part in found[0].split(".")] if found else []
    while numbers and numbers[-1] == 0:  # 2.10 is 2.10.0
        numbers.pop()
    return tuple(numbers)
