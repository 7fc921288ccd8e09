"""Parsers of texts that a person types, and of study files."""

import os
import socket
from pathlib import Path
from unittest import mock

from contract import Ready

from vggsearch.arch import ZOO, Architecture, Task, parse
from vggsearch.commands.arguments import select_gpu
from vggsearch.commands.cost import parse_input
from vggsearch.commands.lookup import find_run
from vggsearch.commands.train import parse_recipe
from vggsearch.costs import cost
from vggsearch.data import folder as folder_data
from vggsearch.data.catalog import named
from vggsearch.devices import resolve_device
from vggsearch.recipe import RECIPES, Budget, total_steps
from vggsearch.runs.validation import validated
from vggsearch.store import Store
from vggsearch.store.ledger import Ledger
from vggsearch.study import AblationStudy, Resources, SearchStudy, load_study
from vggsearch.study.file.yaml_text import read
from vggsearch.study.search.postgresql import parse_storage

ROOT = Path(__file__).parents[2]
REPORTS = ROOT / "reports"
STUDIES = ROOT / "studies"
FASHION_MNIST = Task()


def typed(data: bytes) -> str:
    """Bytes as Python hands on what stands on a command line."""
    return data.decode("utf-8", "surrogateescape")


def architectures(_: Path) -> Ready:
    def read_and_write(data: bytes) -> None:
        architecture = parse(typed(data))
        assert Architecture.parse(str(architecture)) == architecture
        cost(architecture, Task((3, 4096, 4096), 1000))

    texts = [
        *ZOO,
        *(str(entry.architecture) for entry in ZOO.values()),
        "d2l-vgg11/4",
        "1x16-1x32-2x64k5-2x128k3,1+bn+gap",
        "32x65536k31+fc65536,1",
    ]
    return Ready(read_and_write, [text.encode() for text in texts])


def inputs(_: Path) -> Ready:
    small = Architecture.parse("1x8+gap")
    return Ready(
        lambda data: cost(small, Task(parse_input(typed(data)), 10)),
        [b"1x28x28", b"3x4096x4096", b"000000001x2x2"],
    )


def budgets(_: Path) -> Ready:
    def steps(data: bytes) -> None:
        budget = Budget.parse(typed(data))
        total_steps(budget, steps_per_epoch=937, macs_per_image=10**6, batch_size=64)
        str(budget)

    return Ready(
        steps, [b"30s", b"2epochs", b"500steps", b"1e12macs", b"0.5 seconds", b"1e-3epoch", b"9.9.9s"]
    )


def names(folder: Path) -> Ready:
    """Of recipes, executors and devices. Choosing a device hides others by the environment: put back here."""

    def choose(data: bytes) -> None:
        text = typed(data)
        name, _, rest = text.partition(" ")
        chosen = {
            "recipe": lambda text: parse_recipe(text, folder / "store"),
            "executor": lambda text: Resources(executor=text),
        }.get(name)
        if chosen is not None:
            chosen(rest)
            return
        with mock.patch.dict(os.environ):
            resolve_device(select_gpu(text))

    seeds = [
        *(f"recipe {name}" for name in RECIPES),
        "executor ray",
        "executor local",
        "cpu",
        "auto",
        "cpu:1",
        "xpu:1",
        "mps",
    ]
    return Ready(choose, [seed.encode() for seed in seeds])


def data_names(_: Path) -> Ready:
    """Of data sets. Folders are looked for and none is opened: a fuzzer must not walk the disk."""

    def name(data: bytes) -> None:
        text = typed(data)
        if text.startswith(folder_data.PREFIX):
            folder_data.root_of(text)
        else:
            named(text)

    seeds = [
        b"fashion-mnist",
        b"cifar-100",
        b"folder:/tmp",
        b"folder:photos@64",
        b"folder:~/photos",
        b"folder:~x",
    ]
    return Ready(name, seeds)


def digests(folder: Path) -> Ready:
    """Beginnings of a run's digest, looked up in a store that holds some."""
    store = Store.open(folder / "store", create=True)
    lines = (REPORTS / "null" / "data" / "runs.jsonl").read_bytes().splitlines()[:5]
    records = [validated(line) for line in lines]
    for record in records:
        store.ledger.put(record)

    def look_up(data: bytes) -> None:
        text = typed(data)
        assert text not in Ledger(store.ledger.path) or len(text) == 64
        find_run(text, store=store.root, source=None)

    return Ready(
        look_up, [record.key.digest[:length].encode() for record in records for length in (6, 12, 64)]
    )


def ray_addresses(_: Path) -> Ready:
    """Read as before a connection: the host becomes an address, and no name is asked for on the network."""
    from vggsearch.execution.ray.cluster import _check_address

    def refused(address: tuple[str, int], _: float) -> None:
        found = socket.getaddrinfo(*address, flags=socket.AI_NUMERICHOST)
        raise ConnectionRefusedError(111, f"Connection refused by {len(found)}")

    def check(data: bytes) -> None:
        with mock.patch.object(socket, "create_connection", refused):
            _check_address(typed(data))

    return Ready(check, [b"auto", b"127.0.0.1:6379", b"[::1]:6379", b"head.example.org:6379", b"ray://a:1"])


def storages(_: Path) -> Ready:
    """The URL of a database server. Its password is in nothing that may be printed."""

    def password_stays(data: bytes) -> None:
        server = parse_storage(typed(data))
        if server.password is not None and len(server.password) > 12:
            assert server.password not in f"{server} {server!r}"

    urls = [
        b"postgresql+psycopg://me:a-long-password@db.example.org:5432/studies?sslmode=require",
        b"postgresql://[::1]/studies?connect_timeout=5&application_name=search",
        b"postgresql+psycopg://me@%2Ftmp/studies",
        b"sqlite:////etc/passwd",
        b"mysql://a:b@c/d",
    ]
    return Ready(password_stays, urls)


def yaml_texts(_: Path) -> Ready:
    texts = [path.read_bytes() for path in sorted(STUDIES.glob("*.yaml"))]
    extra = [
        b"a: &x [1, 2]\nb: *x\n",
        b"? [a]\n: !!python/name:os.system\n",
        b"%YAML 1.2\n---\n'\\u00e9': |\n  x\n",
    ]
    return Ready(lambda data: read(data.decode("utf-8", "surrogateescape")), [*texts, *extra])


def study_files(folder: Path) -> Ready:
    """From a file's bytes to what `vggsearch space` and `vggsearch plan` make of it."""
    path = folder / "study.yaml"

    def load(data: bytes) -> None:
        path.write_bytes(data)
        study = load_study(path)
        study.identity()
        if isinstance(study, SearchStudy):
            space = study.space(FASHION_MNIST)
            first = next(iter(space))
            assert first in space
            assert space.count >= 1
        elif isinstance(study, AblationStudy):
            study.plan_design(FASHION_MNIST)

    return Ready(load, [path.read_bytes() for path in sorted(STUDIES.glob("*.yaml"))] + [FULL])


FULL = b"""\
question: everything that a search may say
data: {name: fashion-mnist, resize: 32, val_fraction: 0.2, split_seed: 1}
space:
  channels: [8, 16, 32]
  num_blocks: [1, 2, 3]
  convs_per_block: {per_block: [1, 2]}
  ratio: {per_block: [1, 2]}
  kernel_size: [3, 5]
  batch_norm: [true, false]
  head: [gap, "fc8,8"]
  constraints:
    params: {min: 10, max: 100000}
    macs: {max: 2e7}
    receptive_field: {min: 3}
recipe: {base: fast, lr: 0.1, batch_size: 32}
budget: {macs: 1e9}
sampler: nsga2
trials: 10
baseline: false
finalists: {count: 2, seeds: 2}
objectives: [val_accuracy, macs]
reference: {val_accuracy: 0.5, macs: 1e8}
seed: 3
time_limit_s: 60
"""
