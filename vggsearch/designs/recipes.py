"""A recipe with some of its fields at other values, validated again."""

from collections.abc import Callable, Mapping

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from vggsearch.designs.text import Level, quoted_level
from vggsearch.errors import DesignError
from vggsearch.recipe import Recipe

RECIPE_FACTORS = tuple(name for name in Recipe.model_fields if name != "lr")
"""Fields of a recipe that may be factors."""

IMPLIED: Mapping[str, Mapping[str, Level]] = {"adamw": {"nesterov": False}}
"""Fields that a level of `optimizer` sets with it, because it has no other value for them."""

_RULES: Mapping[str, Callable[[Mapping[str, object]], str]] = {
    "int_type": lambda _: "a whole number",
    "float_type": lambda _: "a number",
    "finite_number": lambda _: "a finite number",
    "bool_type": lambda _: "true or false",
    "greater_than": lambda context: f"above {context['gt']}",
    "greater_than_equal": lambda context: f"at least {context['ge']}",
    "less_than": lambda context: f"below {context['lt']}",
    "less_than_equal": lambda context: f"at most {context['le']}",
    "literal_error": lambda context: f"one of {context['expected']}".replace("'", "").replace(" or ", ", "),
}


def with_fields(recipe: Recipe, levels: Mapping[str, Level]) -> Recipe:
    """`recipe` with each field of `levels` at its level.

    Raises `DesignError` where a level has the wrong type or value, or contradicts another field.
    """
    implied = IMPLIED.get(str(levels.get("optimizer")), {})
    try:
        return Recipe.model_validate({**recipe.model_dump(), **implied, **levels}, strict=True)
    except ValidationError as error:
        raise DesignError(_one_line(error.errors(include_url=False)[0], recipe, levels)) from error


def _one_line(details: ErrorDetails, recipe: Recipe, levels: Mapping[str, Level]) -> str:
    """pydantic's error as rule, value, remedy."""
    context, kind = details.get("ctx", {}), details["type"]
    if kind == "value_error":  # a rule of the recipe's own, between fields
        message = details["msg"].removeprefix("Value error, ")
        return f"{', '.join(f'{name}={quoted_level(level)}' for name, level in levels.items())}: {message}"
    field = str(details["loc"][0])
    rule = _RULES[kind](context) if kind in _RULES else details["msg"].replace("\n", " ")
    own: Level = getattr(recipe, field)
    refused = quoted_level(levels[field])
    return f"{field} is {rule}, not {refused}: correct it (the control has {quoted_level(own)})"
