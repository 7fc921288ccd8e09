"""The look of figures, their axes and grids, and the figure that all kinds of report share."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
