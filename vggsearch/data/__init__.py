"""Named data sets and folders of images, split, checked, and made into batches on their device.

What needs torch is imported when it is first used, so that describing and fetching data stays quick.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
