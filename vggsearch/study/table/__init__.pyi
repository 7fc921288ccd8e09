from .kind import TableKind as TableKind
from .runs import table_runs as table_runs
