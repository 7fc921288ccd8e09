"""A trained net as a folder that needs nothing of this package: the bundle. Written, checked, read, and used.

A bundle holds weights, code in plain torch, ONNX, a page for a browser, a model card and a few samples.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
