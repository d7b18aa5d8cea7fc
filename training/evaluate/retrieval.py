"""Retrieval metrics: do stamps of the same die rank first in a gallery?"""

from dataclasses import dataclass

import numpy as np

NEAREST = 5
_CHUNK = 512


@dataclass(frozen=True, slots=True)
class Retrieved:
    """The five nearest stamps to each of Q queries, best first.

    `query` int (Q,) and `nearest` int (Q, 5) are places in the gallery, `hit` bool (Q, 5) whether they are of the
    query's die, `relevant` int (Q,) how many of the gallery are.
    """

    query: np.ndarray
    nearest: np.ndarray
    hit: np.ndarray
    relevant: np.ndarray

    def where(self, kept: np.ndarray) -> "Retrieved":
        """The queries of a bool (Q,)."""
        return Retrieved(self.query[kept], self.nearest[kept], self.hit[kept], self.relevant[kept])


@dataclass(frozen=True, slots=True)
class Figures:
    """Means over the queries: recall at 1 (which is CMC@1), mAP@5, CMC@5.

    AP@5 sums the precision at each relevant rank up to 5 and divides by min(5, number of relevant stamps); CMC@k is the
    share of queries with a stamp of their die among the nearest k.
    """

    queries: int
    recall_at_1: float
    map_at_5: float
    cmc_at_1: float
    cmc_at_5: float


def retrieve(vectors: np.ndarray, identity: np.ndarray, group: np.ndarray) -> Retrieved:
    """The nearest stamps to every stamp whose die has another in its group: unit vectors (N, D), int (N,), int (N,).

    The gallery is the group without the query itself, and group -1, the distractors, which are never queries. Among
    equally similar stamps those of other dies come first, so that ties count against the model. ValueError without
    queries.
    """
    queried, nearest, hits, relevant = [], [], [], []
    for name in np.unique(group[group >= 0]):
        gallery = np.flatnonzero((group == name) | (group == -1))
        queries = np.flatnonzero(group == name)
        counts = (identity[queries][:, None] == identity[queries]).sum(1) - 1
        queries, counts = queries[counts > 0], counts[counts > 0]
        for at in range(0, len(queries), _CHUNK):
            part = queries[at : at + _CHUNK]
            similarity = vectors[part] @ vectors[gallery].T
            similarity[part[:, None] == gallery] = -np.inf
            same = identity[part][:, None] == identity[gallery]
            order = np.lexsort((same, -similarity), axis=1)[:, :NEAREST]
            queried.append(part)
            nearest.append(gallery[order])
            hits.append(np.take_along_axis(same, order, 1) & np.isfinite(np.take_along_axis(similarity, order, 1)))
        relevant.append(counts)
    if not queried or not sum(map(len, queried)):
        raise ValueError("no die has two stamps: name crops with several impressions of each die")
    width = min(part.shape[1] for part in nearest)
    return Retrieved(
        np.concatenate(queried),
        np.concatenate([part[:, :width] for part in nearest]),
        np.concatenate([part[:, :width] for part in hits]),
        np.concatenate(relevant),
    )


def measure(found: Retrieved) -> Figures:
    """The figures of one query or more."""
    precision = found.hit * found.hit.cumsum(1) / np.arange(1, found.hit.shape[1] + 1)
    average = precision.sum(1) / np.minimum(NEAREST, found.relevant)
    first = float(found.hit[:, 0].mean())
    return Figures(len(found.query), first, float(average.mean()), first, float(found.hit.any(1).mean()))
