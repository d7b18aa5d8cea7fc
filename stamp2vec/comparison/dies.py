"""Probabilities of every two stamps to groups of stamps of one die."""

import numpy as np

from stamp2vec.comparison.verdicts import SAME_FROM
from stamp2vec.values import Verification


def probability_matrix(similarity: np.ndarray, verification: Verification) -> np.ndarray:
    """Similarities (N, N) of every two stamps -> float32 (N, N) probabilities; a stamp is of its own die."""
    probability = verification.probability(similarity)
    np.fill_diagonal(probability, 1.0)
    return probability


def die_groups(probability: np.ndarray, legible: np.ndarray) -> list[int]:
    """Numbers the dies of N stamps: float (N, N) probabilities, bool (N,) legible -> N numbers.

    Stamps get one number when the verdict on every two of them is SAME (complete linkage, the likeliest pair first).
    Numbers count from 1 in the order of the stamps; a stamp that is not legible has 0. Takes time of N^2 log N.
    """
    n = len(probability)
    group = np.arange(n)
    # The least probability between any two groups, kept for the stamp that a group is named after.
    weakest = np.where(legible[:, None] & legible, probability, 0.0).astype(np.float64)
    rows, columns = np.nonzero(np.triu(weakest, 1) >= SAME_FROM)
    for pair in np.argsort(-weakest[rows, columns], kind="stable"):
        a, b = sorted((int(group[rows[pair]]), int(group[columns[pair]])))
        if a != b and weakest[a, b] >= SAME_FROM:
            group[group == b] = a
            weakest[a] = weakest[:, a] = np.minimum(weakest[a], weakest[b])
    numbers = {first: number for number, first in enumerate(dict.fromkeys(group[legible].tolist()), 1)}
    return [numbers[name] if readable else 0 for name, readable in zip(group.tolist(), legible.tolist(), strict=True)]
