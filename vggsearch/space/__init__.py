"""The nets a study may try: choices and constraints (`SearchSpace`) or a list (`ListedSpace`)."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
