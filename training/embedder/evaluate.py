"""Retrieval figures on labelled vectors."""

import numpy as np


def figures(vectors: np.ndarray, identity: np.ndarray) -> dict[str, float]:
    """Leave-one-out retrieval by cosine among float (N, D) unit vectors with labels (N,): mAP@5, CMC@1, CMC@5.

    AP@5 sums the precision at each relevant rank up to 5 and divides by min(5, number of relevant items).
    """
    similarity = vectors @ vectors.T
    np.fill_diagonal(similarity, -np.inf)
    nearest = np.argsort(-similarity, axis=1, kind="stable")[
        :, : min(5, len(vectors) - 1)
    ]  # oneself comes last, and never counts
    hits = identity[nearest] == identity[:, None]  # (N, 5)
    relevant = (identity[:, None] == identity).sum(1) - 1
    asked = relevant > 0
    precision = hits * hits.cumsum(1) / np.arange(1, hits.shape[1] + 1)
    average = precision[asked].sum(1) / np.minimum(5, relevant[asked])
    return {
        "map_at_5": float(average.mean()),
        "cmc_at_1": float(hits[asked, 0].mean()),
        "cmc_at_5": float(hits[asked].any(1).mean()),
    }
