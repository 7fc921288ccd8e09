from .ablation import AblationStudy as AblationStudy
from .base import Study as Study
from .define import define_study as define_study
from .json_schema import study_schema as study_schema
from .load import load_study as load_study, parse_study as parse_study
from .search import (
    SAMPLERS as SAMPLERS,
    Objective as Objective,
    Sampler as Sampler,
    SearchStudy as SearchStudy,
    Stop as Stop,
)
from .seeds import MAX_SEEDS as MAX_SEEDS
from .shipped import SHIPPED as SHIPPED, shipped_source as shipped_source
from .strategy import (
    Model as Model,
    Rungs as Rungs,
    Screen as Screen,
    StrategySettings as StrategySettings,
    full_runs as full_runs,
)
from .table import TableStudy as TableStudy
