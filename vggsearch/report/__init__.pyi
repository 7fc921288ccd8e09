from .write import (
    summarize_results as summarize_results,
    with_pictures as with_pictures,
    write_report as write_report,
)
