"""The commands, one file each: options, and what is done with them. `vggsearch.cli` lists them.

A command parses, calls what a program would call, and prints. Nothing that a notebook needs is here.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
