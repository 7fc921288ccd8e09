from .ablation import MAX_SEEDS as MAX_SEEDS, AblationStudy as AblationStudy
from .base import Study as Study
from .load import load_study as load_study, parse_study as parse_study
from .search import (
    SAMPLERS as SAMPLERS,
    Objective as Objective,
    Sampler as Sampler,
    SearchStudy as SearchStudy,
    Stop as Stop,
)
from .strategy import (
    Model as Model,
    Rungs as Rungs,
    Screen as Screen,
    StrategySettings as StrategySettings,
    full_runs as full_runs,
)
from .table import TableStudy as TableStudy
