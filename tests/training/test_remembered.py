"""A choice is measured once for nets that are alike on one machine, and no file can make a run fail."""

import json
from pathlib import Path

import pytest
import torch

from vggsearch.arch import Architecture, Task
from vggsearch.recipe import Recipe
from vggsearch.training import choices_folder, measure_speeds, remembered
from vggsearch.training.choices import Choice, candidates
from vggsearch.training.remembered import Memory, choose, setting_of

CPU = torch.device("cpu")
PLAIN = Choice(precision="float32", layers="torch")
HALF = Choice(precision="bfloat16", layers="torch")
BOTH = Choice(precision="bfloat16", layers="narrow")
FASTEST = Recipe(lr=0.1, batch_size=32, precision="fastest")
NET = "2x8-1x16+bn+gap"


@pytest.fixture(autouse=True)
def measured(monkeypatch):
    """The nets that were measured, each found to be fastest in bfloat16 with torch's layers."""
    nets = []

    def time_choices(architecture, _task, _recipe, choices):
        nets.append(str(architecture))
        return {choice: [0.5 if choice == HALF else 1.0] for choice in choices}

    monkeypatch.setattr(remembered, "time_choices", time_choices)
    return nets


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "cache" / "choices"


@pytest.fixture
def key(make_key):
    return make_key(architecture=NET, recipe=FASTEST)


def setting(net=NET, task=Task((1, 8, 8), 4), recipe=FASTEST):  # noqa: B008 - immutable
    architecture = Architecture.parse(net)
    return setting_of(architecture, task, recipe, candidates(recipe, architecture, CPU))


def test_a_choice_is_measured_once_for_all_processes_of_a_machine(key, folder, measured):
    here, other = Memory(folder), Memory(folder)
    assert [choose(key, CPU, memory=memory) for memory in (here, here, other)] == [HALF] * 3
    assert measured == [NET]
    (file,) = folder.iterdir()
    assert file.name == f"{setting().digest}.json"


@pytest.mark.parametrize(
    ("net", "alike"),
    [
        ("1x8-1x16+bn+gap", True),
        ("2x8-1x16-1x32+bn+gap", True),
        ("2x9-1x16+bn+gap", True),
        ("2x8-1x16k5+bn+gap", True),
        ("2x8k5-1x16k5+bn+gap", False),
        ("2x4-1x16+bn+gap", False),
        ("2x8-1x16+gap", False),
        ("2x8-1x16+bn+fc8", False),
    ],
)
def test_nets_that_are_alike_share_a_choice(make_key, key, folder, measured, net, alike):
    memory = Memory(folder)
    choose(key, CPU, memory=memory)
    choose(make_key(architecture=net, recipe=FASTEST), CPU, memory=memory)
    assert measured == ([NET] if alike else [NET, net])


def test_few_channels_anywhere_and_the_size_of_images_and_batches_belong_to_a_setting():
    assert setting("1x16-1x24+bn+gap") != setting("1x16-1x32+bn+gap")
    assert setting(task=Task((1, 28, 28), 4)) == setting(task=Task((3, 32, 32), 10)) != setting()
    large = FASTEST.model_copy(update={"batch_size": 128})
    assert setting(recipe=large) != setting()
    assert setting(recipe=large) == setting(recipe=FASTEST.model_copy(update={"batch_size": 120}))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("vggsearch.training.remembered.processor_model", lambda: "another processor"),
        ("torch.__version__", "1.0"),
        ("torch.get_num_threads", lambda: 64),
    ],
)
def test_another_processor_torch_or_number_of_threads_is_measured_anew(
    key, folder, measured, monkeypatch, name, value
):
    choose(key, CPU, memory=Memory(folder))
    monkeypatch.setattr(name, value)
    choose(key, CPU, memory=Memory(folder))
    assert len(measured) == len(list(folder.iterdir())) == 2


def other_setting(content):
    content["setting"]["torch"] = "1.0"


def not_permitted(content):
    content["choice"] = {"precision": "bfloat16", "layers": "wide"}


def not_a_candidate(content):
    content["setting"]["candidates"] = content["setting"]["candidates"][:1]


def later_version(content):
    content["version"] = 2


def unknown_field(content):
    content["why"] = "because"


def edited(change):
    def damage(path):
        content = json.loads(path.read_text())
        change(content)
        path.write_text(json.dumps(content))

    return damage


def link(path):
    path.rename(path.parent.parent / "elsewhere")
    path.symlink_to(path.parent.parent / "elsewhere")


DAMAGES = {
    "empty": lambda path: path.write_bytes(b""),
    "cut short": lambda path: path.write_bytes(path.read_bytes()[:-9]),
    "too large": lambda path: path.write_bytes(path.read_bytes() + b" " * 10**6),
    "no text": lambda path: path.write_bytes(b"\xff\xfe\x00"),
    "a link": link,
    **{
        change.__name__: edited(change)
        for change in (other_setting, not_permitted, not_a_candidate, later_version, unknown_field)
    },
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_file_that_is_damaged_or_foreign_is_ignored_and_replaced(key, folder, measured, damage):
    choose(key, CPU, memory=Memory(folder))
    (file,) = folder.iterdir()
    sound = file.read_bytes()
    damage(file)
    assert choose(key, CPU, memory=Memory(folder)) == HALF
    assert len(measured) == 2
    assert file.read_bytes() == sound
    assert not file.is_symlink()
    assert list(folder.iterdir()) == [file]


def test_of_two_processes_that_measure_at_once_the_first_that_writes_decides_for_both(folder):
    first, second = Memory(folder), Memory(folder)
    assert first.recall(setting()) is second.recall(setting()) is None
    assert first.keep(setting(), BOTH) == BOTH
    assert second.keep(setting(), PLAIN) == BOTH
    assert [memory.recall(setting()) for memory in (first, second, Memory(folder))] == [BOTH] * 3


@pytest.mark.parametrize("place", ["file/choices", "link/choices", None])
def test_where_nothing_can_be_written_a_process_remembers_for_itself(key, tmp_path, measured, place):
    (tmp_path / "file").write_text("not a folder")
    (tmp_path / "link").symlink_to(tmp_path / "link")
    memory = Memory(None if place is None else tmp_path / place)
    assert choose(key, CPU, memory=memory) == choose(key, CPU, memory=memory) == HALF
    assert measured == [NET]


def test_a_folder_in_place_of_the_file_is_left_alone(key, folder, measured):
    (folder / f"{setting().digest}.json").mkdir(parents=True)
    memory = Memory(folder)
    assert choose(key, CPU, memory=memory) == choose(key, CPU, memory=memory) == HALF
    assert measured == [NET]


def test_a_user_without_a_home_has_no_folder(monkeypatch):
    monkeypatch.setattr(remembered, "cache_dir", lambda: Path("~/.cache/vggsearch"))
    assert choices_folder() is None


def test_the_folder_is_in_the_user_s_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert choices_folder() == tmp_path / "vggsearch" / "choices"


def test_where_memory_is_short_the_plainest_is_taken_and_nothing_measured(key, folder, measured, monkeypatch):
    monkeypatch.setattr(remembered, "free_bytes", lambda _: 1000)
    assert choose(key, CPU, memory=Memory(folder)) == PLAIN
    assert measured == []
    assert not folder.exists()


def test_a_choice_that_the_recipe_does_not_permit_is_no_reason_to_use_it(make_key, folder):
    key = make_key(recipe=Recipe(lr=0.1, precision="float32"))
    assert choose(key, CPU, begun_with=BOTH, memory=Memory(folder)) == PLAIN


def test_measured_speeds_are_images_a_second_and_remember_nothing(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    net, task = Architecture.parse(NET), Task((1, 8, 8), 4)
    speeds = measure_speeds(net, task, FASTEST)
    assert list(speeds.images_per_s.values()) == [1.0, 1.0, 2.0, 1.0]
    assert (speeds.chosen, speeds.remembered) == (HALF, None)
    assert list(tmp_path.iterdir()) == []
