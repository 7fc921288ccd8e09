"""Architecture search and ablation studies for VGG-style networks.

Importing this package loads nothing heavy: import what you need from `vggsearch.arch`, `vggsearch.costs`,
`vggsearch.space`, `vggsearch.model`, `vggsearch.training`, `vggsearch.study` or `vggsearch.report`.
"""

__version__ = "0.1.0"
