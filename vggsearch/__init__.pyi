from .api import (
    NetCost as NetCost,
    Results as Results,
    Study as Study,
    TrainedNet as TrainedNet,
    ablation as ablation,
    build as build,
    cost as cost,
    dataset as dataset,
    load as load,
    load_study as load_study,
    search as search,
    train as train,
)
from .arch import Architecture as Architecture, Task as Task
from .errors import VggSearchError as VggSearchError
from .recipe import Budget as Budget, Recipe as Recipe
from .runs import RunRecord as RunRecord
from .tables import load_table as load_table

__version__: str
