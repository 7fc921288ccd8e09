"""What the numbers of a run are called, and which way is good: `METRICS`."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal


@dataclass(frozen=True, slots=True)
class Metric:
    """How a number is named and drawn."""

    label: str
    """For an axis or a table's head, without the unit."""
    unit: str
    """As printed after `scale`; empty for a plain count."""
    axis: Literal["linear", "log"]
    """A cost spans powers of ten and is drawn, and compared, by its logarithm."""
    better: Literal["higher", "lower"] | None
    """Which way is good; None where neither is."""
    scale: float = 1.0
    """Factor from the column's unit to the printed one: accuracies are fractions here, percent on paper."""

    @property
    def title(self) -> str:
        """Label with its unit: `validation accuracy (%)`."""
        return f"{self.label} ({self.unit})" if self.unit else self.label


def _accuracy(part: str) -> Metric:
    return Metric(f"{part} accuracy", "%", "linear", "higher", 100.0)


def _share(part: str) -> Metric:
    return Metric(f"largest class of {part} images", "%", "linear", None, 100.0)


def _loss(part: str) -> Metric:
    return Metric(f"{part} loss", "nats", "linear", "lower")


def _cost(label: str, unit: str = "") -> Metric:
    return Metric(label, unit, "log", "lower")


def _plain(label: str, unit: str = "") -> Metric:
    return Metric(label, unit, "linear", None)


METRICS: Mapping[str, Metric] = MappingProxyType(
    {
        "val_accuracy": _accuracy("validation"),
        "val_loss": _loss("validation"),
        "val_balanced_accuracy": _accuracy("balanced validation"),
        "val_majority": _share("validation"),
        "test_accuracy": _accuracy("test"),
        "test_loss": _loss("test"),
        "test_balanced_accuracy": _accuracy("balanced test"),
        "test_majority": _share("test"),
        "params": _cost("parameters"),
        "conv_params": _cost("convolution parameters"),
        "head_params": _cost("head parameters"),
        "macs": _cost("MACs per image"),
        "conv_macs": _cost("convolution MACs per image"),
        "head_macs": _cost("head MACs per image"),
        "activation_bytes": _cost("activations per image", "bytes"),
        "latency_ms": _cost("latency of one image", "ms"),
        "peak_memory_bytes": _cost("peak memory", "bytes"),
        "receptive_field": _plain("receptive field", "px"),
        "num_blocks": _plain("blocks"),
        "num_convs": _plain("convolutions"),
        "steps": _plain("training steps"),
        "images": _plain("training images"),
        "train_s": _plain("training time", "s"),
        "train_wall_s": _plain("training time, wall clock", "s"),
        "train_cpu_s": _plain("training time, CPU", "s"),
        "eval_s": _plain("evaluation time", "s"),
        "setup_s": _plain("set-up time", "s"),
        "images_per_s": Metric("training throughput", "images/s", "log", "higher"),
    }
)
"""The numbers of a run, by column."""

UNEVEN_COLUMNS = ("val_balanced_accuracy", "val_majority", "test_balanced_accuracy", "test_majority")
"""Columns that are known only where classes are uneven; the tables of a report have them only there."""
