"""The JSON Schema of study files: it agrees with what loads, and explains every key."""

import copy
import json
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given, settings, strategies as st

from vggsearch.errors import StudyFileError
from vggsearch.study import SHIPPED, load_study, parse_study, shipped_source, study_schema
from vggsearch.study.file.yaml_text import read

SCHEMA = study_schema()
CHECKER = jsonschema.Draft202012Validator(SCHEMA)
REPORTS = sorted((Path(__file__).parents[2] / "reports").iterdir())
PATH = Path("x.yaml")


def as_json(source: str) -> object:
    """The values of a file, with lists in place of tuples."""
    return json.loads(json.dumps(read(source)))


FILES = {name: as_json(shipped_source(name)) for name in SHIPPED}


def mistakes(study: object) -> list[str]:
    return [error.message for error in CHECKER.iter_errors(study)]


def loads(study: object) -> bool:
    try:
        parse_study(json.dumps(study), PATH)  # JSON is YAML
    except StudyFileError:
        return False
    return True


def test_it_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert json.loads(json.dumps(SCHEMA)) == SCHEMA


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_studies_are_valid(name):
    assert mistakes(FILES[name]) == []


@pytest.mark.parametrize("report", REPORTS, ids=lambda report: report.name)
def test_the_studies_of_committed_reports_are_valid(report):
    assert mistakes(as_json((report / "data" / "study.yaml").read_text())) == []


def test_every_key_is_explained_and_every_example_is_valid():
    for name, model in SCHEMA["$defs"].items():
        for key, found in model["properties"].items():
            assert len(found["description"]) > 10, f"{name}.{key} wants a text below its field"
            rule = jsonschema.Draft202012Validator({**found, "$defs": SCHEMA["$defs"]})
            assert all(rule.is_valid(example) for example in found.get("examples", [])), f"{name}.{key}"


ABSENT = object()
WRONG = [
    ("quickstart", ("sampler",), "tpee"),
    ("quickstart", ("sampler",), ABSENT),
    ("quickstart", ("trials",), 0),
    ("quickstart", ("trials",), "12"),
    ("quickstart", ("trial",), 12),
    ("quickstart", ("kind",), "serach"),
    ("quickstart", ("kind",), "ablation"),
    ("quickstart", ("recipe",), "dahs"),
    ("quickstart", ("recipe",), {"momentum": 0.9}),
    ("quickstart", ("recipe",), {"base": "dash", "lr": -1}),
    ("quickstart", ("budget",), {}),
    ("quickstart", ("budget", "epochs"), 3),
    ("quickstart", ("budget", "seconds"), True),
    ("quickstart", ("data",), "fashion-mnist"),
    ("quickstart", ("data", "nmae"), "mnist"),
    ("quickstart", ("space",), ABSENT),
    ("quickstart", ("architectures",), ["vgg11"]),
    ("quickstart", ("space", "ratio"), {"per_blok": [4]}),
    ("quickstart", ("space", "num_blocks"), []),
    ("quickstart", ("objectives",), ["accuracy"]),
    ("kernel-size", ("primary",), ABSENT),
    ("kernel-size", ("factors",), {"ratio": [4, 8]}),
    ("kernel-size", ("seeds",), 1),
    ("kernel-size", ("trials",), 3),
    ("kernel-size", ("evaluate_on",), "training"),
]


@pytest.mark.parametrize(("name", "keys", "value"), WRONG)
def test_what_does_not_load_is_not_valid(name, keys, value):
    study = copy.deepcopy(FILES[name])
    *outer, last = keys
    place = study
    for key in outer:
        place = place[key]
    if value is ABSENT:
        del place[last]
    else:
        place[last] = value
    assert not loads(study)
    assert mistakes(study)


@pytest.mark.parametrize(
    "changes",
    [
        {"recipe": {"base": "dash", "lr": 0.1}},
        {"recipe": {"lr": 0.1}},
        {"budget": {"epochs": 2}},
        {"finalists": None},
        {"finalists": {}},
        {"baseline": False, "stop": {"patience": 5}},
        {"time_limit_s": 60},
        {"first": ["1x8-1x16+bn+gap"]},
    ],
)
def test_what_loads_is_valid(changes):
    study = FILES["quickstart"] | changes
    assert loads(study)
    assert mistakes(study) == []


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-3, 300)
    | st.floats(0, 9, width=16)
    | st.sampled_from(
        ["tpe", "dash", "gap", "1x8+gap", "val_accuracy", "macs", "accuracy", "validation", "folder:x"]
    )
)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3), max_leaves=4)


def without_null(value: object) -> bool:
    if isinstance(value, dict | list):
        return all(map(without_null, value.values() if isinstance(value, dict) else value))
    return value is not None


USED: dict[str, list[object]] = {}
for _study in FILES.values():
    for _place in (_study, *(value for value in _study.values() if isinstance(value, dict))):
        for _key, _value in _place.items():
            USED.setdefault(_key, []).append(_value)
"""The values of each key in all shipped studies, at any level."""


@settings(max_examples=300)
@given(st.data())
def test_whatever_loads_without_null_is_valid(data):
    """Keys get the values of other studies, or values of any kind."""
    study = copy.deepcopy(FILES[data.draw(st.sampled_from(sorted(FILES)))])
    for _ in range(data.draw(st.integers(1, 3))):
        places = [study, *(value for value in study.values() if isinstance(value, dict))]
        place = data.draw(st.sampled_from(places))
        key = data.draw(st.sampled_from(sorted(USED if place is study else place)))
        place[key] = data.draw(st.sampled_from(USED.get(key, [1])) | VALUES)
    if without_null(study) and loads(study):
        assert mistakes(study) == []


def test_the_schema_is_read_from_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert load_study(Path("null")).kind == "ablation"
    assert study_schema() == SCHEMA
