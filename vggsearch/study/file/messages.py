"""pydantic's errors about a study file as one line: the key, the rule, the value, the remedy."""

from collections.abc import Mapping, Sequence
from typing import cast

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from vggsearch.recipe import RECIPES, Recipe
from vggsearch.study.file.yaml_text import Value, read
from vggsearch.text import nearest, shown, suggestion

EXAMPLE: Mapping[str, Value] = {
    **cast(
        dict[str, Value],
        read("""
kind: search
question: Which net gives the best accuracy for its cost?
data: {name: fashion-mnist, resize: 224, val_fraction: 0.1, split_seed: 0}
space:
  channels: [64, 128, 256, 512, 512]
  num_blocks: [2, 3, 4]
  convs_per_block: [1, 2]
  ratio: [4, 8, 16]
  kernel_size: [3, 5]
  activation: [relu, gelu]
  batch_norm: [true]
  head: [gap]
  constraints:
    params: {min: 1e3, max: 1e6}
    conv_params: {min: 1e3, max: 1e6}
    norm_params: {min: 1, max: 1e4}
    head_params: {min: 1, max: 1e5}
    macs: {min: 1e5, max: 2e7}
    conv_macs: {min: 1e5, max: 2e7}
    head_macs: {min: 1, max: 1e6}
    activation_bytes: {min: 1e4, max: 1e7}
    receptive_field: {min: 12, max: 300}
architectures: [d2l-vgg11/4, 1x16-1x32+gap]
budget: {seconds: 60, epochs: 3, steps: 1000, macs: 1e12}
sampler: tpe
strategy: {name: model, short: 9, share: 0.25}
trials: 54
baseline: false
finalists: {count: 5, seeds: 5}
first: [1x16-1x32+gap]
stop: {val_accuracy: 0.92, patience: 20}
metric: accuracy
objectives: [val_accuracy, macs, params]
reference: {val_accuracy: 0.8, macs: 1e8, params: 1e7}
control: 2x8-2x16-2x32-2x64+bn+gap
contrasts: [drop-in, iso-macs]
kernel_size: 5
factors: {batch_norm: [true, false]}
design: factorial
primary: iso-macs
seeds: 10
learning_rates: {grid: [0.1, 0.2, 0.4], seeds: 2}
margin_pp: 0.3
alpha: 0.05
evaluate_on: validation
fidelities: [{epochs: 0.25}]
extra: [{members: 100, seeds: 4}]
seed: 0
time_limit_s: 3600
keep_weights: finalists
"""),
    ),
    "recipe": {"base": "fast", **{name: getattr(RECIPES["fast"], name) for name in Recipe.model_fields}},
}
"""A valid value for every key, for the remedies. It is not a study: no kind has all these keys."""

TAGS = ("<net>", "<block>", "<number>", "<choice>", "<rungs>", "<screen>", "<model>")
"""Parts of pydantic's locations that are not keys of the file: the tags of discriminated unions."""


def broken(key: str, rule: str) -> PydanticCustomError:
    """The error for a validator to raise where the value at `key` violates `rule`.

    `rule` is the rest of the message, with value and remedy.
    """
    return PydanticCustomError("broken_rule", "{rule}", {"rule": rule, "key": key})


def one_line(error: ValidationError, model: type[BaseModel]) -> str:
    """pydantic's most helpful error as `key.path: rule, not VALUE: remedy`, and the number of others."""
    found = sorted(error.errors(include_url=False), key=lambda details: details["type"] != "extra_forbidden")
    first, *others = found
    if first["type"] == "extra_forbidden":  # a misspelt key is also missing under its right name
        others = [details for details in others if details["type"] != "missing"]
    more = f" (and {len(others)} more)" if others else ""
    return _message(first, model) + more


def _near(word: str, known: Sequence[str]) -> str:
    near = nearest(word, known)
    return f"did you mean {near}?" if near else ""


def _message(details: ErrorDetails, model: type[BaseModel]) -> str:
    place = tuple(part for part in details["loc"] if part not in TAGS)
    context = details.get("ctx", {})
    kind, value = details["type"], cast(object, details["input"])
    if kind == "broken_rule":
        return _at((*place, *([context["key"]] if context["key"] else []))) + str(context["rule"])
    if kind == "value_error":
        return _at(place) + details["msg"].removeprefix("Value error, ")
    if kind == "extra_forbidden":
        return f"{_at(place)}no such key: {suggestion(str(place[-1]), _keys(model, details['loc'][:-1]))}"
    if kind == "missing":
        return f"{_at(place)}required, and absent: {_example(place)}"
    if kind == "literal_error":
        choices = str(context["expected"]).replace("'", "").replace(" or ", ", ").split(", ")
        rule = f"must be one of {', '.join(choices)}" if len(choices) > 1 else f"must be {choices[0]}"
        remedy = _near(str(value), choices) or _example(place)
        return f"{_at(place)}{rule}, not {shown(value)}: {remedy}"
    bounds = {name: _number(bound) for name, bound in context.items()}
    rule = _RULES[kind].format(**bounds) if kind in _RULES else details["msg"].replace("\n", " ")
    return f"{_at(place)}{rule}, not {shown(value)}: {_example(place)}"


_RULES: Mapping[str, str] = {
    "model_type": "must be a mapping of keys to values",
    "dict_type": "must be a mapping of keys to values",
    "tuple_type": "must be a list",
    "string_type": "must be text",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false",
    "greater_than": "must be above {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be below {lt}",
    "less_than_equal": "must be at most {le}",
    "too_short": "must hold at least {min_length}",
    "too_long": "must hold at most {max_length}",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
}
"""The rule behind each of pydantic's kinds of errors, with names from its context."""


def _number(value: object) -> str:
    return f"{value:.0f}" if isinstance(value, float) and value.is_integer() and value < 1e15 else str(value)


def _at(place: Sequence[int | str]) -> str:
    parts = (str(part) if str(part).isidentifier() else shown(part) for part in place)
    path = ".".join(parts)
    return f"{path}: " if path else ""


def _example(place: Sequence[int | str]) -> str:
    """The remedy: a valid value for `place`, or for the list that holds it."""
    value: Value = dict(EXAMPLE)
    keys = [part for part in place if isinstance(part, str)]
    for key in keys:
        if key == "per_block":  # its value could also be given for the whole net
            continue
        if not isinstance(value, dict) or key not in value:
            return "see the files that vggsearch init writes"
        value = value[key]
    if not keys:
        return "begin with kind: search"
    if keys == ["budget"]:
        value = {"seconds": 60}
    if keys == ["recipe"]:
        value = "fast"
    if isinstance(value, dict):
        value = dict(list(value.items())[:3])
    return f"write {keys[-1]}: {shown(value, quote=False)}, for example"


def _keys(model: type[BaseModel], place: Sequence[int | str]) -> list[str]:
    """The keys allowed in the mapping at `place`."""
    for part in place:
        for name, field in model.model_fields.items():
            if part in (name, field.alias):
                model = _model_in(field.annotation) or model
    return [field.alias or name for name, field in model.model_fields.items()]


def _model_in(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    parts = getattr(annotation, "__args__", ())
    return next((found for part in parts if (found := _model_in(part)) is not None), None)
