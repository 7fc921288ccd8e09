from .page import (
    find_table as find_table,
    summarize_table as summarize_table,
    table_report as table_report,
)
