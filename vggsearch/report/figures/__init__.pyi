from .arm_curves import arm_curve_figure as arm_curve_figure
from .effects import effect_figure as effect_figure
from .finalists import finalist_figure as finalist_figure
from .interactions import interaction_figure as interaction_figure
from .learning_rates import rate_figure as rate_figure, robustness_figure as robustness_figure
from .parts import (
    NO_VERDICT as NO_VERDICT,
    bin_figure as bin_figure,
    pair_figure as pair_figure,
    spending_figure as spending_figure,
)
from .price import price_figure as price_figure
from .progress import (
    anytime_figure as anytime_figure,
    curve_figure as curve_figure,
    hypervolume_figure as hypervolume_figure,
)
from .style import png as png, svg as svg, theme as theme
from .tradeoff import accuracy_against as accuracy_against
