"""Hostile inputs made from good ones: bytes changed anywhere, or the tree of a JSON or YAML text.

Bytes alone seldom get past a parser's first lines. Where the input is a tree, its values are replaced by
hostile ones, and its keys dropped, doubled and renamed: it stays JSON or YAML, and is wrong further in.
"""

import copy
import json
import random
import struct
from collections.abc import Callable, Sequence
from typing import Any, Literal

import yaml

Form = Literal["bytes", "text", "json", "yaml", "safetensors"]
"""Of a target's input; a `safetensors` file is a JSON header, its length before it, numbers after it."""

Tree = Any

HOSTILE: tuple[Tree, ...] = (
    None,
    True,
    False,
    0,
    -1,
    1,
    2**31,
    2**63 - 1,
    2**63,
    2**64,
    -(2**63),
    10**29,
    10**400,
    0.0,
    -0.0,
    0.1,
    1e-320,
    5e-324,
    1e24,
    1e308,
    -1e308,
    "",
    "a",
    "0" * 64,
    "\0",
    "\x1b[2J",
    "one\ntwo\r\n",
    "\u202e\u2028\ufeff",
    "\U0001f600",
    "../../etc/passwd",
    "/etc/passwd",
    "=cmd()",
    "<script>alert(1)</script>",
    "{{ 7*7 }}",
    "%s%n",
    "NaN",
    "1e999",
    "A===",
    "x" * 2001,
    "x" * 5000,
    [],
    {},
    [[]],
    {"": None},
)
"""Values that have broken parsers: at the ends of number types, half-way to other languages, or empty."""

RAW: tuple[str, ...] = ("NaN", "Infinity", "-Infinity", "1e999", "-0", "9" * 5000, '"\\ud800"', "[" * 500, "")
"""JSON that Python's own `dumps` does not write."""

_SPOT = "\ue000raw\ue000"


def mutated(
    data: bytes,
    rng: random.Random,
    form: Form,
    tokens: Sequence[bytes],
    max_bytes: int,
    plain: Callable[[bytes], bytes] | None = None,
) -> bytes:
    """`data` changed once or a few times; `plain`, where given, changes its bytes in place of ours."""
    by_bytes = plain or (lambda old: _bytes(old, rng, tokens))
    result = data
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
        result = _once(result, rng, form, tokens, by_bytes)
    return result[:max_bytes]


def _once(
    data: bytes, rng: random.Random, form: Form, tokens: Sequence[bytes], by_bytes: Callable[[bytes], bytes]
) -> bytes:
    if form in ("bytes", "text") or rng.random() < 0.2:
        return by_bytes(data)
    if form == "safetensors":
        return _tensors(data, rng, tokens, by_bytes)
    try:
        tree = json.loads(data) if form == "json" else yaml.load(data, Loader=yaml.CSafeLoader)
    except (ValueError, RecursionError, yaml.YAMLError):
        return by_bytes(data)
    try:
        return _written(_tree(tree, rng, tokens), rng, form)
    except RecursionError:  # trees of trees of trees
        return by_bytes(data)


def _written(tree: Tree, rng: random.Random, form: Form) -> bytes:
    text = json.dumps(tree)
    if form == "yaml" and rng.random() < 0.5:
        return yaml.dump(tree, Dumper=yaml.CSafeDumper, sort_keys=False).encode()
    return text.replace(json.dumps(_SPOT), rng.choice(RAW)).encode()


def _tensors(
    data: bytes, rng: random.Random, tokens: Sequence[bytes], by_bytes: Callable[[bytes], bytes]
) -> bytes:
    (size,) = struct.unpack("<Q", data[:8].ljust(8, b"\0"))
    header, rest = data[8 : 8 + min(size, len(data))], data[8 + min(size, len(data)) :]
    if rng.random() < 0.3:
        return data[:8] + header + by_bytes(rest)
    changed = _once(header, rng, "json", tokens, by_bytes)
    return struct.pack("<Q", len(changed)) + changed + rest


def _tree(tree: Tree, rng: random.Random, tokens: Sequence[bytes]) -> Tree:
    """A copy of `tree` that differs in one place."""
    root = [copy.deepcopy(tree)]
    spots: list[tuple[Tree, Tree]] = []
    _walk(root, spots)
    holder, key = rng.choice(spots)
    other_holder, other_key = rng.choice(spots)
    match rng.randrange(9):
        case 0 | 1 | 2:
            holder[key] = copy.deepcopy(rng.choice(HOSTILE))
        case 3:
            holder[key] = _nudged(holder[key], rng)
        case 4:
            holder[key] = copy.deepcopy(other_holder[other_key])
        case 5 if holder is not root:
            del holder[key]
        case 6:
            value = rng.choice(tokens).decode(errors="replace") if tokens else _SPOT
            if isinstance(holder, dict):
                holder[value] = holder[key]
            else:
                holder[key] = value
        case 7:
            holder[key] = [holder[key]] * rng.choice((1, 2, 17, 100)) if rng.random() < 0.7 else _deep(rng)
        case _:
            holder[key] = _SPOT
    return root[0]


def _walk(holder: Tree, spots: list[tuple[Tree, Tree]]) -> None:
    for key in list(holder) if isinstance(holder, dict) else range(len(holder)):
        spots.append((holder, key))
        if isinstance(holder[key], dict | list):
            _walk(holder[key], spots)


def _deep(rng: random.Random) -> Tree:
    nest: Tree = None
    for _ in range(rng.choice((10, 20, 150, 400))):
        nest = [nest]
    return nest


def _nudged(value: Tree, rng: random.Random) -> Tree:
    """A value near `value`, of its own type where that can be."""
    if isinstance(value, bool) or value is None:
        return not value
    if isinstance(value, int | float):
        try:
            return rng.choice(
                (value + 1, value - 1, -value, value * 2, value * 1000, float(value), value / 3)
            )
        except OverflowError:
            return 0
    if isinstance(value, str):
        return _bytes(value.encode(errors="replace"), rng, ()).decode(errors="replace")
    return [*value, *value] if isinstance(value, list) else value


def _bytes(data: bytes, rng: random.Random, tokens: Sequence[bytes]) -> bytes:
    """`data` with a few of its bytes changed, dropped, doubled or put in."""
    at = rng.randrange(len(data) + 1)
    span = rng.choice((1, 1, 2, 4, 8, 64))
    match rng.randrange(8):
        case 0:
            return data[:at] + bytes([rng.randrange(256)]) + data[at + 1 :]
        case 1:
            return data[:at] + data[at + span :]
        case 2:
            return data[:at] + data[at : at + span] * rng.choice((2, 3, 50)) + data[at + span :]
        case 3:
            return data[:at] + rng.randbytes(span) + data[at:]
        case 4:
            return data[:at]
        case 5 if data:
            flipped = data[at : at + 1] or b"\0"
            return data[:at] + bytes([flipped[0] ^ 1 << rng.randrange(8)]) + data[at + 1 :]
        case 6:
            other = rng.randrange(len(data) + 1)
            return data[:at] + data[other : other + span] + data[at + span :]
        case _:
            token = rng.choice(tokens) if tokens else rng.choice((b"\0", b"\xff\xff\xff\xff", b"-1", b"\n"))
            return data[:at] + token + data[at + rng.choice((0, len(token))) :]
