from .answers import answer as answer, summarize as summarize, tiles as tiles
from .findings import Findings as Findings, find as find
