from .class_accuracy import class_accuracy_figure as class_accuracy_figure
from .confusion_matrix import MATRIX_CLASSES as MATRIX_CLASSES, confusion_figure as confusion_figure
from .grid import panel_grid as panel_grid, rows_of as rows_of
from .mistakes_picture import mistakes_figure as mistakes_figure
from .sides import name_sides as name_sides
from .style import (
    MARKERS as MARKERS,
    MAX_VECTOR_POINTS as MAX_VECTOR_POINTS,
    MOST_DOTS as MOST_DOTS,
    PANEL as PANEL,
    VERDICT_COLOURS as VERDICT_COLOURS,
    WIDE as WIDE,
    apart as apart,
    first_of as first_of,
    jitter as jitter,
    key_above as key_above,
    label as label,
    letter as letter,
    log_axis as log_axis,
    panel as panel,
    percent_axis as percent_axis,
    png as png,
    round_ticks as round_ticks,
    signed_ticks as signed_ticks,
    svg as svg,
    theme as theme,
    time_unit as time_unit,
)
from .worker_time import spending_figure as spending_figure
