"""Pure functions of DataFrames: fronts and hypervolume, selection, paired effects and their verdicts."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
