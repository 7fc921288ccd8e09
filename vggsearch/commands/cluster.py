"""Where `vggsearch run` has runs made: in processes of this machine, or on a Ray cluster."""

from dataclasses import dataclass

from vggsearch.errors import VggSearchError


@dataclass(frozen=True, slots=True)
class Cluster:
    """A Ray cluster."""

    address: str | None
    """As `ray.init` takes it; None for a Ray of this machine, which ends with the study."""


def named_cluster(executor: str, address: str | None) -> Cluster | None:
    """The cluster that the options name; None for processes here. Raises `VggSearchError`."""
    if executor not in ("local", "ray"):
        raise VggSearchError(f"--executor is local or ray, not {executor[:60]!r}: use one of them")
    if executor == "local" and address is not None:
        raise VggSearchError("--address is of a Ray cluster, and --executor is local: add --executor ray")
    return Cluster(address) if executor == "ray" else None
