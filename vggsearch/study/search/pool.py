"""`Pool`: the members that a surrogate scores, as rows of arrays."""

from collections.abc import Sequence

import numpy as np

from vggsearch.arch import Architecture
from vggsearch.costs import IntArray
from vggsearch.space import Members, Space, members_of
from vggsearch.study.search.features import Features, Matrix

MOST_MEMBERS = 100_000
"""Members of a pool to begin with; of a larger space so many are drawn."""


class Pool:
    """All members of `space`, or a sample of a large one to which others are added as they are asked for."""

    def __init__(self, space: Space, seed: int) -> None:
        self._members = members_of(space, MOST_MEMBERS, seed)
        self._added: list[Architecture] = []
        self._rows: dict[str, int] = {}
        self.features = Features(self._members)
        self.main = self.features.main(self._members)
        """Main columns, [N, m]."""
        self.costs = dict(self._members.costs)
        """Costs by name, [N] each."""
        self.whole = len(self._members) == space.count
        """Whether every member of the space has a row."""

    def __len__(self) -> int:
        return len(self.main)

    def architecture(self, row: int) -> Architecture:
        """The member in a row."""
        first = len(self._members)
        return self._members.architecture(row) if row < first else self._added[row - first]

    def rows(self, texts: Sequence[str]) -> IntArray:
        """The rows of members, which are added where they have none."""
        unknown = [text for text in dict.fromkeys(texts) if text not in self._rows]
        absent: list[Architecture] = []
        for text in unknown:
            net = Architecture.parse(text)
            row = self._members.row(net)
            if row is None:
                row = len(self) + len(absent)
                absent.append(net)
            self._rows[text] = row
        if absent:
            self._add(absent)
        return np.array([self._rows[text] for text in texts], dtype=np.int64)

    def _add(self, nets: Sequence[Architecture]) -> None:
        picked: Members = self._members.picked(nets)
        self._added += nets
        self.main = np.vstack([self.main, self.features.main(picked)])
        self.costs = {name: np.concatenate([self.costs[name], more]) for name, more in picked.costs.items()}

    def pairs(self, rows: IntArray) -> Matrix:
        """Products of two main columns of some rows."""
        return self.features.pairs(self.main[rows])
