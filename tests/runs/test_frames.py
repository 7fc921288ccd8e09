import numpy as np
import pandas as pd
import pytest

from vggsearch.arch import Task, parse
from vggsearch.costs import cost
from vggsearch.recipe import RECIPES, Budget
from vggsearch.runs import CurvePoint, DataKey, Outcome, Provenance, RunKey, RunRecord
from vggsearch.runs.architecture_columns import ARCHITECTURE_COLUMNS, architecture_row
from vggsearch.runs.frames import CURVE_COLUMNS, OUTCOME_COLUMNS, RUN_COLUMNS, curves_frame, runs_frame
from vggsearch.runs.metrics import METRICS

AGREED = """
run digest architecture num_blocks num_convs kernel_size batch_norm head params conv_params
head_params macs conv_macs head_macs activation_bytes receptive_field seed evaluate_on outcome
reason val_accuracy val_loss val_balanced_accuracy val_majority test_accuracy test_loss
test_balanced_accuracy test_majority steps images train_s train_wall_s train_cpu_s
eval_s setup_s images_per_s latency_ms peak_memory_bytes contended budget device started_at
finished_at dataset
"""


def record(architecture: str = "2x16k5-1x32+bn+gap", **changes: object) -> RunRecord:
    key = RunKey(
        architecture=architecture,
        input_shape=(1, 28, 28),
        num_classes=10,
        data=DataKey(
            name="fashion-mnist", digest="a" * 64, val_fraction=0.1, split_seed=0, split_digest="b" * 64
        ),
        recipe=RECIPES["fast"],
        budget=Budget(seconds=60),
        seed=7,
        device="cpu",
        device_model="a processor",
    )
    return RunRecord.model_validate({"key": key, "outcome": Outcome.COMPLETED, **changes})


def point(step: int) -> CurvePoint:
    return CurvePoint(
        step=step,
        images=128 * step,
        fraction=step / 10,
        train_s=float(step),
        train_loss=None if step == 0 else 1 / step,
        val_accuracy=step / 10,
        val_loss=1.0,
        val_images=600,
    )


MADE = Provenance(
    vggsearch="0.1.0",
    commit=None,
    python="3.11",
    torch="2.15",
    platform="Linux",
    processor="a processor",
    gpu=None,
    threads=1,
    cpu_count=2,
    started_at=100.0,
    finished_at=170.5,
    bit_reproducible=False,
)


def test_the_columns_are_those_agreed():
    assert list(RUN_COLUMNS) == AGREED.split()
    assert list(runs_frame([])) == list(RUN_COLUMNS)
    assert list(curves_frame([])) == list(CURVE_COLUMNS)


def test_a_row_holds_what_the_record_says():
    done = record(
        val_accuracy=0.9, val_loss=0.3, steps=10, images=1280, train_s=2.0, latency_ms=1.5, provenance=MADE
    )
    (row,) = runs_frame([done]).to_dict("records")
    costs = cost(parse("2x16k5-1x32+bn+gap"), Task((1, 28, 28), 10))
    expected = {
        "run": done.key.digest[:12],
        "digest": done.key.digest,
        "architecture": "2x16k5-1x32+bn+gap",
        "num_blocks": 2,
        "num_convs": 3,
        "kernel_size": "mixed",
        "batch_norm": True,
        "head": "gap",
        **{
            name: getattr(costs, name)
            for name in ("params", "conv_params", "head_params", "macs", "conv_macs")
        },
        **{name: getattr(costs, name) for name in ("head_macs", "activation_bytes", "receptive_field")},
        "seed": 7,
        "evaluate_on": "validation",
        "outcome": "completed",
        "reason": "",
        "val_accuracy": 0.9,
        "val_loss": 0.3,
        "steps": 10,
        "images": 1280,
        "train_s": 2.0,
        "images_per_s": 640.0,
        "latency_ms": 1.5,
        "contended": False,
        "budget": "60 seconds",
        "device": "cpu",
        "started_at": 100.0,
        "finished_at": 170.5,
        "dataset": "fashion-mnist",
    }
    assert {name: row[name] for name in expected} == expected
    missing = {name for name, value in row.items() if isinstance(value, float) and np.isnan(value)}
    assert missing == {
        "val_balanced_accuracy",
        "val_majority",
        "test_accuracy",
        "test_loss",
        "test_balanced_accuracy",
        "test_majority",
        "peak_memory_bytes",
    }


@pytest.mark.parametrize(
    ("architecture", "kernel_size"),
    [("1x8+gap", "3"), ("1x8k5-1x8k5+gap", "5"), ("1x8k1+gap", "1"), ("2x8k3,5+gap", "mixed")],
)
def test_kernel_size_is_the_one_all_share(architecture, kernel_size):
    assert runs_frame([record(architecture)])["kernel_size"].tolist() == [kernel_size]


def test_types_do_not_depend_on_the_values():
    none = record(outcome=Outcome.CRASHED, reason="out of luck")
    full = record(
        val_accuracy=0.9, test_accuracy=0.8, peak_memory_bytes=2**40, train_s=1.0, images=10, provenance=MADE
    )
    for records in ([none], [full], [none, full]):
        types = runs_frame(records).dtypes
        kinds = {"int": "int64", "float": "float64", "flag": "bool"}
        for name, kind in RUN_COLUMNS.items():
            if kind != "text":
                assert types[name] == kinds[kind], name
    frame = runs_frame([none])
    assert frame["images_per_s"].isna().all()
    assert frame["reason"].tolist() == ["out of luck"]


def test_a_cost_beyond_64_bits_is_a_float_not_an_error():
    key = record("16x65536k31+gap").key.model_dump() | {"input_shape": (1, 4096, 4096)}
    frame = runs_frame([record().model_copy(update={"key": RunKey.model_validate(key)})])
    assert frame["macs"].dtype == "float64"
    assert frame["macs"].iloc[0] > 2**63


def test_an_architecture_is_costed_once_however_many_runs_it_has():
    architecture_row.cache_clear()
    runs_frame([record().model_copy(update={"steps": steps}) for steps in range(50)] + [record("1x8+gap")])
    assert architecture_row.cache_info().misses == 2


def test_curves_are_long_tables():
    first = record(curve=(point(0), point(5)))
    second = record("1x8+gap", curve=(point(10),))
    frame = curves_frame([first, second, record("1x4+gap")])
    assert frame["run"].tolist() == [first.key.digest[:12]] * 2 + [second.key.digest[:12]]
    assert frame["step"].tolist() == [0, 5, 10]
    assert frame["fraction"].tolist() == [0.0, 0.5, 1.0]
    assert frame["train_loss"].isna().tolist() == [True, False, False]
    assert frame["architecture"].iloc[2] == "1x8+gap"


def test_every_number_of_a_run_has_a_name_and_a_unit():
    numbers = {
        name
        for name, kind in {**ARCHITECTURE_COLUMNS, **OUTCOME_COLUMNS}.items()
        if kind in ("int", "float") and name not in ("seed", "started_at", "finished_at")
    }
    assert set(METRICS) == numbers
    assert METRICS["val_accuracy"].title == "validation accuracy (%)"
    assert METRICS["params"].title == "parameters"
    assert {name for name, metric in METRICS.items() if metric.better == "higher"} == {
        "val_accuracy",
        "val_balanced_accuracy",
        "test_accuracy",
        "test_balanced_accuracy",
        "images_per_s",
    }
    for name in ("macs", "params", "latency_ms", "activation_bytes"):
        assert (METRICS[name].axis, METRICS[name].better) == ("log", "lower")
    assert isinstance(runs_frame([record()]), pd.DataFrame)
