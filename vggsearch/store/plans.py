"""The registered plans of an ablation, in its folder of the store."""

from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from vggsearch.designs import Plan, Registration
from vggsearch.errors import StoreError
from vggsearch.runs import Damage, read_checksummed
from vggsearch.store.files import write
from vggsearch.store.layout import MAX_PLAN_BYTES, PLANS

_REGISTRATIONS: TypeAdapter[tuple[Registration, ...]] = TypeAdapter(tuple[Registration, ...])


class PlanBook:
    """The registered plans of one study, in its folder of the store."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / PLANS

    def read(self) -> tuple[Registration, ...]:
        """In order; empty where none was registered. Raises `StoreError` where they cannot be read."""
        try:
            return _REGISTRATIONS.validate_json(read_checksummed(self._path, MAX_PLAN_BYTES))
        except FileNotFoundError:
            return ()
        except (Damage, ValidationError) as error:
            raise StoreError(
                f"{self._path}: a registered plan must be whole, and this file is not: bring it back from a "
                "backup, or name another --store"
            ) from error

    def register(self, plan: Plan, *, runs: int, at: float) -> tuple[Registration, ...]:
        """Register `plan` unless it is the latest one; returns all registrations. Raises `StoreError`.

        Args:
            plan: The plan from now on.
            runs: How many runs have been made so far.
            at: Seconds since the epoch.
        """
        before = self.read()
        if before and before[-1].digest == plan.digest:
            return before
        kept = before if runs else ()
        registrations = (*kept, Registration(plan=plan, digest=plan.digest, at=at, runs=runs))
        write(self._path, _REGISTRATIONS.dump_json(registrations))
        return registrations
