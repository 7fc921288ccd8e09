from .expectations import beliefs as beliefs
from .kind import SearchKind as SearchKind
from .postgresql import parse_storage as parse_storage
