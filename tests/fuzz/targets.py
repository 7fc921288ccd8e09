"""Every parser of text and bytes from outside, in one table."""

import file_parsers
import record_parsers
import text_parsers
from contract import Target
from record_parsers import FIELDS

from vggsearch.arch import ZOO
from vggsearch.data.catalog import CATALOG
from vggsearch.errors import (
    ArchitectureError,
    DataError,
    DeviceError,
    StoreError,
    StudyFileError,
    VggSearchError,
    WeightsError,
)
from vggsearch.runs.checksums import Damage
from vggsearch.study.file.messages import EXAMPLE
from vggsearch.study.file.yaml_text import YamlTextError


def _words(*words: str) -> tuple[bytes, ...]:
    return tuple(word.encode() for word in words)


_NETS = _words(*ZOO, "+bn", "+gap", "+fc", "-", "x", "k3,1", "/", "999999999", "65536")
_KEYS = _words(*EXAMPLE, "base", "per_block", "constraints", "min", "max", "iso-time", "drop-in", "factorial")
_YAML = _words(
    "&a", "*a", "!!python/object", "---", "...", "%YAML", "|", ">", "? ", "- ", ": ", "{", "[", "\\x"
)

TARGETS: tuple[Target, ...] = (
    # name                make                           told                          form           inputs
    Target("architecture", text_parsers.architectures, (ArchitectureError,), "text", 200_000, _NETS, 2500),
    Target("input-shape", text_parsers.inputs, (ArchitectureError,), "text", 100_000, (), 64),
    Target("budget", text_parsers.budgets, (VggSearchError,), "text", 100_000, _words("e", "s", "macs"), 64),
    Target("name", text_parsers.names, (VggSearchError, DeviceError), "text", 100_000, _words("cuda:"), 64),
    Target(
        "data-name", text_parsers.data_names, (DataError,), "text", 60_000, _words(*CATALOG, "folder:"), 5000
    ),
    Target("digest", text_parsers.digests, (VggSearchError,), "text", 60_000, (), 128),
    Target(
        "ray-address", text_parsers.ray_addresses, (VggSearchError,), "text", 60_000, _words(":", "::1"), 6000
    ),
    Target(
        "storage", text_parsers.storages, (StoreError,), "text", 60_000, _words("%00", "@", "?", "***"), 2500
    ),
    Target("yaml", text_parsers.yaml_texts, (YamlTextError,), "yaml", 40_000, _YAML),
    Target("study", text_parsers.study_files, (StudyFileError,), "yaml", 40_000, _KEYS),
    Target("run", record_parsers.runs, (Damage,), "json", 40_000, FIELDS),
    Target("sealed", record_parsers.checksummed_files, (Damage,), "bytes", 60_000),
    Target("trial", record_parsers.trials, (Damage,), "json", 80_000, FIELDS),
    Target("notes", record_parsers.notes, (), "json", 40_000),
    Target("identity", record_parsers.identities, (StudyFileError, StoreError), "json", 40_000, _KEYS),
    Target("plan", record_parsers.plans, (StoreError,), "json", 40_000),
    Target("message", record_parsers.messages, (), "json", 60_000, FIELDS),
    Target(
        "report-contents",
        record_parsers.report_contents,
        (StoreError, StudyFileError),
        "json",
        20_000,
        (),
        8192,
    ),
    Target("report-lines", record_parsers.report_lines, (StoreError,), "json", 20_000, FIELDS, 16384),
    Target("report-archive", record_parsers.report_archives, (StoreError,), "bytes", 20_000),
    Target("image", file_parsers.images, (DataError,), "bytes", 20_000),
    Target("archive", file_parsers.archives, (DataError,), "bytes", 40_000),
    Target("counters", file_parsers.counters, (), "json", 40_000),
    Target("tensors", file_parsers.tensors, (), "safetensors", 40_000, (), 65536),
    Target("weights", file_parsers.weights, (WeightsError,), "safetensors", 40_000, (), 65536),
)
