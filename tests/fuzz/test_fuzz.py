"""Every parser, a few hundred hostile inputs each, the same every time; `make fuzz` tries a million."""

import random

import pytest
from contract import judge
from mutation import mutated
from targets import TARGETS

INPUTS = 200
SEED = 20261126


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_a_parser_returns_or_says_in_one_line_what_is_wrong(target, tmp_path):
    ready = target.make(tmp_path)
    for seed in ready.seeds:
        judge(target, ready.parse, seed)
    rng = random.Random(f"{SEED} {target.name}")
    for _ in range(INPUTS):
        data = mutated(rng.choice(ready.seeds), rng, target.form, target.tokens, target.max_bytes)
        try:
            judge(target, ready.parse, data)
        except Exception as error:
            error.add_note(f"input: {data!r}")
            raise
