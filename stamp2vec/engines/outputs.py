"""What the output of a network means: float32 numbers of any engine in, the arrays of `Infer` out."""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from stamp2vec.detection import candidates, refinement
from stamp2vec.values import Task

Output = NDArray[np.float32]


def masks(output: Output) -> list[np.ndarray]:
    """(N, h, w) logits -> uint8 (h, w) an item."""
    return list(_levels(_sigmoid(output)))


def vectors(output: Output) -> list[np.ndarray]:
    """(N, D) unit vectors -> float32 (D,) an item."""
    return list(output)


def places(output: Output) -> list[np.ndarray]:
    """(N, 3, h, w) logits of `stamp_pair` -> uint8 (h, w, 2): how surely each place agrees, and contradicts."""
    powers = np.exp(output - output.max(1, keepdims=True))
    chances = powers[:, 1:] / powers.sum(1, keepdims=True)  # the first is that there is nothing to see
    return list(_levels(chances.transpose(0, 2, 3, 1)))


def logits(output: Output) -> list[np.ndarray]:
    """(N, 6) -> float32 (6,) an item."""
    return list(output)


OUTPUTS: Mapping[Task, Callable[[Output], list[np.ndarray]]] = {
    Task.DETECT: candidates.from_answer,
    Task.SEGMENT: masks,
    Task.EMBED: vectors,
    Task.VERIFY: places,
    Task.READ: logits,
    Task.REFINE: refinement.from_answer,
}


def _sigmoid(values: Output) -> Output:
    with np.errstate(over="ignore"):  # of infinity: 0, which is right
        chances: Output = np.reciprocal(1 + np.exp(-values))
    return chances


def _levels(chances: Output) -> NDArray[np.uint8]:
    return np.rint(chances * 255).astype(np.uint8)
