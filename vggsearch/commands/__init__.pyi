from .arguments import INTERRUPTED as INTERRUPTED
from .lazy import add_command as add_command
