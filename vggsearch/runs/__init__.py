"""What happened: the record of every run, and the ledger that keeps them.

Their tables are in `vggsearch.runs.frames`, which needs pandas and is not imported here.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
