"""Digests are names for ever: of every committed run and plan, and whatever fields come later."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, get_args

import pytest

from vggsearch.designs.plan import Plan, PlannedArm, PlannedContrast, Registration
from vggsearch.devices import DeviceKind
from vggsearch.recipe import RECIPES, Budget, Recipe
from vggsearch.runs.record import CurvePoint, DataKey, Provenance, RunKey, RunRecord, TrialRecord
from vggsearch.schema import ADDED, Frozen, added_fields, canonical_digest
from vggsearch.testing.fake import run_key

REPORTS = sorted((Path(__file__).parents[1] / "reports").iterdir())

SCHEMA_1 = {
    RunKey: "architecture input_shape num_classes data recipe budget seed evaluate_on device device_model "
    "training_revision",
    DataKey: "name digest val_fraction split_seed split_digest",
    Recipe: "lr momentum nesterov weight_decay schedule warmup batch_size label_smoothing shift_px flip "
    "initialization precision",
    Budget: "seconds epochs steps macs",
    RunRecord: "schema_version key outcome reason val_accuracy val_loss val_correct test_accuracy test_loss "
    "test_correct curve steps images train_s train_wall_s train_cpu_s eval_s setup_s latency_ms "
    "peak_memory_bytes contended provenance",
    CurvePoint: "step images fraction train_s train_loss val_accuracy val_loss val_images",
    Provenance: "vggsearch commit python torch platform processor gpu threads cpu_count started_at "
    "finished_at bit_reproducible",
    TrialRecord: "schema_version study stage number architecture params run outcome reason cached asked_at "
    "told_at",
    Plan: "study data input_shape num_classes train_images device device_model arms contrasts primary pairs "
    "first_seed rates rate_seeds first_rate_seed margin alpha",
    PlannedArm: "name architecture recipe budget seed_offset step_s",
    PlannedContrast: "name weights better worse at held question",
    Registration: "plan digest at runs",
}
"""The fields that are always written. Any other is marked `ADDED`."""


def lines(report: Path, name: str) -> Iterator[bytes]:
    """The records of a committed report, as they were written."""
    path = report / "data" / f"{name}.jsonl"
    packed = path.with_suffix(".jsonl.gz")
    data = gzip.decompress(packed.read_bytes()) if packed.exists() else path.read_bytes()
    return iter(data.splitlines())


@pytest.mark.parametrize("model", SCHEMA_1, ids=lambda model: model.__name__)
def test_a_field_that_came_later_is_marked(model: type[Frozen]) -> None:
    first = set(SCHEMA_1[model].split())
    assert first <= model.model_fields.keys()
    assert first & added_fields(model).keys() == set()
    assert model.model_fields.keys() - first == added_fields(model).keys()


@pytest.mark.parametrize("report", REPORTS, ids=lambda report: report.name)
def test_committed_runs_keep_their_names_and_bytes(report: Path) -> None:
    named = {trial.run for trial in map(TrialRecord.model_validate_json, lines(report, "trials"))}
    runs = list(lines(report, "runs"))
    assert runs
    for line in runs:
        record = RunRecord.model_validate_json(line)
        assert record.key.digest in named
        assert record.model_dump_json().encode() == line


@pytest.mark.parametrize("report", REPORTS, ids=lambda report: report.name)
def test_committed_plans_keep_their_digests(report: Path) -> None:
    for written in json.loads((report / "data" / "study.json").read_text()).get("plans", []):
        registration = Registration.model_validate_json(json.dumps(written))  # checks its digest
        assert registration.model_dump(mode="json") == written


@pytest.mark.parametrize(
    ("recipe", "digest"),
    [
        ("d2l", "c747c25cf66d868f35c9753d3f8f8a42ea1f415f1a36c3b4ad9569c5cb3a345e"),
        ("fast", "2addd886e0798fbf926ed6052179afaa27a9e897ed6b43e8978ae4886c4080c3"),
        ("sprint", "0c3132b64c3f33b5870ea1bf59c4145826e7b900a8310ea5615ce720c5cfb597"),
        ("dash", "0b6630098319190dc90b1117080d419067f8ead34ae725b98401c7244f8e8486"),
    ],
)
def test_a_shipped_recipe_keeps_its_digest(recipe: str, digest: str) -> None:
    assert run_key(recipe=RECIPES[recipe].model_dump()).digest == digest


def test_the_kind_of_device_is_a_part_of_the_name() -> None:
    """Those of the first two kinds are from before there were others."""
    digests = [run_key(device=kind).digest for kind in get_args(DeviceKind)]
    assert digests[:2] == [
        "2addd886e0798fbf926ed6052179afaa27a9e897ed6b43e8978ae4886c4080c3",
        "2850ac8ec3c7c2c47c01c3b84ba62bc58b89cb4a01c0783d5e7b01f5f543e4b8",
    ]
    assert len(set(digests)) == len(digests) == 4


class LaterRecipe(Recipe):
    """As a later version may have it."""

    swap_order: Annotated[str, ADDED] = "none"


class LaterBudget(Budget):
    """As a later version may have it."""

    per_class: Annotated[int | None, ADDED] = None


class LaterKey(RunKey):
    """As a later version may have it."""

    recipe: LaterRecipe
    budget: LaterBudget
    canvas: Annotated[int, ADDED] = 0


def test_a_later_field_renames_no_run() -> None:
    before = run_key()
    after = LaterKey.model_validate_json(before.model_dump_json())
    assert after.digest == before.digest
    assert after.model_dump_json() == before.model_dump_json()
    assert after.model_dump() == before.model_dump()


@pytest.mark.parametrize(
    "change",
    [
        {"recipe": {"swap_order": "random"}},
        {"budget": {"per_class": 3}},
        {"canvas": 56},
    ],
)
def test_a_later_field_is_a_part_of_the_name_once_it_says_something_new(
    change: dict[str, object],
) -> None:
    before = run_key().model_dump(mode="json")
    for name, value in change.items():
        before[name] = before[name] | value if isinstance(value, dict) else value
    after = LaterKey.model_validate_json(json.dumps(before))
    assert after.digest != run_key().digest
    assert LaterKey.model_validate_json(after.model_dump_json()) == after


def test_a_later_field_does_not_change_a_plan() -> None:
    class LaterPlan(Plan):
        looks: Annotated[tuple[int, ...], ADDED] = ()

    report = next(report for report in REPORTS if report.name == "kernel-size")
    (written,) = json.loads((report / "data" / "study.json").read_text())["plans"]
    assert LaterPlan.model_validate_json(json.dumps(written["plan"])).digest == written["digest"]


def test_the_canonical_digest_is_that_of_sorted_json_without_spaces() -> None:
    # printf '{"a":[1,2.5],"b":"\\u00e9"}' | sha256sum
    assert (
        canonical_digest({"b": "é", "a": [1, 2.5]})
        == "60d4fe7d84d09285a774fa6c850ed0e739e0153890529471751ae4df4e1df886"
    )
    assert canonical_digest({"a": [1, 2.5], "b": "é"}) == canonical_digest({"b": "é", "a": [1, 2.5]})
