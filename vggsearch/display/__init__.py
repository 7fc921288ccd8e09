"""How running work is shown to a person, on a terminal, in a log or in a notebook.

The command line and the Python API both use it.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
