"""What was measured to be the fastest choice, kept for this machine and for nets of the same shape.

    CACHE/choices/DIGEST.json  one measured choice, and the setting that it is for

CACHE is the user's cache folder (`vggsearch.data.cache_dir`), DIGEST that of the setting. A file that is
damaged, or of another setting, is not used: the choice is measured again. Where the folder cannot be read or
written, a process remembers what it measured itself.
"""

import contextlib
import functools
import os
import statistics
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import torch
from pydantic import Field, ValidationError

from vggsearch.arch import Architecture, Task
from vggsearch.data import cache_dir
from vggsearch.memory import training_memory
from vggsearch.recipe import Recipe
from vggsearch.runs import Count, Damage, RunKey, Text, read_bounded, write_atomically
from vggsearch.schema import Frozen, canonical_digest
from vggsearch.system import processor_model
from vggsearch.training.choices import Choice, candidates, decide
from vggsearch.training.fits import free_bytes
from vggsearch.training.timing import one_thread, time_choices

MAX_BYTES = 64 * 1024
"""Largest file that is read; a choice takes less than one kilobyte."""


class Setting(Frozen):
    """Machine, torch, and shape of nets for which a choice holds.

    Which choice is fastest depends mostly on the first block, where a net has its largest feature maps and
    fewest channels, and on whether kernels are larger than 3. The depth, the later blocks, the activation and
    the number of classes are left out: between two nets that agree in what is here, the cost of using one's
    choice for the other is measured in docs/performance.md.
    """

    processor: Text
    torch: Text
    threads: Count
    candidates: tuple[Choice, ...] = Field(min_length=1, max_length=4)
    """What the recipe permits, and whether the net has few channels anywhere."""
    width: Count
    """Channels of the first block, rounded to a power of two. `side` and `batch_size` likewise."""
    side: Count
    """Pixels of the input, of the longer side."""
    batch_size: Count
    large_kernels: bool
    """Whether most convolutions have kernels larger than 3×3."""
    batch_norm: bool
    fc: bool
    """Whether the head has hidden layers, whose weights are most of a net's."""

    @property
    def digest(self) -> str:
        """Name of the setting."""
        return canonical_digest(self.model_dump(mode="json"))


class Remembered(Frozen):
    """A measured choice, as it is kept."""

    version: Literal[1] = 1
    setting: Setting
    choice: Choice


@dataclass
class Memory:
    """Choices that were measured on this machine: in this process, and in `folder` where there is one."""

    folder: Path | None
    _known: dict[str, Choice] = field(default_factory=dict)

    def recall(self, setting: Setting) -> Choice | None:
        """The choice for `setting`; None where none is remembered."""
        digest = setting.digest
        if digest not in self._known:
            found = self._read(setting)
            if found is None:
                return None
            self._known[digest] = found
        return self._known[digest]

    def keep(self, setting: Setting, choice: Choice) -> Choice:
        """Remember `choice`, and return it; return the other process's where one was faster to write."""
        used = choice
        if self.folder is not None:
            with contextlib.suppress(OSError):
                self._write(self.folder / f"{setting.digest}.json", setting, choice)
            used = self._read(setting) or choice
        self._known[setting.digest] = used
        return used

    def _read(self, setting: Setting) -> Choice | None:
        if self.folder is None:
            return None
        try:
            data = read_bounded(self.folder / f"{setting.digest}.json", MAX_BYTES)
            found = Remembered.model_validate_json(data)
        except (FileNotFoundError, Damage, ValidationError):
            return None
        return found.choice if found.setting == setting and found.choice in setting.candidates else None

    def _write(self, path: Path, setting: Setting, choice: Choice) -> None:
        """Write the file unless a valid one is there. Raises OSError."""
        data = Remembered(setting=setting, choice=choice).model_dump_json().encode()
        own = path.with_suffix(f".{os.getpid()}")
        write_atomically(own, data)
        try:
            os.link(own, path)  # fails if the file exists: the first writer's remains
        except FileExistsError:
            if self._read(setting) is None:
                write_atomically(path, data)
        finally:
            own.unlink(missing_ok=True)


def choose(
    key: RunKey, device: torch.device, *, begun_with: Choice | None = None, memory: Memory | None = None
) -> Choice:
    """The precision and layers for a run of `key` on `device`.

    A run that was `begun_with` a choice goes on with it. Otherwise the choice is measured at most once for
    each setting, in about a second, with the number of threads that torch has now. It is not measured where
    the recipe permits only one, or where memory does not suffice for a run by each choice at once: it is then
    the plainest. Raises `ArchitectureError` where the architecture does not fit its input.
    """
    architecture = Architecture.parse(key.architecture)
    permitted = candidates(key.recipe, architecture, device)
    if begun_with in permitted:
        return begun_with
    if len(permitted) == 1:
        return permitted[0]
    memory = memory or machine_memory()
    setting = setting_of(architecture, key.task, key.recipe, permitted)
    known = memory.recall(setting)
    if known is not None:
        return known
    if len(permitted) * training_memory(architecture, key.task, key.recipe).total > free_bytes(device):
        return permitted[0]
    return memory.keep(setting, decide(time_choices(architecture, key.task, key.recipe, permitted)))


@dataclass(frozen=True, slots=True)
class Speeds:
    """How fast a net trains on one core of this machine, by each choice."""

    images_per_s: dict[Choice, float]
    """From median times of a step, the plainest choice first."""
    chosen: Choice
    """What these speeds decide."""
    remembered: Choice | None
    """What was decided before; runs here use it."""


def measure_speeds(architecture: Architecture, task: Task, recipe: Recipe) -> Speeds:
    """Measure every choice that `recipe` permits on a CPU, on one thread, in about a second.

    Nothing is remembered. Raises `ArchitectureError` where the net does not fit `task`.
    """
    cpu = torch.device("cpu")
    permitted = candidates(recipe, architecture, cpu)
    with one_thread(cpu):
        timings = time_choices(architecture, task, recipe, permitted)
        remembered = machine_memory().recall(setting_of(architecture, task, recipe, permitted))
    speeds = {choice: 1 / statistics.median(times) for choice, times in timings.items()}
    return Speeds(speeds, decide(timings), remembered)


def setting_of(
    architecture: Architecture, task: Task, recipe: Recipe, permitted: tuple[Choice, ...]
) -> Setting:
    """The setting of a run on this machine's processor, with the number of threads that torch has now."""
    kernels = [size for block in architecture.blocks for size in block.kernel_sizes]
    return Setting(
        processor=processor_model(),
        torch=torch.__version__,
        threads=torch.get_num_threads(),
        candidates=permitted,
        width=_power_of_two(architecture.blocks[0].channels),
        side=_power_of_two(max(task.input_shape[1:])),
        batch_size=_power_of_two(recipe.batch_size),
        large_kernels=2 * sum(size > 3 for size in kernels) > len(kernels),
        batch_norm=architecture.batch_norm,
        fc=bool(architecture.head.hidden),
    )


def machine_memory() -> Memory:
    """What is remembered on this machine: in the user's cache folder, if the user has one."""
    return _memory_of(choices_folder())


def choices_folder() -> Path | None:
    """The folder in which choices are kept; None where the user has no home."""
    folder = cache_dir() / "choices"
    return folder if folder.is_absolute() else None


@functools.cache
def _memory_of(folder: Path | None) -> Memory:
    return Memory(folder)


def _power_of_two(number: int) -> int:
    """The power of two that is nearest by ratio."""
    above = 1 << (number - 1).bit_length()
    return above if number * number > above * above // 2 else above // 2
