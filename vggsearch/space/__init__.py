"""The nets a study may try: by choices and constraints (`SearchSpace`), or listed (`ListedSpace`)."""

from vggsearch.space.base import Scalar, Space
from vggsearch.space.choices import Choice, Constraint
from vggsearch.space.grid import Grid
from vggsearch.space.listed import ListedSpace
from vggsearch.space.search import SearchSpace

__all__ = ["Choice", "Constraint", "Grid", "ListedSpace", "Scalar", "SearchSpace", "Space"]
