from .build import build_table as build_table
from .describe import Description as Description, describe_table as describe_table
from .files import load_table as load_table, write_table as write_table
from .replay import replay_study as replay_study
from .sentences import table_sentences as table_sentences
from .table import Row as Row, Table as Table, TableHeader as TableHeader
