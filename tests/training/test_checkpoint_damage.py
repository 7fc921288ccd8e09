"""A checkpoint that is not wholly and exactly this run's is passed over; nothing of it reaches the run."""

import hashlib
import json
import math
import os
import resource

import pytest
import torch
from safetensors.torch import load, save

from vggsearch.recipe import Budget
from vggsearch.runs.checksums import add_checksum, verify_checksum
from vggsearch.runs.record import RunKey
from vggsearch.training import Checkpoints, checkpoint
from vggsearch.training.loop import spend
from vggsearch.training.setup import set_up

CPU = torch.device("cpu")
OLDER, NEWER = 4, 6


@pytest.fixture(scope="module")
def key(make_key):
    return make_key(architecture="1x4+bn+fc8,8", budget=Budget(steps=NEWER))


@pytest.fixture(scope="module")
def files(data, key, tmp_path_factory):
    """The bytes of two sound checkpoints, by name."""
    folder = tmp_path_factory.mktemp("sound")
    run = begin(key, data)
    kept = Checkpoints(folder)
    kept.due = lambda: run.meter.steps in (OLDER, NEWER)
    spend(run, kept)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def folder(files, tmp_path):
    kept = tmp_path / "run"
    kept.mkdir()
    for name, content in files.items():
        (kept / name).write_bytes(content)
    return kept


def begin(key, data):
    return set_up(key, data, CPU, report=None, deadline=math.inf)


def state(run):
    tensors = checkpoint.tensors_of(run)
    bits = {name: tensor.detach().contiguous().numpy().tobytes() for name, tensor in tensors.items()}
    return bits, run.meter.steps, list(run.curve.points), run.eval_s, run.curve.read_loss


def counters(change):
    """A forger's way: other counters, with a checksum that fits."""

    def forge(folder):
        path = folder / f"{NEWER:012d}.json"
        found = json.loads(verify_checksum(path.read_bytes()))
        change(found)
        path.write_bytes(add_checksum(json.dumps(found).encode()))

    return forge


def tensors(change):
    """Other tensors, with a checksum that fits."""

    def forge(folder):
        path = folder / f"{NEWER:012d}.safetensors"
        found = load(path.read_bytes())
        change(found)
        content(save(found))(folder)

    return forge


def content(data):
    """Other bytes in place of the tensors, with a checksum that fits."""

    def forge(folder):
        (folder / f"{NEWER:012d}.safetensors").write_bytes(data)
        counters(lambda found: found.update(tensors=hashlib.sha256(data).hexdigest()))(folder)

    return forge


def file(form, change):
    """Damage to the bytes of one file."""

    def damage(folder):
        path = folder / f"{NEWER:012d}.{form}"
        path.write_bytes(change(path.read_bytes()))

    return damage


def flip(place):
    def change(data):
        at = int(place * (len(data) - 1))
        return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]

    return change


def replaced(form, make):
    """Something else under the name of one file."""

    def damage(folder):
        path = folder / f"{NEWER:012d}.{form}"
        path.rename(folder / "aside")
        make(path, folder / "aside")

    return damage


def header(text, length=None):
    """A safetensors file with that header, said to be of that length."""
    return (len(text) if length is None else length).to_bytes(8, "little") + text.encode()


def sparse(path, _):
    with path.open("wb") as handle:
        handle.truncate(10**12)


DAMAGES = {
    **{f"{form} flipped at {place}": file(form, flip(place)) for form in ("json", "safetensors")
       for place in (0, 0.01, 0.3, 0.7, 0.99, 1)},
    **{f"{form} cut to {share}": file(form, lambda data, share=share: data[: int(share * len(data))])
       for form in ("json", "safetensors") for share in (0, 0.1, 0.9, 0.999)},
    "one byte more": file("safetensors", lambda data: data + b"\0"),
    "tensors absent": lambda folder: (folder / f"{NEWER:012d}.safetensors").unlink(),
    "counters absent": lambda folder: (folder / f"{NEWER:012d}.json").unlink(),
    "tensors of the older one": lambda folder: (folder / f"{NEWER:012d}.safetensors").write_bytes(
        (folder / f"{OLDER:012d}.safetensors").read_bytes()
    ),
    **{f"{form} a link": replaced(form, lambda path, aside: path.symlink_to(aside))
       for form in ("json", "safetensors")},
    **{f"{form} a pipe": replaced(form, lambda path, _: os.mkfifo(path)) for form in ("json", "safetensors")},
    **{f"{form} a folder": replaced(form, lambda path, _: path.mkdir()) for form in ("json", "safetensors")},
    **{f"{form} of a terabyte": replaced(form, sparse) for form in ("json", "safetensors")},
    "of another key": counters(lambda found: found.update(key="0" * 64)),
    "of another torch": counters(lambda found: found.update(torch="1.0")),
    "of a later form": counters(lambda found: found.update(version=2)),
    "an unknown counter": counters(lambda found: found.update(path="../../x")),
    "a missing counter": counters(lambda found: found.pop("wall_s")),
    "no number": counters(lambda found: found.update(eval_s=math.nan)),
    "steps that are not its name's": counters(lambda found: found.update(steps=NEWER - 1)),
    "a negative step": counters(lambda found: found.update(steps=-1)),
    "seconds below zero": counters(lambda found: found.update(cpu_s=-1.0)),
    "no JSON of a run": file("json", lambda _: add_checksum(b"[" * 10_000 + b"]" * 10_000)),
    "an endless curve": counters(lambda found: found.update(curve=found["curve"] * 100)),
    "a tensor too many": tensors(lambda found: found.update({"model.more": torch.zeros(1)})),
    "a name that leaves": tensors(lambda found: found.update({"../../more": torch.zeros(1)})),
    "a tensor too few": tensors(lambda found: found.pop("loss")),
    "another shape": tensors(lambda found: found.update({"momentum.block1.conv1.weight": torch.zeros(4, 9)})),
    "another type": tensors(lambda found: found.update(loss=torch.zeros((), dtype=torch.float64))),
    "no state of a generator": tensors(
        lambda found: found.update({"generator.dropout": torch.full((5056,), 255, dtype=torch.uint8)})
    ),
    "more than the run holds": tensors(lambda found: found.update(loss=torch.zeros(10**6))),
    "no safetensors": content(b"\x80\x04K\x01."),  # a pickle
    "a header without end": content(header("{}", 2**63)),
    "a header longer than the file": content(header("{}", 10**6)),
    "a tensor beyond the file": content(
        header('{"loss":{"dtype":"F32","shape":[1000000000],"data_offsets":[0,4000000000]}}')
    ),
    "a shape that overflows": content(
        header('{"loss":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}')
    ),
    "tensors that overlap": content(
        header(
            '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
        )
        + bytes(4)
    ),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_checkpoint_is_passed_over_for_the_one_before_it(data, key, files, folder, damage):
    DAMAGES[damage](folder)
    around = sorted(folder.parent.rglob("*"))
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    run = begin(key, data)
    assert Checkpoints(folder).restore(run)
    assert run.meter.steps == OLDER
    assert state(run)[0]["loss"] == load(files[f"{OLDER:012d}.safetensors"])["loss"].numpy().tobytes()
    assert sorted(folder.parent.rglob("*")) == around
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb < 64 * 1024


def test_undamaged_the_newer_one_is_taken(data, key, folder):
    run = begin(key, data)
    assert Checkpoints(folder).restore(run)
    assert run.meter.steps == NEWER


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 8},
        {"training_revision": 2},
        {"architecture": "1x4+fc8,8"},
        {"budget": Budget(steps=NEWER + 1)},
        {"evaluate_on": "test"},
    ],
)
def test_where_none_is_this_run_s_it_begins_at_its_beginning(data, key, folder, change):
    other = RunKey.model_validate({**key.model_dump(), **change})
    run = begin(other, data)
    untouched = state(begin(other, data))
    assert not Checkpoints(folder).restore(run)
    assert state(run) == untouched


@pytest.mark.parametrize("damage", ["of another key", "no state of a generator", "another shape"])
def test_where_both_are_damaged_the_run_begins_at_its_beginning(data, key, folder, damage):
    DAMAGES[damage](folder)
    for form in ("json", "safetensors"):
        (folder / f"{OLDER:012d}.{form}").unlink()
    run = begin(key, data)
    assert not Checkpoints(folder).restore(run)
    assert state(run) == state(begin(key, data))


def test_damaged_ones_are_cleared_away_by_the_next_and_do_not_count_as_kept(data, key, folder):
    for form in ("json", "safetensors"):
        (folder / f"999999999999.{form}").write_bytes(b"damaged")
    DAMAGES["of another key"](folder)
    run = begin(key, data)
    kept = Checkpoints(folder)
    assert kept.restore(run)
    kept.due = lambda: run.meter.steps == OLDER + 1
    spend(run, kept)
    assert sorted(path.name for path in folder.iterdir()) == [
        f"{step:012d}.{form}" for step in (OLDER, OLDER + 1) for form in ("json", "safetensors")
    ]
