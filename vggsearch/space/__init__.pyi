from .base import Scalar as Scalar, Space as Space
from .choices import Choice as Choice, Constraint as Constraint
from .listed import ListedSpace as ListedSpace
from .members import Members as Members, members_of as members_of
from .search import SearchSpace as SearchSpace
