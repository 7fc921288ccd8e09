"""How an ablation is run: its plan, its stages, and the tables of its trials."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
