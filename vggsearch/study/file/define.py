"""A study defined in Python: the keys of a study file with Python's values."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from vggsearch.errors import StudyFileError
from vggsearch.recipe import Budget, Recipe
from vggsearch.schema import canonical_digest
from vggsearch.study.file.base import Study
from vggsearch.study.file.load import parse_study
from vggsearch.study.file.yaml_text import Value, write
from vggsearch.text import shown


def define_study(keys: Mapping[str, object], name: str | None = None) -> Study:
    """Return the study with these keys, as if a file had them; its `source` is the text of that file.

    A value may also be a `Recipe`, a `Budget`, a path, or any sequence. `name` is by default the kind and a
    digest of the definition, so that another definition is another study. Raises `StudyFileError`.
    """
    source = write({key: _plain(value, key) for key, value in keys.items()})
    if name is None:
        unnamed = parse_study(source, Path(f"{keys['kind']}.yaml"))
        name = f"{keys['kind']}-{canonical_digest(unnamed.identity())[:8]}"
    return parse_study(source, Path(f"{name}.yaml"))


def _plain(value: object, key: str) -> Value:
    """`value` as mappings, lists, texts, numbers and truth values; raises `StudyFileError` for others."""
    match value:
        case Budget():
            whole = float(value.amount).is_integer()
            return {value.kind: int(value.amount) if whole else value.amount}
        case Recipe():
            return _plain(value.model_dump(exclude_defaults=True), key)
        case Mapping():
            return {str(name): _plain(inner, f"{key}.{name}") for name, inner in value.items()}
        case str() | Path():
            return str(value)
        case None | bool() | int() | float():
            return value
        case Sequence():
            return tuple(_plain(inner, key) for inner in value)
    raise StudyFileError(
        f"{key}: must be text, a number, true or false, a list or a mapping, not {shown(value)}: convert it"
    )
