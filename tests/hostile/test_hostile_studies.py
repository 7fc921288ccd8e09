"""Study files from strangers, given to every command that takes one: each is one clear line, at once."""

import os
import re

import pytest
from watched import MARK

COMMANDS = ("run", "status", "report", "space", "plan")

GOOD = """\
data: {name: fashion-mnist}
architectures: [1x8-1x16+gap]
recipe: fast
budget: {steps: 10}
sampler: grid
"""
RUNS_CODE = f"__import__('os').system('echo ran {MARK}')"


def bomb(levels: int) -> str:
    lines = ["a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, levels)]
    return "\n".join(lines) + "\n"


TEXTS = {
    "aliases that swell to 9^10": (bomb(10), "anchors and aliases are not read"),
    "an alias of itself": ("question: &a [*a]\n" + GOOD, "anchors and aliases are not read"),
    "a merge key": ("<<: {question: x}\n" + GOOD, "no such key"),
    "a thousand brackets": ("question: " + "[" * 1000 + "\n", "values nest at most 16 deep"),
    "twenty thousand brackets": ("[" * 20_000, "values nest at most 16 deep"),
    "sixteen thousand braces": ("{a: " * 16_000, "values nest at most 16 deep"),
    "thirty thousand dashes": ("- " * 30_000 + "a\n", "values nest at most 16 deep"),
    "deep indentation": (
        "".join(f"{' ' * i}a:\n" for i in range(300)),
        "values nest at most 16 deep",
    ),
    "a call of os.system": (
        f'question: !!python/object/apply:os.system ["echo ran {MARK}"]\n' + GOOD,
        "tags are not read",
    ),
    "a module": (f"!!python/module:{MARK}\n", "tags are not read"),
    "a name": (f"question: !!python/name:os.{MARK}\n" + GOOD, "tags are not read"),
    "an object of its own": (f"!<tag:yaml.org,2002:python/object/new:os.{MARK}> []\n", "tags are not read"),
    "bytes": ("question: !!binary aGVsbG8=\n" + GOOD, "tags are not read"),
    "a set": ("!!set {a, b}\n", "tags are not read"),
    "a key twice": (GOOD + "sampler: random\n", "occurs twice"),
    "a key that is a list": ("? [a]\n: b\n", "a key is text"),
    "a second document": (GOOD + "---\n" + GOOD, "a file is one document"),
    "an integer of sixty thousand digits": (f"seed: {'9' * 60_000}\n" + GOOD, "at most 30 digits"),
    "an integer of thirty digits": (GOOD + f"seed: {'9' * 30}\n", "seed: must be below"),
    "a negative integer": (GOOD + "seed: -1\n", "seed: must be at least 0"),
    "1e999": (GOOD + "time_limit_s: 1e999\n", "time_limit_s: must be"),
    "an exponent of many digits": (GOOD + f"time_limit_s: 1e{'9' * 3000}\n", "time_limit_s: must be"),
    "infinity": (GOOD + "time_limit_s: .inf\n", "time_limit_s: must be"),
    "not a number": (GOOD + "time_limit_s: .nan\n", "time_limit_s: must be"),
    "a date": (GOOD + "seed: 2001-12-14\n", "seed: must be a whole number"),
    "base sixty": (GOOD + "seed: 190:20:30\n", "seed: must be a whole number"),
    "a fraction that is all": (
        GOOD.replace("fashion-mnist}", "fashion-mnist, val_fraction: 1e30}"),
        "val_fraction: must be at most 0.9",
    ),
    "a budget that never ends": (GOOD.replace("steps: 10", "steps: 99999999999999999999"), "budget"),
    "a NUL byte": (GOOD.replace("grid", "gr\0id"), r"U\+0000 is not allowed in YAML"),
    "an escape sequence": (GOOD.replace("grid", "gr\x1b]0;owned\x07id"), r"U\+001B is not allowed in YAML"),
    "an escaped escape sequence": (
        GOOD.replace("grid", '"\\e]0;owned\\a\\e[31m"'),
        r"sampler: must be one of .*, not '\\x1b\]0;owned",
    ),
    "an escape sequence in a key": (GOOD + '"\\e[2J": 1\n', r"\\x1b\[2J"),
    "an escape sequence in a name": (
        GOOD.replace("fashion-mnist", '"\\e]8;;http://evil\\a"'),
        r"not '\\x1b\]8;;http://evil",
    ),
    "an escape sequence in a folder": (
        GOOD.replace("fashion-mnist", '"folder:\\e[2J\\n\\r/x"'),
        "data.name: must be printable",
    ),
    "an escape sequence in an architecture": (
        GOOD.replace("1x8-1x16+gap", '"\\e[2J"'),
        r"architectures.*\\x1b\[2J",
    ),
    "text turned round": (GOOD.replace("grid", '"\\u202Edirg\\u202C"'), r"not '\\u202edirg"),
    "half a character": (GOOD.replace("grid", '"\\uD800"'), "not half a character|out of range"),
    "no character at all": (GOOD.replace("grid", '"\\UFFFFFFFF"'), "out of range"),
    "markup of a terminal library": (
        GOOD.replace("grid", '"[link=http://evil][red]x[/]"'),
        r"not '\[link=http://evil\]\[red\]x\[/\]'",
    ),
    "a template": (GOOD.replace("grid", f'"{{{{ {MARK} }}}}"'), "sampler: must be one of"),
    "code": (GOOD.replace("grid", f'"{RUNS_CODE}"'), "sampler: must be one of"),
    "a directive of a version to come": ("%YAML 9999999999999.1\n---\n" + GOOD, "YAML"),
    "a directive that never ends": ("%" + "A" * 60_000, "YAML"),
    "a scalar": ("hello", "must be a mapping"),
    "nothing": ("", "must be a mapping|kind"),
    "UTF-16": (GOOD.encode("utf-16"), "text is UTF-8, not byte 0xff"),
    "UTF-32": (GOOD.encode("utf-32"), "text is UTF-8, not byte 0xff"),
    "not UTF-8": (GOOD.encode() + b"question: \xff\xfe\n", "text is UTF-8, not byte 0xff"),
    "overlong UTF-8": (GOOD.encode() + b"question: \xc0\xaf\n", "text is UTF-8, not byte 0xc0"),
    "one byte too many": (GOOD + "#" * 65_536, "at most 65536 bytes"),
    "ten thousand architectures": (
        GOOD.replace("1x8-1x16+gap", ", ".join(["1x8+gap"] * 7000)),
        "an architecture stands once",
    ),
    "an architecture too long": (
        GOOD.replace("1x8-1x16+gap", "'" + "1x8-" * 600 + "1x8+gap'"),
        "at most 2000 characters",
    ),
    "a data folder above": (
        GOOD.replace("fashion-mnist", "../../../../../../etc/passwd"),
        "a data set is one of",
    ),
}
"""What the file holds, and words of the line it is refused with."""

DATA_SEEN = ("an escape sequence in a name", "an escape sequence in a folder", "a data folder above")
"""Only commands that look for the images find fault with these."""


@pytest.mark.parametrize("name", TEXTS)
def test_a_hostile_study_is_one_line(place, name):
    content, words = TEXTS[name]
    place.text(".vggsearch/ledger/keep", "")
    study = place.text("study.yaml", content)
    for command in ("run", "space", "status") if name in DATA_SEEN else COMMANDS:
        line = place.refused(command, study)
        assert re.search(words, line), line


def make_file(place, kind):
    path = place.given / "study.yaml"
    if kind == "a gigabyte of nothing":
        with path.open("wb") as file:
            file.truncate(1 << 30)
    elif kind == "a pipe":
        os.mkfifo(path)
    elif kind == "a folder":
        path.mkdir()
    elif kind == "a link to itself":
        path.symlink_to(path)
    elif kind == "an endless device":
        path.symlink_to("/dev/zero")
    elif kind == "somebody's diary":
        path.symlink_to(place.own / "diary.txt")


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("a gigabyte of nothing", "1073741824 bytes, more than 65536"),
        ("a pipe", "not a regular file"),
        ("a folder", "not a regular file"),
        ("a link to itself", "cannot be read"),
        ("an endless device", "not a regular file"),
        ("somebody's diary", "must be a mapping|no such key"),
    ],
)
def test_what_is_no_text_at_all_is_not_read(place, kind, words):
    make_file(place, kind)
    place.text(".vggsearch/ledger/keep", "")
    for command in COMMANDS:
        assert re.search(words, place.refused(command, "study.yaml"))


@pytest.mark.parametrize(
    "name",
    [
        "..yaml.yaml",
        "-rf.yaml.yaml",
        "two words.yaml",
        "two\nlines.yaml",
        "\x1b]0;owned\x07.yaml",
        "\u202elmay.yaml",
        "=cmd|'/c calc'!A1.yaml".replace("/", "\u2215"),
        "<img src=x onerror=alert(1)>.yaml",
        "a" * 150 + ".yaml",
    ],
)
def test_a_file_name_names_no_folder_and_moves_no_cursor(place, name):
    place.text(".vggsearch/ledger/keep", "")
    place.text(name, GOOD)
    for command in COMMANDS:
        assert "a study is named after its file" in place.refused(command, "./" + name)


def searched(**choices: str) -> str:
    named = {"num_blocks": "[1]", "convs_per_block": "[1]", "ratio": "[1]", "kernel_size": "[3]"} | choices
    lines = "".join(f"  {key}: {value}\n" for key, value in named.items())
    return (
        GOOD.replace("architectures: [1x8-1x16+gap]\n", f"space:\n{lines}")
        .replace("sampler: grid", "sampler: random\ntrials: 1000")
        .replace("fashion-mnist", "folder:images")
    )


def numbers(last: int) -> str:
    return str(list(range(1, last + 1)))


BIG = {
    "num_blocks": "[8]",
    "channels": "[65536, 65536, 65536, 65536, 65536, 65536, 65536, 65536]",
    "convs_per_block": f"{{per_block: {numbers(32)}}}",
    "ratio": f"{{per_block: {numbers(64)}}}",
    "kernel_size": "{per_block: [1, 3, 5, 7, 9, 11, 13, 15]}",
}
SPACES = {
    "10^30 members": (searched(**BIG).replace("images}", "images, resize: 256}"), "a space has fewer than"),
    "a million numbers of blocks": (searched(num_blocks=str([1] * 20_000)), "num_blocks|at most 65536 bytes"),
    "a depth beyond all": (searched(num_blocks="[1000000]"), "num_blocks"),
    "a width beyond all": (searched(channels="[99999999999999999999]"), "channels"),
    "limits that leave nothing": (
        searched(constraints="{macs: {max: 1}}"),
        "excludes all candidates",
    ),
    "limits that contradict each other": (
        searched(constraints="{macs: {min: 100, max: 10}}"),
        "at most max",
    ),
    "the largest net on the largest image": (
        searched(channels="[65536]", kernel_size="[31]", convs_per_block="[32]").replace(
            "images}", "images, resize: 1000000000}"
        ),
        "resize",
    ),
}


@pytest.mark.parametrize("name", SPACES)
def test_a_space_without_end_is_refused(place, name):
    content, words = SPACES[name]
    place.images()
    place.text(".vggsearch/ledger/keep", "")
    study = place.text("study.yaml", content)
    for command in ("space", "run", "status"):
        line = place.refused(command, study)
        assert re.search(words, line), line


NEEDLE = searched(
    num_blocks="[4]",
    channels="[64, 128, 256, 512]",
    convs_per_block=f"{{per_block: {numbers(8)}}}",
    ratio="{per_block: [1, 2, 4, 8, 16, 32, 64]}",
    kernel_size="{per_block: [1, 3, 5, 7, 9, 11, 13]}",
    constraints="{macs: {min: 123456789, max: 123456800}, params: {min: 100000, max: 100100}}",
).replace("images}", "images, resize: 32}")


def test_a_needle_in_10_to_the_10_members_takes_neither_time_nor_memory(place):
    place.images()
    study = place.text("study.yaml", NEEDLE)
    assert "excludes all that 100000 <= params <= 100100 allow" in place.refused("space", study)
