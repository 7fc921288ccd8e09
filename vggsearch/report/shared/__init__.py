"""Sections, tables and sentences that reports of searches and ablations share."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
