"""Output for programs: JSON on standard output."""

import json

from vggsearch.text import Json


def print_json(value: Json) -> None:
    """One JSON object or list on standard output."""
    print(json.dumps(value, indent=2, allow_nan=False))
