"""The templates of the files that a bundle holds, and how texts are put into them."""

import json
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from vggsearch.text import Json

FOLDER = Path(__file__).parent / "templates"


def render(template: str, **values: object) -> str:
    """Fill in a template of `templates/`. Values are put in as they are: escape what is not one's own."""
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=StrictUndefined,
    )
    return environment.get_template(template).render(values)


def script_json(value: Json) -> str:
    """JSON that may stand in an HTML script element: nothing in it ends the element."""
    return json.dumps(value, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
