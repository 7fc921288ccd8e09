"""The layout of a store: every name, path, pattern and limit of size in it.

    STORE/
      lock                                    the process that writes; see `Store.lock`
      optuna.db                               Optuna's copy of the searches
      optuna.db-wal, -shm, -journal           files of SQLite while the database is open, and after a kill
      optuna.db.damaged-1                     a damaged database that was replaced
      token.json                              identifies the store in a shared database
      ledger/3f/3f6c….json                    the runs of all studies, by the digest of their keys
      checkpoints/3f6c…/000000000100.json     an interrupted run; its tensors in .safetensors
      checkpoints/3f6c…/weights.safetensors   what the worker of a run that ended hands over
      weights/9a41….safetensors               the weights that a record names, by the SHA-256 of their bytes
      studies/NAME/study.json                 the study's identity, which must not change
      studies/NAME/plan.json                  the registered plans of an ablation
      studies/NAME/asked.json                 candidates that were handed out and not answered
      studies/NAME/finalists.json             the architectures that were selected
      studies/NAME/rates.json                 the learning rate of each arm
      studies/NAME/trials/search-000012.json  the trials
      backup/20260314-150926/…                files that a repair moved here; the time is UTC

Every JSON file holds its own checksum (`vggsearch.runs.checksums`).
"""

import re
from collections.abc import Iterator
from pathlib import Path

from vggsearch.runs import Digest, TrialRecord

LEDGER, STUDIES, CHECKPOINTS, WEIGHTS, BACKUP = FOLDERS = (
    "ledger",
    "studies",
    "checkpoints",
    "weights",
    "backup",
)
HANDED_OVER = "weights.safetensors"
LOCK, TOKEN, OPTUNA = "lock", "token.json", "optuna.db"
OPTUNA_SIDECARS = ("optuna.db-wal", "optuna.db-shm", "optuna.db-journal")
TRIALS = "trials"
IDENTITY, PLANS, PENDING = "study.json", "plan.json", "asked.json"
SELECTION, RATES, OPTIONS = "finalists.json", "rates.json", "options.json"

DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)
SHARD = re.compile(r"[0-9a-f]{2}", re.ASCII)
RECORD = re.compile(r"[0-9a-f]{64}\.json", re.ASCII)
STUDY = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}", re.ASCII)
WEIGHTS_FILE = re.compile(r"[0-9a-f]{64}\.safetensors", re.ASCII)
COUNTERS = re.compile(r"[0-9]{12}\.json", re.ASCII)
OPTUNA_DAMAGED = re.compile(r"optuna\.db\.damaged-[0-9]{1,9}(-wal|-shm|-journal)?", re.ASCII)

MAX_TOKEN_BYTES = 1024
MAX_TRIAL_BYTES = 64 * 1024
MAX_COUNTERS_BYTES = 64 * 1024
MAX_IDENTITY_BYTES = 2**20
MAX_PLAN_BYTES = 8 * 2**20
MAX_STATE_BYTES = 16 * 2**20
MAX_TENSORS_BYTES = 8 * 2**30
"""VGG-19 and its momentum take 1.2 GB."""
MAX_WEIGHTS_BYTES = 4 * 10**9
"""Of all weights files of a store together: seven times VGG-19, or thousands of nets of 1 MB."""


class Layout:
    """The paths in the store at `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.ledger = root / LEDGER
        self.studies = root / STUDIES
        self.checkpoints = root / CHECKPOINTS
        self.weights = root / WEIGHTS
        self.backup = root / BACKUP
        self.lock = root / LOCK
        self.token = root / TOKEN
        self.optuna = root / OPTUNA

    def study(self, name: str) -> Path:
        """The folder of a study."""
        return self.studies / name

    def trials(self, name: str) -> Path:
        """The folder of a study's trials."""
        return self.study(name) / TRIALS

    def study_folders(self) -> list[Path]:
        """The folder of every study by name; links are left out."""
        return folders(self.studies) if _is_folder(self.studies) else []

    def written_folders(self) -> Iterator[Path]:
        """The folders whose files the store's writer writes, its ledger apart; links are left out."""
        yield self.root
        if not self.weights.is_symlink():
            yield self.weights
        for folder in self.study_folders():
            yield folder
            if not (folder / TRIALS).is_symlink():
                yield folder / TRIALS


def record_path(ledger: Path, digest: Digest) -> Path:
    """The file of a run in the folder of a ledger."""
    return ledger / digest[:2] / f"{digest}.json"


def trial_name(trial: TrialRecord) -> str:
    """The name of a trial's file."""
    return f"{trial.stage}-{trial.number:06d}.json"


def weights_path(folder: Path, digest: Digest) -> Path:
    """The file of the weights whose bytes have that SHA-256, in the folder of a store's weights."""
    return folder / f"{digest}.safetensors"


def handed_over(checkpoints: Path, digest: Digest) -> Path:
    """The file in which the worker of the run `digest` hands over its weights."""
    return checkpoints / digest / HANDED_OVER


def tensors_of(counters: Path) -> Path:
    """The file of tensors that belongs to a checkpoint's JSON file."""
    return counters.with_suffix(".safetensors")


def folders(path: Path) -> list[Path]:
    """The folders in a folder, by name; links are left out; empty where it is absent. Raises OSError."""
    try:
        return sorted(inner for inner in path.iterdir() if _is_folder(inner))
    except FileNotFoundError:
        return []


def _is_folder(path: Path) -> bool:
    """Whether `path` is a folder, and no link to one."""
    return path.is_dir() and not path.is_symlink()
