from .assembly import SearchAssembly as SearchAssembly
from .database import Database as Database
from .postgresql import parse_storage as parse_storage
