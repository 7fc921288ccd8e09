"""A recipe says in which precision a run multiplies, or leaves it to the device; the record says which."""

import math

import pytest
import torch
from vggsearch.training.precision import multiplies_bfloat16, precision

from vggsearch.arch import Architecture, Task
from vggsearch.memory import training_memory
from vggsearch.recipe import Recipe
from vggsearch.runs.record import Provenance
from vggsearch.training import train
from vggsearch.training.loop import compute
from vggsearch.training.setup import set_up

CPU, GPU = torch.device("cpu"), torch.device("cuda")
HERE = "bfloat16" if multiplies_bfloat16() else "float32"


@pytest.mark.parametrize(
    ("chosen", "device", "becomes"),
    [
        ("auto", CPU, "float32"),
        ("auto", GPU, "bfloat16"),
        ("fastest", CPU, HERE),
        ("fastest", GPU, "bfloat16"),
        ("float32", GPU, "float32"),
        ("bfloat16", CPU, "bfloat16"),
    ],
)
def test_who_decides(chosen, device, becomes):
    assert precision(Recipe(lr=0.1, precision=chosen), device) == becomes


@pytest.mark.parametrize(
    ("flags", "hardware"),
    [
        ("fpu avx2 avx512f avx512_bf16 avx512_vnni", True),
        ("fpu avx2 avx512f amx_bf16 amx_tile", True),
        ("fpu avx2 avx512f avx512_vnni", False),
        ("", False),
    ],
)
def test_a_processor_multiplies_bfloat16_where_linux_lists_the_instructions(tmp_path, flags, hardware):
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(f"processor\t: 0\nmodel name\t: avx512_bf16 in name only\nflags\t\t: {flags}\n")
    assert multiplies_bfloat16(cpuinfo) is hardware


def test_where_the_system_does_not_say_it_does_not(tmp_path):
    assert multiplies_bfloat16(tmp_path / "none") is False


def test_torch_sees_the_same_processor():
    if not hasattr(torch.cpu, "get_capabilities"):
        pytest.skip("needs a torch that tells what the processor can do")
    found = torch.cpu.get_capabilities()
    assert multiplies_bfloat16() is bool(found.get("avx512_bf16") or found.get("amx_bf16"))


@pytest.mark.parametrize("chosen", ["auto", "fastest", "float32", "bfloat16"])
def test_a_run_multiplies_in_it_and_its_record_says_so(data, make_key, chosen):
    recipe = Recipe(lr=0.1, batch_size=32, precision=chosen)
    key = make_key(recipe=recipe)
    run = set_up(key, data, CPU, report=None, deadline=math.inf)
    seen = []
    run.model[0][0].register_forward_hook(lambda *given: seen.append(given[-1].dtype))
    run.batches.advance()
    compute(run)
    record = train(key, data, CPU)
    assert seen == [getattr(torch, precision(recipe, CPU))]
    assert record.provenance.precision == precision(recipe, CPU)
    assert record.provenance.bit_reproducible is (chosen != "fastest")


def test_records_from_before_keep_their_bytes(data, make_key):
    made = train(make_key(), data, CPU).provenance
    before = made.model_copy(update={"precision": None})
    assert "precision" not in before.model_dump_json()
    assert Provenance.model_validate_json(before.model_dump_json()) == before
    assert Provenance.model_validate_json(made.model_dump_json()) == made


def test_memory_is_foreseen_for_the_precision_that_takes_more():
    net = Architecture.parse("2x8-2x16+bn+gap")

    def total(precision, device):
        recipe = Recipe(lr=0.1, precision=precision)
        return training_memory(net, Task((1, 28, 28), 10), recipe, device=device).total

    assert total("fastest", "cpu") == total("float32", "cpu")
    assert total("fastest", "cuda") == total("bfloat16", "cuda") == total("auto", "cuda")
