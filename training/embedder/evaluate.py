"""The retrieval figures that a training writes into its manifest."""

import numpy as np

from training.evaluate.retrieval import measure, retrieve


def figures(vectors: np.ndarray, identity: np.ndarray) -> dict[str, float]:
    """Leave-one-out retrieval by cosine among float (N, D) unit vectors with labels (N,); see retrieval.Figures."""
    metrics = measure(retrieve(vectors, identity, np.zeros(len(identity), int)))
    return {"map_at_5": metrics.map_at_5, "cmc_at_1": metrics.cmc_at_1, "cmc_at_5": metrics.cmc_at_5}
