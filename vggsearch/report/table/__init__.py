"""The report of a table: its size, how fidelities agree, the noise of seeds, what explains the accuracies."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
