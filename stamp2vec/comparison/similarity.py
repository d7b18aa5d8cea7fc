"""Vectors to similarities."""

from collections.abc import Sequence

import numpy as np

from stamp2vec.errors import IncompatibleVectors
from stamp2vec.values import Embedding


def similarity_matrix(vectors: Sequence[np.ndarray]) -> np.ndarray:
    """Cosine similarity of every two unit vectors of one model: D numbers each, N of them -> float32 (N, N)."""
    if not len(vectors):
        return np.zeros((0, 0), np.float32)
    stacked = np.stack(vectors)
    cosines: np.ndarray = np.clip(stacked @ stacked.T, -1.0, 1.0).astype(np.float32)
    return cosines


def compare(a: Embedding, b: Embedding) -> float:
    """Cosine similarity, -1 to 1. IncompatibleVectors when they are not of one model and version."""
    if (a.model, a.version, a.vector.shape) != (b.model, b.version, b.vector.shape):
        raise IncompatibleVectors(
            f"a vector of {a.model}@{a.version} ({a.vector.size} numbers) does not compare with one of "
            f"{b.model}@{b.version} ({b.vector.size} numbers): embed both stamps with one model"
        )
    return float(similarity_matrix([a.vector, b.vector])[0, 1])
