"""Read a study file: YAML of one of the kinds, validated once, here.

Every mistake in a file raises `StudyFileError`, whose message is one line of the form
`studies/x.yaml: key.path: rule, not VALUE: remedy`.
"""

import re
from collections.abc import Mapping
from itertools import islice
from pathlib import Path

from vggsearch.errors import StudyFileError
from vggsearch.runs import Damage, read_bounded
from vggsearch.study.file.ablation import AblationStudy
from vggsearch.study.file.base import Study, shown_path
from vggsearch.study.file.search import SearchStudy
from vggsearch.study.file.shipped import SHIPPED, shipped_source
from vggsearch.study.file.table import TableStudy
from vggsearch.study.file.yaml_text import MAX_BYTES, YamlTextError, read
from vggsearch.text import nearest, shown, suggestion

KINDS: Mapping[str, type[Study]] = {
    "search": SearchStudy,
    "ablation": AblationStudy,
    "table": TableStudy,
}
"""The class of each value of the key `kind`; a file without that key is a search."""

MAX_BESIDE = 1000
"""Most files whose names are compared with one that is absent."""

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}", re.ASCII)


def load_study(path: Path) -> Study:
    """Read a study file, or a study that comes with vggsearch, by its name alone (`quickstart`).

    For a name without a folder, the file `NAME` or `NAME.yaml` of the current folder is used where there is
    one. Every mistake in a file, and a name that is not known, raise `StudyFileError`.
    """
    if str(path) == path.name and not path.is_file():
        local = path.with_name(f"{path.name}.yaml")
        if local.is_file():
            path = local
        elif path.name in SHIPPED:
            return parse_study(shipped_source(path.name), path)
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
        raise StudyFileError(f"{where}: no such file: {_remedy(path)}") from error
    except Damage as damage:
        rule = f"a study is a file of at most {MAX_BYTES} bytes, and here is {damage}"
        raise StudyFileError(f"{where}: {rule}: give another path") from damage
    except UnicodeDecodeError as error:
        byte = error.object[error.start]
        raise StudyFileError(
            f"{where}: text is UTF-8, not byte {byte:#04x}: save the file as UTF-8"
        ) from error


def _remedy(absent: Path) -> str:
    """What to do where there is no file `absent`: a name that comes near, or where names are listed."""
    if absent.stem in SHIPPED:
        return f"for the study that comes with vggsearch, write {absent.stem}"
    beside = {path.stem: path for path in islice(absent.parent.glob("*.yaml"), MAX_BESIDE)}
    near = nearest(absent.stem, [*beside, *SHIPPED])
    if near is not None:
        return f"did you mean {shown_path(beside.get(near, Path(near)))}?"
    return "give a study file's path, or a name that vggsearch studies lists, as in quickstart"
