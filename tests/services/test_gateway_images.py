"""Calls of the gateway that use one model."""

import numpy as np
import pytest
from PIL import Image

from stamp2vec.v1 import common_pb2, gateway_pb2
from tests.services.gateway import TIMEOUT_S, Code, accurate, encoded, fields, gateway, picture, refusal
from tests.services.scripted import Scripted, info


async def test_images_that_go_out_in_groups_keep_their_order_and_their_names() -> None:
    images = [picture(200)] * 8 + [common_pb2.Image(encoded=b"no image")] + [picture(200)]
    selector = common_pb2.ModelSelector(preset=common_pb2.PRESET_ACCURATE)
    async with gateway(accurate()) as stub:
        response = await stub.DetectStamps(
            gateway_pb2.DetectStampsRequest(images=images, model=selector), timeout=TIMEOUT_S
        )
        error = await refusal(
            stub.DetectStamps(
                gateway_pb2.DetectStampsRequest(images=images[8:9] * 9, model=selector), timeout=TIMEOUT_S
            )
        )
    assert [result.status.code for result in response.results] == [0] * 8 + [3, 0]
    assert response.results[8].status.field == "images[8].encoded"
    assert fields(error) == [f"images[{index}].encoded" for index in range(9)]


async def test_a_broken_image_fails_only_its_own_result() -> None:
    images = [picture(100), common_pb2.Image(encoded=b"no image"), common_pb2.Image(), picture(200)]
    async with gateway(Scripted()) as stub:
        detected = await stub.DetectStamps(gateway_pb2.DetectStampsRequest(images=images), timeout=TIMEOUT_S)
        segmented = await stub.SegmentStamps(gateway_pb2.SegmentStampsRequest(images=images), timeout=TIMEOUT_S)
        embedded = await stub.EmbedStamps(gateway_pb2.EmbedStampsRequest(images=images), timeout=TIMEOUT_S)
    for results in (detected.results, segmented.results, embedded.results):
        assert [result.status.code for result in results] == [0, 3, 3, 0]
        assert [result.status.field for result in results] == ["", "images[1].encoded", "images[2]", ""]
    assert [len(result.mask.data) for result in segmented.results] == [10_000, 0, 0, 10_000]
    assert embedded.results[3].vector.values[:2] == pytest.approx([np.cos(200 / 255), np.sin(200 / 255)])
    assert embedded.model.name == "embedder"


async def test_a_call_without_a_readable_image_fails_and_names_them_all() -> None:
    images = [common_pb2.Image(encoded=b"no image"), common_pb2.Image()]
    async with gateway(Scripted()) as stub:
        error = await refusal(stub.EmbedStamps(gateway_pb2.EmbedStampsRequest(images=images), timeout=TIMEOUT_S))
    assert error.code() is Code.INVALID_ARGUMENT
    assert fields(error) == ["images[0].encoded", "images[1]"]


async def test_paper_has_no_vector_and_costs_no_other_its_own() -> None:
    paper = common_pb2.Image(encoded=encoded(Image.new("RGB", (90, 80), "white")))
    raw = common_pb2.Image(raw=common_pb2.RawImage(data=b"\xff" * 300, height=10, width=10, channels=3))
    script = Scripted()
    async with gateway(script) as stub:
        request = gateway_pb2.EmbedStampsRequest(images=[picture(100), paper, picture(200), raw])
        response = await stub.EmbedStamps(request, timeout=TIMEOUT_S)
        segmented = await stub.SegmentStamps(gateway_pb2.SegmentStampsRequest(images=[paper]), timeout=TIMEOUT_S)
        error = await refusal(stub.EmbedStamps(gateway_pb2.EmbedStampsRequest(images=[paper, raw]), timeout=TIMEOUT_S))
    assert [each.status.code for each in response.results] == [0, Code.INVALID_ARGUMENT.value[0], 0, 3]
    assert [each.status.field for each in response.results] == ["", "images[1]", "", "images[3]"]
    assert "too little ink (0.0% of the crop): take a stronger impression" in response.results[1].status.message
    assert [each.HasField("vector") for each in response.results] == [True, False, True, False]
    assert [len(each.images) for each in script.requests] == [2, 1], "no model gets it but the segmenter"
    assert segmented.results[0].status.code == 0
    assert error.code() is Code.INVALID_ARGUMENT
    assert fields(error) == ["images[0]", "images[1]"]


async def test_a_model_is_chosen_by_name_and_a_bare_name_means_the_latest() -> None:
    script = Scripted()
    script.embedders.append(info("embedder", common_pb2.TASK_EMBED, "1.10.0"))
    script.embedders.append(info("embedder", common_pb2.TASK_EMBED, "1.9.0"))
    async with gateway(script) as stub:
        for name, version in (("embedder", "1.10.0"), ("embedder@1.9.0", "1.9.0")):
            request = gateway_pb2.EmbedStampsRequest(images=[picture(200)], model=common_pb2.ModelSelector(name=name))
            assert (await stub.EmbedStamps(request, timeout=TIMEOUT_S)).model.version == version
        request.model.name = "unknown"
        error = await refusal(stub.EmbedStamps(request, timeout=TIMEOUT_S))
    assert error.code() is Code.NOT_FOUND
    assert "embedder@1.9.0" in str(error.details())
