"""Designs of ablations, derived from a control: kernel contrasts, one factor at a time, factorials."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
