"""Architecture search and ablation studies for VGG-style networks.

The names of this package are the Python API (docs/python.md). Each is loaded when it is first used, so that
importing the package takes no time.
"""

import lazy_loader

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
