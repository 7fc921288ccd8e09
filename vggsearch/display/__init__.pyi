from .console import harmless as harmless, make_console as make_console, table as table
from .fetching import fetch_and_log as fetch_and_log, fetch_if_absent as fetch_if_absent
from .images import print_understood as print_understood, reading_display as reading_display
from .running import run_with_display as run_with_display
