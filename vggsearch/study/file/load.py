"""Read a study file: YAML of one of the kinds, validated once, here.

Every mistake in a file raises `StudyFileError`, whose message is one line of the form
`studies/x.yaml: key.path: rule, not VALUE: remedy`.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from vggsearch.errors import StudyFileError
from vggsearch.runs import Damage, read_bounded
from vggsearch.study.file.ablation import AblationStudy
from vggsearch.study.file.base import Study, shown_path
from vggsearch.study.file.search import SearchStudy
from vggsearch.study.file.table import TableStudy
from vggsearch.study.file.yaml_text import MAX_BYTES, YamlTextError, read
from vggsearch.text import shown, suggestion

KINDS: Mapping[str, type[Study]] = {
    "search": SearchStudy,
    "ablation": AblationStudy,
    "table": TableStudy,
}
"""The class of each value of the key `kind`; a file without that key is a search."""

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}", re.ASCII)


def load_study(path: Path) -> Study:
    """Read a study file. Every mistake in it raises `StudyFileError`."""
    return parse_study(_text(path), path)


def parse_study(source: str, path: Path) -> Study:
    """The study in a file's text; its name is that of `path`. Raises `StudyFileError`."""
    if _NAME.fullmatch(path.stem) is None:
        raise StudyFileError(
            f"{shown_path(path)}: a study is named after its file, in at most 100 lower-case letters, "
            f"digits, . _ and -, not {shown(path.stem)}: rename the file, as in my-study.yaml"
        )
    try:
        value = read(source)
    except YamlTextError as error:
        raise StudyFileError(f"{shown_path(path)}: {error}") from error
    kind = value.get("kind", "search") if isinstance(value, dict) else "search"
    if not isinstance(kind, str) or kind not in KINDS:
        raise StudyFileError(
            f"{shown_path(path)}: kind: must be one of {', '.join(KINDS)}, not {shown(kind)}: "
            f"{suggestion(str(kind), list(KINDS))}"
        )
    return KINDS[kind].validated(value, path, source)


def _text(path: Path) -> str:
    where = shown_path(path)
    try:
        return read_bounded(path, MAX_BYTES, follow=True).decode("utf-8-sig")
    except FileNotFoundError as error:
        raise StudyFileError(
            f"{where}: no such file: give a study's path, as in studies/quickstart.yaml"
        ) from error
    except Damage as damage:
        rule = f"a study is a file of at most {MAX_BYTES} bytes, and here is {damage}"
        raise StudyFileError(f"{where}: {rule}: give another path") from damage
    except UnicodeDecodeError as error:
        byte = error.object[error.start]
        raise StudyFileError(
            f"{where}: text is UTF-8, not byte {byte:#04x}: save the file as UTF-8"
        ) from error
