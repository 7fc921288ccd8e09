import os
import re
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings, strategies as st

from vggsearch.arch import Task
from vggsearch.costs import METRICS
from vggsearch.errors import StudyFileError
from vggsearch.recipe import RECIPES
from vggsearch.study import Study, load_study
from vggsearch.study.file.load import KINDS, parse_study
from vggsearch.study.file.messages import EXAMPLE
from vggsearch.study.file.space import Constraints

PATH = Path("studies/x.yaml")

GOOD = """\
kind: search
question: Does it read?
data: {name: fashion-mnist, val_fraction: 0.1, split_seed: 0}
space:
  channels: [64, 128, 256, 512, 512]
  num_blocks: [2, 3, 4]
  convs_per_block: [1, 2]
  ratio: [4, 8, 16]
  kernel_size: {per_block: [3, 5]}
  batch_norm: [true]
  head: [gap]
  constraints: {macs: {max: 2e7}, receptive_field: {min: 12}}
recipe: fast
budget: {seconds: 60}
sampler: tpe
trials: 54
finalists: {count: 5, seeds: 5}
objectives: [val_accuracy, macs, params]
reference: {val_accuracy: 0.8, macs: 1.0e+8, params: 1e7}
seed: 7
time_limit_s: 3600
"""
WITHOUT_SPACE = re.sub("space:\n(  .*\n)*", "", GOOD)
SHORT = """\
data: {name: mnist}
architectures: [vgg11/8, 1x16k3-1x32+gap]
recipe: d2l
budget: {epochs: 1}
sampler: grid
"""


def error_of(source: str, path: Path = PATH) -> str:
    with pytest.raises(StudyFileError) as error:
        parse_study(source, path)
    return str(error.value)


def test_a_study_says_what_its_file_says():
    study = parse_study(GOOD, PATH)
    assert (study.name, study.path, study.source) == ("x", PATH, GOOD)
    assert study.data.name == "fashion-mnist"
    assert study.data.resize is None
    assert study.recipe == RECIPES["fast"]
    assert (study.budget.kind, study.budget.amount) == ("seconds", 60.0)
    assert (study.sampler, study.trials, study.baseline) == ("tpe", 54, True)
    assert (study.finalists.count, study.finalists.seeds) == (5, 5)
    assert study.objectives == ("val_accuracy", "macs", "params")
    assert study.reference == {"val_accuracy": 0.8, "macs": 1e8, "params": 1e7}
    assert (study.seed, study.time_limit_s) == (7, 3600.0)


def test_what_a_short_file_leaves_out_has_a_default():
    study = parse_study(SHORT, PATH)
    assert study.architectures == ("1x8-1x16-2x32-2x64-2x64+fc4096,4096", "1x16-1x32+gap")
    assert (study.kind, study.question, study.seed) == ("search", "", 0)
    assert (study.data.val_fraction, study.data.split_seed) == (0.1, 0)
    assert (study.trials, study.baseline, study.time_limit_s) == (None, False, None)
    assert study.objectives == ("val_accuracy",)
    assert study.reference is None
    assert (study.finalists.count, study.finalists.seeds) == (5, 5)
    assert parse_study(SHORT + "finalists: null\n", PATH).finalists is None


def test_the_metric_is_the_first_objective_and_its_default_is_no_part_of_the_identity():
    plain, balanced = (parse_study(SHORT + more, PATH) for more in ("", "metric: balanced_accuracy\n"))
    assert (plain.criterion, plain.objectives) == ("val_accuracy", ("val_accuracy",))
    assert (balanced.criterion, balanced.objectives) == ("val_balanced_accuracy", ("val_balanced_accuracy",))
    assert "metric" not in plain.identity()
    assert parse_study(SHORT + "metric: accuracy\n", PATH).identity() == plain.identity()
    assert balanced.identity()["metric"] == "balanced_accuracy"
    assert balanced.with_options(time_limit_s=3.0).objectives == balanced.objectives


@pytest.mark.parametrize(
    ("sampler", "baseline"),
    [("random", False), ("tpe", True), ("nsga2", True), ("gp", True), ("grid", False)],
)
def test_the_baseline_is_on_unless_the_sampler_is_as_simple(sampler, baseline):
    source = GOOD.replace("sampler: tpe", f"sampler: {sampler}")
    assert parse_study(source, PATH).baseline is baseline
    assert parse_study(source + f"baseline: {str(not baseline).lower()}\n", PATH).baseline is not baseline


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        ("fast", {}),
        ("{base: fast, lr: 0.1}", {"lr": 0.1}),
        ("{base: fast}", {}),
        ("{base: d2l, momentum: 0.5, flip: true}", {"momentum": 0.5, "flip": True}),
    ],
)
def test_a_recipe_is_a_name_or_a_name_with_changes(text, changes):
    base = "d2l" if "d2l" in text else "fast"
    study = parse_study(GOOD.replace("recipe: fast", f"recipe: {text}"), PATH)
    assert study.recipe == RECIPES[base].model_copy(update=changes)


def test_a_recipe_may_be_written_out():
    study = parse_study(GOOD.replace("recipe: fast", "recipe: {lr: 1, schedule: linear}"), PATH)
    assert (study.recipe.lr, study.recipe.schedule, study.recipe.momentum) == (1.0, "linear", 0.0)


def test_the_space_is_that_of_the_file():
    space = parse_study(GOOD, PATH).space(Task((1, 28, 28), 10))
    everything = parse_study(GOOD.replace("  constraints", "  #"), PATH).space(Task((1, 28, 28), 10))
    # 2 convolution counts × 3 ratios × (2² + 2³ + 2⁴) kernels
    assert everything.count == 2 * 3 * (4 + 8 + 16)
    assert 0 < space.count < everything.count
    assert space.task == Task()
    listed = parse_study(SHORT.replace("vgg11/8, ", ""), PATH).space(Task((1, 28, 28), 10))
    assert [str(architecture) for architecture in listed] == ["1x16-1x32+gap"]


def test_resizing_changes_the_input_once():
    study = parse_study(GOOD.replace("name: fashion-mnist", "name: fashion-mnist, resize: 64"), PATH)
    assert study.task(Task((3, 28, 32))) == Task((3, 64, 64))
    assert study.space(Task((1, 28, 28), 10)).task.input_shape == (1, 64, 64)
    assert study.space(Task((1, 64, 64), 10)).task.input_shape == (1, 64, 64)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "[2, 3, 4]",
            "[5]",
            "space: num_blocks goes up to 5, and a side of 28 pixels can be halved 4 times: use at most 4 "
            "blocks, or "
            "resize the images to at least 32 pixels",
        ),
        ("[3, 5]", "[2]", "space: a kernel size is odd and from 1 to 31, not 2: use 3 or 5, for example"),
        (
            "[4, 8, 16]",
            "[65]",
            "space: ratio 65 leaves no channel in a block of 64: use ratios of at most 64",
        ),
        (
            "{max: 2e7}",
            "{max: 10}",
            "space: the constraint macs <= 10 excludes all candidates, which have 84752 to 25914880: "
            "raise its max",
        ),
        (
            "[3, 5]",
            "[3, 3]",
            "space: a choice lists whole numbers from 1, each once, not [3, 3]: write [3, 5]",
        ),
    ],
)
def test_an_impossible_or_empty_space_is_one_line_under_its_key(old, new, message):
    study = parse_study(GOOD.replace(old, new), PATH)
    with pytest.raises(StudyFileError) as error:
        study.space(Task((1, 28, 28), 10))
    assert str(error.value).startswith(f"studies/x.yaml: {message}")
    assert "\n" not in str(error.value)


def test_a_listed_net_that_does_not_fit_is_one_line_under_its_key():
    with pytest.raises(
        StudyFileError, match=r"^studies/x.yaml: architectures: 5 blocks halve a side of 28 pixels"
    ):
        parse_study(SHORT, PATH).space(Task((1, 28, 28), 10))


MESSAGES = [
    # unknown keys
    ("sampler: tpe", "samplr: tpe", "samplr: no such key: did you mean sampler?"),
    (
        "seed: 7",
        "zebra: 0",
        "zebra: no such key: use one of question, data, recipe, budget, seed, time_limit_s, keep_weights, "
        "kind, space, architectures, sampler, strategy, trials, baseline, finalists, first, stop, metric, "
        "objectives, reference",
    ),
    ("kernel_size", "kernal_size", "space.kernal_size: no such key: did you mean kernel_size?"),
    ("{per_block", "{perblock", "space.kernel_size.perblock: no such key: did you mean per_block?"),
    ("macs: {max: 2e7}", "mac: {max: 2e7}", "space.constraints.mac: no such key: did you mean macs?"),
    ("recipe: fast", "recipe: {base: fast, lrr: 1}", "recipe.lrr: no such key: did you mean lr?"),
    ("{seconds: 60}", "{second: 60}", "budget.second: no such key: did you mean seconds?"),
    ("seed: 7", '"a\\n": 0', "'a\\n': no such key: use one of question, data,"),
    # wrong types
    (
        "{per_block: [3, 5]}",
        "3",
        "space.kernel_size: must be a list, not 3: write kernel_size: [3, 5], for example",
    ),
    (
        "[3, 5]",
        "[3, '5']",
        "space.kernel_size.per_block.1: must be a whole number, not '5': write per_block: [3, 5], for "
        "example",
    ),
    (
        "[4, 8, 16]",
        "[true, 2]",
        "space.ratio.0: must be a whole number, not true: write ratio: [4, 8, 16], for example",
    ),
    (
        "[true]",
        "[yes]",
        "space.batch_norm.0: must be true or false, not 'yes': write batch_norm: [true], for example",
    ),
    ("{seconds: 60}", "{seconds: '60'}", "budget.seconds: must be a number, not '60': write seconds: 60"),
    (
        "{seconds: 60}",
        "{seconds: .inf}",
        "budget.seconds: must be a finite number, not inf: write seconds: 60",
    ),
    ("{seconds: 60}", "{steps: 1.5}", "budget.steps: must be a whole number, not 1.5: write steps: 1000"),
    (
        "{seconds: 60}",
        "60",
        "budget: must be a mapping of keys to values, not 60: write budget: {seconds: 60}",
    ),
    ("trials: 54", "trials: 1e2", "trials: must be a whole number, not 100.0: write trials: 54, for example"),
    ("question: Does it read?", "question: 1", "question: must be text, not 1: write question: Which net"),
    (
        "{count: 5, seeds: 5}",
        "[5]",
        "finalists: must be a mapping of keys to values, not [5]: write finalists: {count: 5, seeds: 5}",
    ),
    # values out of range
    (
        "[4, 8, 16]",
        "[]",
        "space.ratio: must hold at least 1, not []: write ratio: [4, 8, 16], for example",
    ),
    ("[4, 8, 16]", "[0]", "space.ratio.0: must be at least 1, not 0: write ratio: [4, 8, 16], for example"),
    (
        "{seconds: 60}",
        "{seconds: 0}",
        "budget.seconds: must be above 0, not 0: write seconds: 60, for example",
    ),
    ("trials: 54", "trials: 0", "trials: must be at least 1, not 0: write trials: 54, for example"),
    ("seed: 7", "seed: -1", "seed: must be at least 0, not -1: write seed: 0, for example"),
    ("n: 0.1", "n: 1", "data.val_fraction: must be at most 0.9, not 1: write val_fraction: 0.1, for example"),
    (
        "sampler: tpe",
        "sampler: bayes",
        "sampler: must be one of grid, random, tpe, nsga2, gp, rungs, screen, model, not 'bayes': write "
        "sampler: tpe, for example",
    ),
    (
        "sampler: tpe",
        "sampler: TPE",
        "sampler: must be one of grid, random, tpe, nsga2, gp, rungs, screen, model, not 'TPE': "
        "did you mean tpe?",
    ),
    (
        "kind: search",
        "kind: serach",
        "kind: must be one of search, ablation, table, not 'serach': did you mean search?",
    ),
    ("[gap]", "[gaap]", "space.head: a head is gap or fcN,N, not 'gaap': write gap or fc4096,4096"),
    (
        "{max: 2e7}",
        "{min: 3e7, max: 2e7}",
        "space.constraints.macs.min: must be at most max, 2e7, not 3e7: lower min or raise max",
    ),
    (
        "{max: 2e7}",
        "{}",
        "space.constraints.macs: needs min, max or both, and has neither: write {max: 2e7}, for example",
    ),
    # rules between keys
    (
        "{seconds: 60}",
        "{seconds: 60, epochs: 1}",
        "budget: a budget is exactly one of seconds, epochs, steps or macs, not seconds and epochs: write",
    ),
    (
        "recipe: fast",
        "recipe: fats",
        "recipe: must be a recipe's name or its settings, not 'fats': did you mean",
    ),
    (
        "recipe: fast",
        "recipe: {base: [x]}",
        "recipe.base: must be a recipe's name or its settings, not [x]: use one of d2l, fast",
    ),
    (
        "recipe: fast",
        "recipe: {base: d2l, nesterov: true}",
        "recipe: nesterov needs a momentum above 0: set momentum to 0.9, for example, or nesterov to false",
    ),
    (
        "trials: 54\n",
        "",
        "trials: required with sampler tpe, and absent: write trials: 54, for example",
    ),
    (
        "sampler: tpe\ntrials: 54",
        "sampler: gp\ntrials: 301",
        "trials: must be at most 300 with sampler gp, which asks ever slower, not 301: lower it, or use "
        "sampler: tpe",
    ),
    (
        "[val_accuracy, macs, params]",
        "[macs, val_accuracy, params]",
        "objectives: must begin with val_accuracy, not [macs, val_accuracy, params]: put it first",
    ),
    (
        "[val_accuracy, macs, params]",
        "[val_balanced_accuracy, macs, params]",
        "objectives: must begin with val_accuracy, not [val_balanced_accuracy, macs, params]: put it first, "
        "or write metric: balanced_accuracy",
    ),
    (
        "[val_accuracy, macs, params]",
        "[val_accuracy, macs, params]\nmetric: balanced_accuracy",
        "objectives: must begin with val_balanced_accuracy, not [val_accuracy, macs, params]: put it first, "
        "or write metric: accuracy",
    ),
    (
        "[val_accuracy, macs, params]",
        "[val_accuracy, val_balanced_accuracy]",
        "objectives: must hold one accuracy, not [val_accuracy, val_balanced_accuracy]: remove the second",
    ),
    (
        "seed: 7",
        "metric: balanced",
        "metric: must be one of accuracy, balanced_accuracy, not 'balanced': did you mean balanced_accuracy?",
    ),
    (
        "[val_accuracy, macs, params]",
        "[val_accuracy, macs, macs]",
        "objectives: must name each once, not [val_accuracy, macs, macs]: remove what stands twice",
    ),
    (
        "[val_accuracy, macs, params]",
        "[val_accuracy, latency_ms]",
        "reference: must have the objectives as its keys, [val_accuracy, latency_ms], not [val_accuracy, "
        "macs, "
        "params]: add or remove keys until they agree",
    ),
    (
        "reference: {val_accuracy: 0.8, macs: 1.0e+8, params: 1e7}\n",
        "",
        "reference: required with several objectives, and absent: give a value for each of val_accuracy, "
        "macs, "
        "params",
    ),
    (
        "y: 0.8",
        "y: 80",
        "reference: val_accuracy must be a fraction below 1, not 80: write 0.8, for example",
    ),
    ("macs: 1.0e+8", "macs: 0", "reference: macs must be above 0, not 0: write a cost no net should have"),
    (
        "recipe: fast",
        "recipe: fast\narchitectures: [vgg11]",
        "a study has space or architectures, not both: keep one of the two keys",
    ),
    # not YAML, or more of YAML than is read
    (
        "[gap]",
        "[gap",
        "line 12: not readable as YAML, expected ',' or ']', but got ':': check indentation, colons, "
        "quotes and "
        "brackets",
    ),
    ("seed: 7", "seed: 7\nseed: 1", "line 21: a key may occur once, and 'seed' occurs twice: remove one"),
    ("seed: 7", "7: 0", "line 20: a key is text, not 7: put it in quotes, or name the key"),
    (
        "seed: 7",
        "seed: &a 0",
        "line 20: anchors and aliases are not read, and here is 'a': write the value out",
    ),
    (
        "seed: 7",
        "seed: !!python/name:os.system x",
        "line 20: tags are not read, and here is 'tag:yaml.org,2002:python/name:os.system': write the value",
    ),
    (
        "seed: 7",
        f"seed: {'9' * 31}",
        f"line 20: a whole number has at most 30 digits, not '{'9' * 31}': shorten it",
    ),
    ("seed: 7", "seed: " + "[" * 17, "line 20: values nest at most 16 deep: look for brackets left open"),
    ("seed: 7", "seed: 0\n---\nseed: 0", "line 21: a file is one document, and a second one begins: remove"),
    ("seed: 7", "seed: \x00", "character U+0000 is not allowed in YAML: remove it"),
    ("seed: 7", 'seed: "\\ud800"', "line 20: text is Unicode, not half a character, '\\ud800': remove it"),
    (
        "seed: 7",
        'seed: "\\UFFFFFFFF"',
        "not readable as YAML, an escape or directive is out of range: remove it",
    ),
    (
        "seed: 7",
        "#" * 65536,
        f"a file has at most 65536 bytes, not {len(GOOD) - len('seed: 7') + 65536}: shorten it",
    ),
]


@pytest.mark.parametrize(("old", "new", "message"), MESSAGES)
def test_a_bad_file_says_where_what_and_what_to_do(old, new, message):
    assert GOOD.count(old) == 1
    said = error_of(GOOD.replace(old, new))
    assert said.startswith(f"studies/x.yaml: {message}")
    assert said.isprintable()
    assert len(said) < 400


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (WITHOUT_SPACE, "a study has space or architectures, not neither: keep one of the two keys"),
        ("", "must be a mapping of keys to values, not null: begin with kind: search"),
        (
            "- kind: search",
            "must be a mapping of keys to values, not [{kind: search}]: begin with kind: search",
        ),
        (
            "kind: search",
            "data: required, and absent: write data: "
            "{name: fashion-mnist, resize: 224, val_fraction: 0.1}, for "
            "example (and 3 more)",
        ),
        (
            WITHOUT_SPACE + "architectures: [vgg11, vgg11/1]",
            "architectures: an architecture stands once, and 'vgg11/1' is listed before: remove one",
        ),
        (
            WITHOUT_SPACE + "architectures: [vgg12]",
            "architectures: no net is named 'vgg12': did you mean ",
        ),
    ],
)
def test_a_file_that_is_no_study_says_so(source, message):
    assert error_of(source).startswith(f"studies/x.yaml: {message}")


def test_a_missing_file_a_folder_a_pipe_and_bytes_are_one_line(tmp_path):
    def said(path: Path) -> str:
        with pytest.raises(StudyFileError) as error:
            load_study(path)
        return str(error.value).removeprefix(f"{path}: ")

    assert said(tmp_path / "a.yaml").startswith("no such file: give a study file's path")
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "bytes.yaml").write_bytes(b"seed: \xff")
    with (tmp_path / "large.yaml").open("wb") as file:
        file.truncate(2**40)
    rule = "a study is a file of at most 65536 bytes, and here is"
    assert said(tmp_path) == f"{rule} not a regular file: give another path"
    assert said(tmp_path / "pipe.yaml") == f"{rule} not a regular file: give another path"
    assert said(tmp_path / "large.yaml") == f"{rule} {2**40} bytes, more than 65536: give another path"
    assert said(tmp_path / "bytes.yaml") == "text is UTF-8, not byte 0xff: save the file as UTF-8"
    assert said(tmp_path / "bytes.yaml" / "x.yaml").startswith(f"{rule} cannot be read: Not a directory")


def test_a_file_is_read_through_a_link_and_with_a_byte_order_mark(tmp_path):
    (tmp_path / "x.yaml").write_text("\ufeff" + GOOD, encoding="utf-8")
    (tmp_path / "y.yaml").symlink_to(tmp_path / "x.yaml")
    assert load_study(tmp_path / "y.yaml").name == "y"


@pytest.mark.parametrize("name", ["My Study", "ä", "-x", ".x", "x" * 101, "a\nb"])
def test_a_study_is_named_after_its_file(name):
    said = error_of(GOOD, Path(f"{name}.yaml"))
    assert (
        "a study is named after its file, in at most 100 lower-case letters, digits, . _ and -, not " in said
    )
    assert said.isprintable()


@pytest.mark.parametrize("name", ["a", "fashion-mnist_2.0", "x" * 100])
def test_good_names(name):
    assert parse_study(GOOD, Path(f"{name}.yaml")).name == name


@pytest.mark.parametrize(
    ("text", "value"),
    [("1e6", 1e6), ("1.e6", 1e6), (".5e1", 5.0), ("2.0e+7", 2e7), ("6", 6.0), ("1E-3", 1e-3), ("+7", 7.0)],
)
def test_numbers_are_those_of_yaml_1_2(text, value):
    assert parse_study(GOOD.replace("s: 3600", f"s: {text}"), PATH).time_limit_s == value


@pytest.mark.parametrize("text", ["1_0", "0x10", "0o7", "1:30", "yes", "2026-11-23", "1e", "--1", "NaN"])
def test_what_yaml_1_1_took_for_numbers_or_dates_is_text(text):
    source = GOOD.replace("s: 60}", f"s: {text}, steps: 1}}")
    assert error_of(source).startswith(
        f"studies/x.yaml: budget.seconds: must be a number, not '{text}': write"
    )


def test_the_identity_is_what_must_not_change():
    study = parse_study(GOOD, PATH)
    free = (
        GOOD.replace("Does it read?", "Why?")
        .replace("54", "55")
        .replace("3600", "7")
        .replace("seeds: 5", "seeds: 9")
    )
    assert parse_study(free + "baseline: false\n", PATH).identity() == study.identity()
    assert (
        parse_study(GOOD.replace("recipe: fast", "recipe: {base: fast}"), PATH).identity() == study.identity()
    )
    for old, new in [
        ("seed: 7", "seed: 1"),
        ("s: 60", "s: 61"),
        ("tpe", "random"),
        ("2e7", "3e7"),
        ("0.8", "0.7"),
    ]:
        assert parse_study(GOOD.replace(old, new), PATH).identity() != study.identity(), new


def test_options_replace_what_the_file_says_under_the_same_rules():
    study = parse_study(GOOD, PATH)
    assert study.with_options() == study
    changed = study.with_options(trials=7, time_limit_s=60)
    assert (changed.trials, changed.time_limit_s) == (7, 60.0)
    assert (changed.name, changed.source, changed.path) == (study.name, study.source, study.path)
    assert changed.identity() == study.identity()
    with pytest.raises(
        StudyFileError, match=r"^studies/x.yaml: trials: must be at least 1, not 0: write trials: 54"
    ):
        study.with_options(trials=0)


def test_the_examples_in_messages_are_themselves_good():
    space, budget = dict(EXAMPLE["space"]), {"seconds": EXAMPLE["budget"]["seconds"]}
    for kind, drop in (
        ("search", ["space", "strategy"]),
        ("search", ["architectures", "sampler"]),
        ("ablation", ["contrasts"]),
        ("ablation", ["factors", "design"]),
        ("table", []),
    ):
        example_study = {key: EXAMPLE[key] for key in keys_of(kind) - {*drop}} | {"kind": kind}
        example_study["budget"] = {"epochs": EXAMPLE["budget"]["epochs"]} if kind == "table" else budget
        parse_study(yaml.safe_dump(_plain(example_study)), PATH)
    assert set(space["constraints"]) == set(METRICS) == set(Constraints.model_fields)
    assert set(EXAMPLE) == keys_of("search") | keys_of("ablation") | keys_of("table")


def test_an_ablation_of_more_runs_than_can_be_counted_is_one_line():
    levels = [round(0.001 * number, 3) for number in range(1, 61)]
    many = {
        "kind": "ablation",
        "data": {"name": "fashion-mnist"},
        "control": "1x8+gap",
        "factors": {"weight_decay": levels, "label_smoothing": list(levels)},
        "primary": "weight_decay=0.001",
        "recipe": "fast",
        "budget": {"steps": 1},
        "seeds": 1000,
    }
    study = parse_study(yaml.safe_dump(many), PATH)
    with pytest.raises(StudyFileError, match=r"factors: an ablation has at most 100000 runs, not \d+: lower"):
        study.plan_design(Task((1, 28, 28), 10))


def keys_of(kind: str) -> set[str]:
    return {field.alias or name for name, field in KINDS[kind].model_fields.items()}


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10) | st.dates()
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8) | st.integers(), inner, max_size=3)
    ),
    max_leaves=8,
)
KEYS = sorted({*EXAMPLE, "base", "per_block", "macs", "seconds", "zebra"})
near_studies = st.fixed_dictionaries(
    {},
    optional={key: values | st.just(EXAMPLE.get(key)) for key in EXAMPLE},
) | st.dictionaries(st.sampled_from(KEYS), values, max_size=5)


def study_or_one_line(source: str) -> None:
    try:
        study = parse_study(source, PATH)
    except StudyFileError as error:
        said = str(error)
        assert said.startswith("studies/x.yaml: ")
        assert said.isprintable()
        assert len(said) < 1000
    else:
        assert isinstance(study, Study)


@given(st.text())
@example("{" * 500)
@example("%YAML " + "9" * 5000)
@example("? ? ? ? ?")
@example("- " * 5000)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_text_is_a_study_or_one_line(source):
    study_or_one_line(source)


@given(near_studies | values)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_yaml_is_a_study_or_one_line(value):
    study_or_one_line(yaml.safe_dump(_plain(value), allow_unicode=True))


@given(st.integers(0, len(GOOD) - 1), st.integers(0, 8), st.text(max_size=8))
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_slip_of_the_pen_is_a_study_or_one_line(position, removed, added):
    study_or_one_line(GOOD[:position] + added + GOOD[position + removed :])
