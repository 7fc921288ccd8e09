from .base import Scalar as Scalar, Space as Space
from .choices import Choice as Choice, Constraint as Constraint
from .listed import ListedSpace as ListedSpace
from .search import SearchSpace as SearchSpace
