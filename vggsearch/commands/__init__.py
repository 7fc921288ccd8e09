"""The commands, one file each. `vggsearch.cli` lists them.

A command parses its options, calls the functions of the Python API, and prints. Nothing that a notebook needs
is here.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
