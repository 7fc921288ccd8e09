"""Read untrusted YAML text as plain values: mappings, tuples, texts, numbers, true, false, null; write it.

The text follows the core schema of YAML 1.2 (https://yaml.org/spec/1.2.2/, §10.3) without octal and
hexadecimal numbers, so that `1e6` is a number and `yes` a text, in one document of bounded size and depth.
Everything else is refused: repeated keys, keys that are not text, anchors and aliases, tags.
"""

import re
from collections.abc import Iterator, Mapping

import yaml

from vggsearch.text import shown

MAX_BYTES = 64 * 1024
MAX_DEPTH = 16
"""Deepest nesting of lists and mappings."""
MAX_DIGITS = 30
"""Most digits of a whole number."""

Value = None | bool | int | float | str | tuple["Value", ...] | dict[str, "Value"]

_CONSTANTS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INT = re.compile(r"[-+]?[0-9]+", re.ASCII)
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", re.ASCII)
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)", re.ASCII)
_SURROGATE = re.compile("[\ud800-\udfff]")


class YamlTextError(ValueError):
    """Text that is refused; the message is one line with the rule, the value and the remedy."""


def read(text: str) -> Value:
    """The one value in `text`. Raises `YamlTextError` and nothing else."""
    size = len(text.encode(errors="surrogatepass"))
    if size > MAX_BYTES:
        raise YamlTextError(f"a file has at most {MAX_BYTES} bytes, not {size}: shorten it")
    try:
        return _document(text)
    except YamlTextError:
        raise
    except yaml.reader.ReaderError as error:
        code = int(error.character)
        raise YamlTextError(f"character U+{code:04X} is not allowed in YAML: remove it") from error
    except yaml.MarkedYAMLError as error:
        problem = shown(error.problem or error.context or "unreadable", quote=False)
        remedy = "check indentation, colons, quotes and brackets"
        text = f"not readable as YAML, {problem}: {remedy}"
        mark = error.problem_mark or error.context_mark
        raise YamlTextError(_at_line(mark.line if mark else None) + text) from error
    except (ValueError, OverflowError) as error:
        # PyYAML converts escapes and directives into characters and numbers without checks.
        text = "not readable as YAML, an escape or directive is out of range: remove it"
        raise YamlTextError(text) from error


def _document(text: str) -> Value:
    events = iter(yaml.parse(text, Loader=yaml.BaseLoader))
    value: Value = None
    documents = 0
    for event in events:
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise _refused(event, "a file is one document, and a second one begins: remove the line ---")
        elif isinstance(event, yaml.NodeEvent):
            value = _value(event, events, 1)
    return value


def _value(event: yaml.Event, events: Iterator[yaml.Event], depth: int) -> Value:
    """The value that begins with `event`; its other events are taken from `events`."""
    anchor, tag = getattr(event, "anchor", None), getattr(event, "tag", None)
    if anchor is not None:
        text = f"anchors and aliases are not read, and here is {shown(anchor)}: write the value out"
        raise _refused(event, text)
    if tag is not None:
        raise _refused(event, f"tags are not read, and here is {shown(tag)}: write the value without it")
    if depth > MAX_DEPTH:
        raise _refused(event, f"values nest at most {MAX_DEPTH} deep: look for brackets left open")
    if isinstance(event, yaml.ScalarEvent):
        return _scalar(event)
    if isinstance(event, yaml.SequenceStartEvent):
        items = []
        while not isinstance(event := next(events), yaml.SequenceEndEvent):
            items.append(_value(event, events, depth + 1))
        return tuple(items)
    mapping: dict[str, Value] = {}
    while not isinstance(event := next(events), yaml.MappingEndEvent):
        key = _value(event, events, depth + 1)
        if not isinstance(key, str):
            raise _refused(event, f"a key is text, not {shown(key)}: put it in quotes, or name the key")
        if key in mapping:
            raise _refused(event, f"a key may occur once, and {shown(key)} occurs twice: remove one")
        mapping[key] = _value(next(events), events, depth + 1)
    return mapping


def _scalar(event: yaml.ScalarEvent) -> Value:
    text: str = event.value
    if _SURROGATE.search(text):
        raise _refused(event, f"text is Unicode, not half a character, {shown(text)}: remove it")
    if event.style is not None:
        return text
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _INT.fullmatch(text):
        if len(text) > MAX_DIGITS:
            rule = f"a whole number has at most {MAX_DIGITS} digits, not {shown(text)}: shorten it"
            raise _refused(event, rule)
        return int(text)
    if _FLOAT.fullmatch(text) or _NOT_FINITE.fullmatch(text):
        return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    return text


def _refused(event: yaml.Event, text: str) -> YamlTextError:
    return YamlTextError(_at_line(event.start_mark.line if event.start_mark else None) + text)


def _at_line(line: int | None) -> str:
    return "" if line is None else f"line {line + 1}: "


class _Dumper(yaml.SafeDumper):
    """Quotes texts that `read` would otherwise read as something else: `1e6` is a number in YAML 1.2."""


def _represent_text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    plain = not (text in _CONSTANTS or any(form.fullmatch(text) for form in (_INT, _FLOAT, _NOT_FINITE)))
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if plain else '"')


def _represent_tuple(dumper: _Dumper, items: tuple[Value, ...]) -> yaml.SequenceNode:
    return dumper.represent_list(items)


_Dumper.add_representer(str, _represent_text)
_Dumper.add_representer(tuple, _represent_tuple)


def write(values: Mapping[str, Value]) -> str:
    """Text from which `read` reads `values`; lists and mappings of single values are each on one line."""
    return yaml.dump(
        values, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=None, width=100
    )
