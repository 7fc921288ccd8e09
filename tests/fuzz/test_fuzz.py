"""Every parser, a few hundred hostile inputs each, the same every time; `make fuzz` tries a million."""

import random

import pytest
import run
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


def test_the_long_form_tries_a_million_inputs_and_each_parser_enough():
    assert sum(target.inputs for target in TARGETS) >= 1_000_000
    assert min(target.inputs for target in TARGETS) >= 20_000


def test_without_atheris_the_long_form_says_so(monkeypatch, capsys):
    monkeypatch.setattr(run.importlib.util, "find_spec", lambda _: None)
    assert run.main([]) == 2
    assert capsys.readouterr().err == (
        "fuzz: needs atheris, which is not installed here: pip install 'vggsearch[fuzz]'\n"
    )
