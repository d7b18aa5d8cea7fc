"""Comparisons of pictures and of stored vectors by the gateway."""

from typing import TYPE_CHECKING

import grpc
import grpc.aio
import numpy as np
import pytest

from stamp2vec.v1 import common_pb2, gateway_pb2
from tests.services.gateway import TIMEOUT_S, Code, fields, gateway, picture, refusal, stamp, vector
from tests.services.scripted import Scripted

if TYPE_CHECKING:
    from stamp2vec.v1.gateway_pb2_grpc import StampServiceAsyncStub


async def test_images_and_vectors_compare_with_each_other() -> None:
    x, y = np.cos(200 / 255), np.sin(200 / 255)
    async with gateway(Scripted()) as stub:

        async def compare(a: gateway_pb2.Comparand, b: gateway_pb2.Comparand) -> float:
            response = await stub.CompareStamps(gateway_pb2.CompareStampsRequest(a=a, b=b), timeout=TIMEOUT_S)
            assert response.model == common_pb2.ModelVersion(name="embedder", version="1.0.0")
            return response.similarity

        assert await compare(stamp(200), stamp(200)) == pytest.approx(1, abs=1e-6)
        assert await compare(stamp(200), stamp(50)) == pytest.approx(np.cos(150 / 255), abs=1e-6)
        assert await compare(stamp(200), vector(x, y, 0, 0)) == pytest.approx(1, abs=1e-6)
        assert await compare(vector(3 * x, 3 * y, 0, 0), vector(-y, x, 0, 0)) == pytest.approx(0, abs=1e-6)


async def test_two_vectors_compare_while_their_model_is_not_served() -> None:
    retired = {"name": "old", "version": "0.1.0"}
    request = gateway_pb2.CompareStampsRequest(a=vector(1, 0, **retired), b=vector(1, 0, **retired))
    async with gateway(Scripted()) as stub:
        response = await stub.CompareStamps(request, timeout=TIMEOUT_S)
    assert response.similarity == 1


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("a", "b", "model", "code", "at_fault"),
    [
        (None, stamp(200), None, Code.INVALID_ARGUMENT, "a"),
        (stamp(200), gateway_pb2.Comparand(), None, Code.INVALID_ARGUMENT, "b"),
        (stamp(200), vector(1, 0, 0), None, Code.INVALID_ARGUMENT, "b.vector.values"),
        (vector(), stamp(200), None, Code.INVALID_ARGUMENT, "a.vector.values"),
        (vector(1, 0, 0, float("nan")), stamp(200), None, Code.INVALID_ARGUMENT, "a.vector.values"),
        (vector(0, 0, 0, 0), stamp(200), None, Code.INVALID_ARGUMENT, "a.vector.values"),
        (vector(1, 0, 0, 0, name=""), stamp(200), None, Code.INVALID_ARGUMENT, "a.vector.model"),
        (vector(1, 0, 0, 0), vector(1, 0, 0, 0, version="2.0.0"), None, Code.INVALID_ARGUMENT, "b.vector.model"),
        (vector(1, 0, name="x"), vector(1, 0, 0, name="x"), None, Code.INVALID_ARGUMENT, "b.vector.values"),
        (vector(1, 0, 0, 0, name="old"), stamp(200), None, Code.NOT_FOUND, None),
        (vector(1, 0, 0, 0), stamp(200), "big", Code.INVALID_ARGUMENT, "model"),
        (stamp(200), stamp(100), "unknown", Code.NOT_FOUND, None),
        (
            stamp(200),
            gateway_pb2.Comparand(image=common_pb2.Image(encoded=b"x")),
            None,
            Code.INVALID_ARGUMENT,
            "b.image.encoded",
        ),
    ],
)
async def test_invalid_comparisons_are_refused(
    stub: "StampServiceAsyncStub",
    a: gateway_pb2.Comparand | None,
    b: gateway_pb2.Comparand,
    model: str | None,
    code: grpc.StatusCode,
    at_fault: str | None,
) -> None:
    selector = common_pb2.ModelSelector(name=model) if model else None
    request = gateway_pb2.CompareStampsRequest(a=a, b=b, model=selector)
    error = await refusal(stub.CompareStamps(request, timeout=TIMEOUT_S))
    assert error.code() is code
    assert fields(error) == ([at_fault] if at_fault else [])
    assert len(str(error.details())) > 20


async def test_a_vector_that_is_none_is_the_model_s_fault() -> None:
    script = Scripted(vectors=[0.0, float("nan"), 0.0, 0.0])
    request = gateway_pb2.CompareStampsRequest(
        a=gateway_pb2.Comparand(image=picture(100)), b=gateway_pb2.Comparand(image=picture(200))
    )
    async with gateway(script) as stub:
        error = await refusal(stub.CompareStamps(request, timeout=TIMEOUT_S))
    assert (error.code(), fields(error)) == (Code.INTERNAL, [])
