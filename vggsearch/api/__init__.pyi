from .datasets import dataset as dataset
from .definitions import ablation as ablation, load_study as load_study, search as search
from .nets import NetCost as NetCost, build as build, cost as cost
from .results import Results as Results
from .studies import Study as Study
from .training import TrainedNet as TrainedNet, load as load, train as train
