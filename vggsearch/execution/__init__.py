"""Executors make the runs of a study: the contract, worker processes of this machine, and Ray clusters."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
