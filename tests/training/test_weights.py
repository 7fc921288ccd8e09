"""Weights as a file: what is written is the plain net that was judged; what is read fits or is refused."""

import json
import os
import socket
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings, strategies as st
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from vggsearch.arch import Architecture, Task
from vggsearch.data import stream
from vggsearch.errors import WeightsError
from vggsearch.model import build, outline
from vggsearch.recipe import Recipe
from vggsearch.runs import Outcome
from vggsearch.testing.strategies import any_architectures, architectures
from vggsearch.training import Checkpoints, read_weights, train
from vggsearch.training.setup import set_up
from vggsearch.training.weights import write_weights

CPU = torch.device("cpu")


def plain(architecture, task, seed=0):
    return build(architecture, task, generator=stream(seed, "initialization", CPU), initialization="kaiming")


def shapes_and_types(model):
    return {name: (tensor.shape, tensor.dtype) for name, tensor in model.state_dict().items()}


@given(architecture=architectures(input_shape=(2, 16, 16)))
@settings(max_examples=30)
def test_an_outline_has_the_names_shapes_and_types_of_the_net(architecture):
    task = Task((2, 16, 16), 5)
    assert shapes_and_types(outline(architecture, task)) == shapes_and_types(plain(architecture, task))


@given(architecture=any_architectures())
@settings(max_examples=20)
def test_an_outline_takes_no_memory_however_large_the_net(architecture):
    task = Task((3, 4096, 4096), 1_000_000)
    if len(architecture.blocks) <= task.max_blocks:
        state = outline(architecture, task).state_dict()
        assert {tensor.device.type for tensor in state.values()} == {"meta"}


@pytest.fixture(scope="module")
def made(data, test_images, make_key, tmp_path_factory):
    """A completed run and its weights file."""
    file = tmp_path_factory.mktemp("made") / "weights.safetensors"
    key = make_key(evaluate_on="test")
    return train(key, data, CPU, test_images=lambda: test_images, weights=file), file


@pytest.mark.parametrize("layers", ["torch", "narrow"])
def test_the_plain_net_with_these_weights_judges_each_image_as_training_did(
    data, test_images, make_key, tmp_path, layers
):
    recipe = Recipe(lr=0.1, momentum=0.9, batch_size=32, layers=layers, precision="float32")
    key = make_key(architecture="1x4-1x8+bn+gap", recipe=recipe, evaluate_on="test")
    file = tmp_path / "weights.safetensors"
    record = train(key, data, CPU, test_images=lambda: test_images, weights=file)
    found = read_weights(file)
    assert (found.digest, found.run) == (record.weights, key.digest)
    assert (str(found.architecture), found.task) == (key.architecture, key.task)
    assert shapes_and_types(outline(found.architecture, found.task)) == {
        name: (tensor.shape, tensor.dtype) for name, tensor in found.tensors.items()
    }
    assert all(tensor.is_contiguous() for tensor in found.tensors.values())
    net = plain(found.architecture, found.task, seed=5).eval()
    net.load_state_dict(found.tensors)
    for images, accuracy in ((data.val, record.val_accuracy), (test_images, record.test_accuracy)):
        x = (images.images.float() / 255 - data.mean[0]) / data.std[0]
        assert (net(x).argmax(1) == images.labels).float().mean().item() == pytest.approx(accuracy)
    assert record.test_accuracy > 0.5  # a net that learned nothing could agree by chance


def test_the_same_run_gives_the_same_bytes(made, data, test_images, tmp_path):
    record, file = made
    again = tmp_path / "again.safetensors"
    repeated = train(record.key, data, CPU, test_images=lambda: test_images, weights=again)
    assert repeated.weights == record.weights
    assert again.read_bytes() == file.read_bytes()
    with safe_open(file, "pt") as opened:
        assert list(opened.metadata()) == ["vggsearch"]  # of several keys the order would be random


def test_only_a_completed_run_has_weights(data, make_key, tmp_path):
    file = tmp_path / "weights.safetensors"
    pruned = train(make_key(), data, CPU, report=lambda _: False, weights=file)
    assert (pruned.outcome, pruned.weights, file.exists()) == (Outcome.PRUNED, None, False)


def test_a_folder_that_cannot_be_written_costs_the_weights_and_not_the_run(data, make_key, tmp_path):
    (tmp_path / "taken").write_text("a file")
    record = train(make_key(), data, CPU, weights=tmp_path / "taken" / "weights.safetensors")
    assert (record.outcome, record.weights) == (Outcome.COMPLETED, None)


def test_nothing_is_written_behind_a_link(data, make_key, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "run").symlink_to(tmp_path / "elsewhere")
    record = train(make_key(), data, CPU, weights=tmp_path / "run" / "weights.safetensors")
    assert (record.outcome, record.weights) == (Outcome.COMPLETED, None)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def renamed(tensors):
    tensors["head.linear9.weight"] = tensors.pop("head.linear1.weight")


def transposed(tensors):
    tensors["head.linear1.weight"] = tensors["head.linear1.weight"].T.contiguous()


def of_other_type(tensors):
    tensors["block1.conv1.bias"] = tensors["block1.conv1.bias"].view(torch.int32)


def without_a_number(tensors):
    tensors["block1.conv1.bias"][0] = float("nan")


@pytest.mark.parametrize("change", [renamed, transposed, of_other_type, without_a_number])
def test_tensors_that_are_not_the_net_s(made, tmp_path, change):
    tensors = load_file(made[1])
    change(tensors)
    with safe_open(made[1], "pt") as opened:
        save_file(tensors, tmp_path / "bad.safetensors", opened.metadata())
    refuse(tmp_path / "bad.safetensors", "")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"version": 0}, "version"),
        ({"architecture": "1x8-1x9+bn+gap"}, "bytes are not those of a net"),
        ({"architecture": "16x65536k31+fc65536,65536"}, "bytes are not those of a net"),
        ({"architecture": "import os"}, "no net of this family"),
        ({"architecture": "1x8-1x8+bn+gap\n" * 99}, "no net of this family"),
        ({"input_shape": [1, 1, 1]}, "no net of this family"),
        ({"num_classes": 10**30}, ""),
        ({"run": "../../x"}, "pattern"),
        ({"extra": 1}, ""),
    ],
)
def test_metadata_that_lie(made, tmp_path, changes, reason):
    with safe_open(made[1], "pt") as opened:
        told = json.loads(opened.metadata()["vggsearch"])
    save_file(
        load_file(made[1]), tmp_path / "bad.safetensors", {"vggsearch": json.dumps({**told, **changes})}
    )
    refuse(tmp_path / "bad.safetensors", reason)


def test_a_newer_file_says_what_to_install(made, tmp_path):
    newer = {"vggsearch": json.dumps({"version": 2, "quantised": True})}
    save_file(load_file(made[1]), tmp_path / "new.safetensors", newer)
    with pytest.raises(WeightsError, match=r"version 2, and this vggsearch reads version 1: install a newer"):
        read_weights(tmp_path / "new.safetensors")


def test_a_file_of_another_program(made, tmp_path):
    save_file(load_file(made[1]), tmp_path / "bad.safetensors", {"format": "pt"})
    refuse(tmp_path / "bad.safetensors", "written by another program")


@given(data=st.data())
@settings(max_examples=40)
def test_damage_is_one_line_or_another_number(made, tmp_path_factory, data):
    content = made[1].read_bytes()
    position, bit = data.draw(st.integers(0, len(content) - 1)), data.draw(st.integers(0, 7))
    cut = data.draw(st.booleans())
    changed = bytearray(content)
    changed[position] ^= 1 << bit
    file = tmp_path_factory.mktemp("damaged") / "bad.safetensors"
    file.write_bytes(content[:position] if cut else changed)
    said, digest = "", None
    try:
        digest = read_weights(file).digest
    except WeightsError as error:
        said = str(error)
    assert "\n" not in said
    assert (digest is None) == bool(said)
    assert digest != made[0].weights
    assert digest is None or not cut


@pytest.mark.parametrize("content", [b"", b"1234567", b"\xff" * 16, (2**40).to_bytes(8, "little") + b"{}"])
def test_what_is_no_safetensors_file(tmp_path, content):
    (tmp_path / "bad.safetensors").write_bytes(content)
    refuse(tmp_path / "bad.safetensors", "not safetensors")


def test_what_is_no_file(tmp_path):
    refuse(tmp_path / "absent", "No such file")
    refuse(tmp_path, "not a regular file")
    os.mkfifo(tmp_path / "pipe")
    refuse(tmp_path / "pipe", "not a regular file")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket"))
        refuse(tmp_path / "socket", "")


def refuse(file: Path, reason: str) -> None:
    with pytest.raises(WeightsError) as caught:
        read_weights(file)
    said = str(caught.value)
    assert said.startswith(f"'{file}' is no weights file of vggsearch, or is damaged (")
    assert reason in said
    assert said.endswith("): copy or make it again")
    assert "\n" not in said
    assert len(said) < 600


class TestGoOn:
    def test_it_begins_with_exactly_these_weights(self, made, data, make_key):
        weights = read_weights(made[1])
        key = make_key(seed=8, initial_weights=weights.digest)
        run = set_up(key, data, CPU, report=None, deadline=float("inf"), initial=weights.tensors)
        for name, tensor in run.model.state_dict().items():
            assert tensor.equal(weights.tensors[name])

    def test_another_number_of_classes_draws_the_last_layer_and_no_other(self, made, data, make_key):
        weights = read_weights(made[1])
        more = replace(data, num_classes=6)
        fresh = set_up(make_key(num_classes=6), more, CPU, report=None, deadline=float("inf"))
        key = make_key(num_classes=6, initial_weights=weights.digest)
        run = set_up(key, more, CPU, report=None, deadline=float("inf"), initial=weights.tensors)
        drawn = fresh.model.state_dict()
        for name, tensor in run.model.state_dict().items():
            assert tensor.equal(drawn[name] if name.startswith("head.linear1") else weights.tensors[name])
        weights.check_fit(key.task)

    def test_further_training_begins_where_it_ended(self, made, data, make_key):
        weights = read_weights(made[1])
        first = train(make_key(), data, CPU)
        later = train(make_key(initial_weights=weights.digest), data, CPU, initial=weights.tensors)
        assert later.key.digest != first.key.digest
        assert later.curve[0].val_loss < first.curve[0].val_loss

    def test_an_interrupted_run_goes_on_with_the_same_bits(self, made, data, make_key, tmp_path):
        weights = read_weights(made[1])
        key = make_key(initial_weights=weights.digest)
        whole = train(key, data, CPU, initial=weights.tensors, weights=tmp_path / "whole")
        kept = Checkpoints(tmp_path / "run", interval_s=0, clock=iter(range(10**6)).__next__)
        train(key, data, CPU, initial=weights.tensors, checkpoints=kept, report=lambda point: point.step < 20)
        assert list(kept.folder.glob("*.json"))
        resumed = train(
            key,
            data,
            CPU,
            initial=weights.tensors,
            checkpoints=Checkpoints(kept.folder),
            weights=tmp_path / "r",
        )
        assert resumed.weights == whole.weights

    @pytest.mark.parametrize("shape", [(3, 8, 8), (2, 16, 16)])
    def test_images_of_another_kind(self, made, shape):
        weights = read_weights(made[1])
        with pytest.raises(WeightsError) as caught:
            weights.check_fit(Task(shape, 4))
        assert str(caught.value) == (
            "a net goes on with images of as many channels, and an fc head of the same size: "
            f"block1.conv1.weight is 8×1×3×3 in the weights and would be 8×{shape[0]}×3×3: choose other "
            "data, or another --resize"
        )

    def test_a_head_that_counts_pixels_wants_images_of_one_size(self, tmp_path, make_key):
        key = make_key(architecture="1x4+fc8")
        weights = write_and_read(tmp_path / "fc.safetensors", key)
        weights.check_fit(Task((1, 8, 8), 7))
        with pytest.raises(
            WeightsError, match=r"^a net goes on .* head\.linear1\.weight is 8×64 in the weig"
        ):
            weights.check_fit(Task((1, 16, 16), 4))

    def test_gap_takes_images_of_any_size(self, made):
        read_weights(made[1]).check_fit(Task((1, 32, 20), 9))

    def test_a_key_and_its_weights_come_together(self, made, data, make_key):
        weights = read_weights(made[1])
        with pytest.raises(ValueError, match="begins with weights, or draws its own"):
            train(make_key(), data, CPU, initial=weights.tensors)
        with pytest.raises(ValueError, match="begins with weights, or draws its own"):
            train(make_key(initial_weights=weights.digest), data, CPU)


def write_and_read(file, key):
    write_weights(file, key, plain(Architecture.parse(key.architecture), key.task))
    return read_weights(file)
