from .answer import summarize as summarize
from .findings import Ablation as Ablation, Finding as Finding, find as find
from .page import compose as compose
