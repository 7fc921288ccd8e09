"""How a search is run: its samplers, its stages, and Optuna's copy of it."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
