"""Architectures, their text form, the zoo of published nets, and the expansion into layers. No torch."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
