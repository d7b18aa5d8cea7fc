"""Vectors to similarities."""

from collections.abc import Sequence

import numpy as np

from stamp2vec.errors import IncompatibleVectors, InvalidInput
from stamp2vec.limits import MAX_VECTOR_SIZE
from stamp2vec.values import Embedding, ModelInfo


def similarity_matrix(vectors: Sequence[np.ndarray]) -> np.ndarray:
    """Cosine similarity of every two unit vectors of one model: D numbers each, N of them -> float32 (N, N)."""
    if not len(vectors):
        return np.zeros((0, 0), np.float32)
    stacked = np.stack(vectors)
    cosines: np.ndarray = np.clip(stacked @ stacked.T, -1.0, 1.0).astype(np.float32)
    return cosines


def compare(a: Embedding, b: Embedding) -> float:
    """Cosine similarity, -1 to 1, of vectors of any length.

    Raises InvalidInput for a vector that no model can have made, and IncompatibleVectors when they are not of one model
    and version.
    """
    check_embedding(a, "a")
    check_embedding(b, "b")
    check_compatible(a, b, "b")
    return float(similarity_matrix([_unit(a.vector), _unit(b.vector)])[0, 1])


def check_embedding(embedding: Embedding, field: str, models: Sequence[ModelInfo] = ()) -> None:
    """InvalidInput for a vector that no model can have made; its size is checked where its model is among `models`."""
    if not embedding.model or not embedding.version:
        raise InvalidInput("the vector does not name the model that made it: send it as it came", f"{field}.model")
    size = embedding.vector.size
    sizes = {model.vector_size for model in models if model.reference == embedding.reference}
    if sizes and size not in sizes:
        message = f"the vector has {size} numbers and {_shown(embedding)} makes {sizes.pop()}: send it as it came"
        raise InvalidInput(message, f"{field}.values")
    if not 1 <= size <= MAX_VECTOR_SIZE:
        raise InvalidInput(f"the vector has {size} numbers: send 1 to {MAX_VECTOR_SIZE}", f"{field}.values")
    values = embedding.vector.astype(np.float64)
    if not np.isfinite(values).all():
        raise InvalidInput("the vector holds a number that is not finite: send it as it came", f"{field}.values")
    if not np.linalg.norm(values) > 0:
        raise InvalidInput("the vector has the length 0, hence no direction: send it as it came", f"{field}.values")


def check_compatible(a: Embedding, b: Embedding, field: str) -> None:
    """IncompatibleVectors, about the second one's `field`, when they are of different models or sizes."""
    if (a.model, a.version) != (b.model, b.version):
        raise IncompatibleVectors(
            f"a vector of {_shown(a)} does not compare with one of {_shown(b)}: embed both stamps with one model",
            f"{field}.model",
        )
    if a.vector.size != b.vector.size:
        raise IncompatibleVectors(
            f"the vectors have {a.vector.size} and {b.vector.size} numbers: send both as they came", f"{field}.values"
        )


def _unit(vector: np.ndarray) -> np.ndarray:
    """float32 (D,) of length 1."""
    values = vector.astype(np.float64)
    return (values / np.linalg.norm(values)).astype(np.float32)


def _shown(embedding: Embedding) -> str:
    """Its model for a message, which has no room for all that a caller may send."""
    return f"{embedding.model[:64]}@{embedding.version[:64]}"
