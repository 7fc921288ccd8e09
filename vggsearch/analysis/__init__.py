"""DataFrame in, DataFrame out: fronts and hypervolume, selection, paired effects and their verdicts. Pure."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
