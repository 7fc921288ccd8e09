"""What is read from files and kept in them: validated once, immutable, and able to grow.

**Growing.** Records, plans and run keys are written as JSON, and the digest of a key is a run's name for
ever. A field that is added to a class after schema 1 is marked `ADDED`; its default means "as before it was
added". Such a field is written only where its value differs from that default. So what was written before
reads as it did, is written again with the same bytes, and keeps its digest. The default of an `ADDED` field
never changes.
"""

import functools
import hashlib
import json
from collections.abc import Mapping
from typing import Final

from pydantic import BaseModel, ConfigDict, SerializerFunctionWrapHandler, model_serializer


class _Added:
    """The type of `ADDED`."""

    def __repr__(self) -> str:
        return "ADDED"


ADDED: Final = _Added()
"""Marks a field that came after schema 1: `layers: Annotated[Layers, ADDED] = "auto"`."""


class Frozen(BaseModel):
    """Base of all that is read from a file: immutable, unknown keys refused, no infinities."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @model_serializer(mode="wrap")
    def _write_added_where_set(self, write: SerializerFunctionWrapHandler) -> dict[str, object]:
        values: dict[str, object] = write(self)
        for name, neutral in added_fields(type(self)).items():
            if getattr(self, name) == neutral:
                values.pop(name, None)
        return values


@functools.cache
def added_fields(model: type[BaseModel]) -> Mapping[str, object]:
    """The fields of `model` that are marked `ADDED`, and the default of each."""
    return {name: field.default for name, field in model.model_fields.items() if ADDED in field.metadata}


def canonical_digest(fields: Mapping[str, object]) -> str:
    """SHA-256, in 64 hexadecimal digits, of JSON values written without spaces and with sorted keys."""
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()
