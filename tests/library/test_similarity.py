"""Stored vectors to a similarity: what does not compare is an error, never a number."""

import numpy as np
import pytest

from stamp2vec.comparison import compare, similarity_matrix
from stamp2vec.comparison.similarity import check_embedding
from stamp2vec.errors import IncompatibleVectors, InvalidInput
from stamp2vec.values import Embedding, Task
from tests.library.conftest import manifest


def embedding(*values: float, model: str = "tvae", version: str = "1.5.0") -> Embedding:
    return Embedding(np.array(values, np.float32), model, version)


def test_the_length_of_a_vector_means_nothing() -> None:
    assert compare(embedding(3, 0), embedding(0.5, 0.5)) == pytest.approx(np.sqrt(0.5))
    assert compare(embedding(1e-30, 0), embedding(-1e30, 0)) == pytest.approx(-1)


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ((float("nan"), 1), "not finite"),
        ((float("inf"), 1), "not finite"),
        ((0, 0), "length 0"),
        ((), "0 numbers"),
        ((1,) * 4097, "send 1 to 4096"),
    ],
)
def test_what_is_no_vector_is_an_error(values: tuple[float, ...], text: str) -> None:
    with pytest.raises(InvalidInput, match=text) as caught:
        compare(embedding(1, 0), embedding(*values))
    assert caught.value.field == "b.values"


def test_a_vector_without_its_model_is_an_error() -> None:
    with pytest.raises(InvalidInput, match="does not name the model") as caught:
        compare(embedding(1, 0, version=""), embedding(1, 0))
    assert caught.value.field == "a.model"


def test_vectors_of_two_models_do_not_compare() -> None:
    with pytest.raises(IncompatibleVectors, match=r"tvae@1\.5\.0 does not compare with one of tvae@1\.4\.0") as caught:
        compare(embedding(1, 0), embedding(1, 0, version="1.4.0"))
    assert caught.value.field == "b.model"
    with pytest.raises(IncompatibleVectors, match="2 and 3 numbers"):
        compare(embedding(1, 0), embedding(1, 0, 0))


def test_a_size_is_checked_where_the_model_is_known() -> None:
    known = [manifest("tvae", Task.EMBED, {}, 128, 3).info]
    check_embedding(embedding(1, 0, 0, version="0.0.1"), "a", known)
    check_embedding(embedding(1, 0, version="9.9.9"), "a", known)
    with pytest.raises(InvalidInput, match=r"2 numbers and tvae@0\.0\.1 makes 3") as caught:
        check_embedding(embedding(1, 0, version="0.0.1"), "a", known)
    assert caught.value.field == "a.values"


def test_no_vectors_make_an_empty_matrix() -> None:
    assert similarity_matrix([]).shape == (0, 0)
