"""JSON Schema of a study file, by which an editor completes, explains and checks one.

It follows the models that validate a file. The text below a field is its description. Of rules between keys
it has those by which exactly one of several is given. It accepts every file that loads, except where `null`
stands for a key that could be left out.
"""

import ast
import inspect
import textwrap
from collections.abc import Mapping
from itertools import pairwise
from typing import cast

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, models_json_schema
from pydantic_core import core_schema

from vggsearch.recipe import BUDGET_KINDS, RECIPES, Budget, Recipe
from vggsearch.study.file.ablation import AblationStudy
from vggsearch.study.file.base import Study
from vggsearch.study.file.load import KINDS
from vggsearch.study.file.messages import EXAMPLE
from vggsearch.study.file.search import SearchStudy
from vggsearch.study.file.yaml_text import Value
from vggsearch.text import Json

DIALECT = "https://json-schema.org/draft/2020-12/schema"

ONE_OF: Mapping[type[BaseModel], tuple[str, ...]] = {
    SearchStudy: ("space", "architectures"),
    AblationStudy: ("contrasts", "factors"),
    Budget: BUDGET_KINDS,
    Recipe: ("base", "lr"),
}
"""Keys of which exactly one is given; of a recipe at least one."""

_BASE: Mapping[str, Json] = {
    "description": "Name of a recipe. Its settings hold where no other is given.",
    "enum": list(RECIPES),
}


def study_schema() -> dict[str, Json]:
    """JSON Schema (draft 2020-12) of a study file of any kind."""
    models = list(KINDS.items())
    by_model, shared = models_json_schema(
        [(model, "validation") for _, model in models], schema_generator=_Described
    )
    definitions = shared["$defs"]
    for _, model in models:
        _add_examples(definitions[model.__name__], EXAMPLE, definitions)
    return {
        "$schema": DIALECT,
        "title": "vggsearch study",
        "type": "object",
        "properties": {"kind": {"description": "The kind of question.", "enum": list(KINDS)}},
        "allOf": [
            {"if": _is_kind(kind, model), "then": by_model[model, "validation"]} for kind, model in models
        ],
        "$defs": definitions,
    }


def _is_kind(kind: str, model: type[Study]) -> dict[str, Json]:
    """Schema that holds for files of `kind`; the key is left out only for the kind that is the default."""
    required = ["kind"] if model.model_fields["kind"].is_required() else []
    return {"properties": {"kind": {"const": kind}}, "required": required}


class _Described(GenerateJsonSchema):
    """Adds descriptions, recipes by name, and the rules of `ONE_OF`."""

    def field_title_should_be_set(self, schema: object) -> bool:
        """No titles: pydantic makes them from the names of the keys."""
        del schema
        return False

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        found = super().model_schema(schema)
        model = cast("type[BaseModel]", schema["cls"])
        properties: dict[str, JsonSchemaValue] = found["properties"]
        for name, text in _field_docs(model).items():
            properties[model.model_fields[name].alias or name]["description"] = text
        for value in properties.values():
            _drop_null(value)
        if model is Recipe:
            found["properties"] = {"base": dict(_BASE), **properties}
            found.pop("required")
        elif issubclass(model, Study):
            recipe = properties["recipe"]
            description = recipe.pop("description")
            properties["recipe"] = {
                "description": description,
                "anyOf": [{"type": "string", "enum": [*RECIPES]}, recipe],
            }
        if model in ONE_OF:
            rule = "anyOf" if model is Recipe else "oneOf"
            found[rule] = [{"required": [key]} for key in ONE_OF[model]]
        return found


def _drop_null(schema: JsonSchemaValue) -> None:
    """Leave `null` out of a key's values, and out of its default, where it means the same as no value."""
    default = schema.get("default", ...)
    if isinstance(default, dict) and set(default.values()) == {None}:
        del schema["default"]
    elif default is None:
        del schema["default"]
        (other,) = [choice for choice in schema.pop("anyOf") if choice != {"type": "null"}]
        schema.update(other)


def _field_docs(model: type[BaseModel]) -> dict[str, str]:
    """The text below each field of a model, as one line; a text of a subclass replaces that of its base."""
    docs: dict[str, str] = {}
    for base in reversed(model.__mro__):
        if not issubclass(base, BaseModel) or base is BaseModel:
            continue
        (definition,) = ast.parse(textwrap.dedent(inspect.getsource(base))).body
        assert isinstance(definition, ast.ClassDef)
        for field, text in pairwise(definition.body):
            match field, text:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(said))):
                    docs[name] = " ".join(said.split())
    return {name: docs[name] for name in model.model_fields if name in docs}


def _add_examples(
    schema: dict[str, Json], values: Mapping[str, Value], definitions: Mapping[str, dict[str, Json]]
) -> None:
    """Give each key its example, in `schema` and in the models that it refers to."""
    properties = cast("dict[str, dict[str, Json]]", schema["properties"])
    for name, found in properties.items():
        value = values.get(name)
        model = _referred(found, definitions)
        if model is not None and isinstance(value, dict):
            _add_examples(model, value, definitions)
        elif value is not None and "enum" not in found and "const" not in found:
            found.setdefault("examples", [_lists(value)])


def _lists(value: Value) -> Json:
    """`value` with lists, as JSON has them, in place of tuples."""
    if isinstance(value, tuple):
        return [_lists(item) for item in value]
    return {key: _lists(item) for key, item in value.items()} if isinstance(value, dict) else value


def _referred(
    schema: Mapping[str, Json], definitions: Mapping[str, dict[str, Json]]
) -> dict[str, Json] | None:
    """The model that a key's value is an object of, if any."""
    for choice in (schema, *cast("list[Mapping[str, Json]]", schema.get("anyOf", []))):
        if isinstance(reference := choice.get("$ref"), str):
            return definitions[reference.removeprefix("#/$defs/")]
    return None
