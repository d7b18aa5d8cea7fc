"""Whether two servers say the same of a picture: what is compared before any speed is."""

import numpy as np

from bench.peers.job import Answer
from stamp2vec.values import Task

# Engines differ by so much (tests/models/test_engines.py), or by half of it.
_OF_A_STAMP = np.array([0.1, 0.1, 0.1, 0.1, 0.01, 0.1, 0, 0], np.float32)  # box, score, angle, type, ink
_OF_A_VECTOR = np.float32(1e-3)


def difference(task: Task, expected: Answer, given: Answer) -> str:
    """In what an answer differs from the expected one; empty where it does not."""
    if given.shape != expected.shape:
        return f"{given.size} numbers in place of {expected.size}"
    if task is Task.EMBED:
        wrong = ~(np.abs(given - expected) <= _OF_A_VECTOR)  # a NaN is not close to anything
    else:
        stamps = np.abs(given - expected).reshape(-1, len(_OF_A_STAMP))
        wrong = (~(stamps <= _OF_A_STAMP)).reshape(-1)
    if not wrong.any():
        return ""
    first = int(np.flatnonzero(wrong)[0])
    return f"{int(wrong.sum())} of {given.size} numbers, the first {given[first]:g} in place of {expected[first]:g}"
