"""Replayable benchmarks: what every member of a space reached at several fidelities and seeds, in a file."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
