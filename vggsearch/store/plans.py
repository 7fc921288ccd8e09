"""The registered plans of an ablation, in its folder of the store."""

from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from vggsearch.designs import Plan, Registration
from vggsearch.errors import StoreError
from vggsearch.runs import Damage, add_checksum, read_bounded, verify_checksum, write_atomically

MAX_PLAN_BYTES = 8 * 2**20


_REGISTRATIONS: TypeAdapter[tuple[Registration, ...]] = TypeAdapter(tuple[Registration, ...])


class PlanBook:
    """The registered plans of one study, in its folder of the store."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "plan.json"

    def read(self) -> tuple[Registration, ...]:
        """In order; empty where none was registered. Raises `StoreError` where they cannot be read."""
        try:
            return _REGISTRATIONS.validate_json(verify_checksum(read_bounded(self._path, MAX_PLAN_BYTES)))
        except FileNotFoundError:
            return ()
        except (Damage, ValidationError) as error:
            raise StoreError(
                f"{self._path}: a registered plan must be whole, and this file is not: bring it back from a "
                "backup, or name another --store"
            ) from error

    def register(self, plan: Plan, *, runs: int, at: float) -> tuple[Registration, ...]:
        """Fix `plan` unless it is the one in force; returns all. Raises `StoreError`.

        Args:
            plan: What is to be done from now on.
            runs: How many runs have been made so far.
            at: Seconds since the epoch.
        """
        before = self.read()
        if before and before[-1].digest == plan.digest:
            return before
        kept = before if runs else ()
        registrations = (*kept, Registration(plan=plan, digest=plan.digest, at=at, runs=runs))
        try:
            write_atomically(self._path, add_checksum(_REGISTRATIONS.dump_json(registrations)))
        except OSError as error:
            raise StoreError(
                f"{self._path} cannot be written ({error.strerror}): free space or mend permissions, and run "
                "the same command again"
            ) from error
        return registrations
