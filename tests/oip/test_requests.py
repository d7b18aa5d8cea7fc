"""What is asked for and what is refused, before anything is run."""

from collections.abc import Callable

import numpy as np
import pytest

from services.runtime.batching.items import Priority
from services.runtime.batching.refusals import PoisonItem
from services.runtime.oip.requests import Asked, asked, images
from services.runtime.oip.responses import response
from services.runtime.oip.signature import Datatype, Signature, TensorSpec
from services.runtime.oip.v2 import open_inference_pb2 as oip
from stamp2vec.errors import InvalidCall, InvalidInput
from stamp2vec.values import ModelInfo, Task
from tests.oip.serving import arrays, request, typed

OUTPUTS = (TensorSpec("scores", Datatype.FP32, (2,)), TensorSpec("texts", Datatype.BYTES, (1,)))
SIGNATURE: Signature[None] = Signature((8, 10, 3), OUTPUTS, lambda result, place: (result,))
STRIPS: Signature[None] = Signature((64, range(8, 2561), 3), OUTPUTS, lambda result, place: (result,))
LARGE: Signature[None] = Signature((640, 640, 3), OUTPUTS, lambda result, place: (result,))
PIXELS = np.random.default_rng(0).integers(0, 256, (2, 8, 10, 3), np.uint8)


def faults(made: oip.ModelInferRequest, signature: Signature[None] = SIGNATURE) -> dict[str, str]:
    """By field."""
    with pytest.raises(InvalidInput) as refused:
        images(made, asked(made, signature))
    error = refused.value
    violations = error.violations if isinstance(error, InvalidCall) else ()
    return {each.field: each.description for each in violations} or {error.field: str(error)}


@pytest.mark.parametrize("make", [request, typed])
def test_pixels_are_those_that_were_sent(make: Callable[..., oip.ModelInferRequest]) -> None:
    made = make("any", PIXELS)
    found = asked(made, SIGNATURE)
    assert found == Asked((2, 8, 10, 3), (0, 1), Priority.INTERACTIVE, None, make is request)
    np.testing.assert_array_equal(images(made, found), PIXELS)


def test_outputs_come_in_the_order_in_which_they_are_asked_for() -> None:
    assert asked(request("any", PIXELS, ["texts"]), SIGNATURE).outputs == (1,)
    assert asked(request("any", PIXELS, ["texts", "scores"]), SIGNATURE).outputs == (1, 0)


@pytest.mark.parametrize("field", ["int64_param", "uint64_param"])
def test_priority_and_timeout_are_parameters(field: str) -> None:
    for number, priority in ((0, Priority.INTERACTIVE), (1, Priority.INTERACTIVE), (2, Priority.BULK)):
        made = request("any", PIXELS)
        for name, value in (("priority", number), ("timeout", 1500)):
            setattr(made.parameters[name], field, value)
        found = asked(made, SIGNATURE)
        assert (found.priority, found.wait_s) == (priority, 0.0015)


def test_parameters_of_other_servers_change_nothing() -> None:
    parameters = {"triton_enable_empty_final_response": oip.InferParameter(bool_param=True)}
    made = request("any", PIXELS, parameters=parameters)
    made.inputs[0].parameters["binary_data_size"].int64_param = PIXELS.nbytes
    assert asked(made, SIGNATURE) == asked(request("any", PIXELS), SIGNATURE)


SHAPES = {
    "too few sizes": (8, 10, 3),
    "too many sizes": (1, 2, 8, 10, 3),
    "none": (),
    "no item": (0, 8, 10, 3),
    "65 items": (65, 8, 10, 3),
    "negative items": (-1, 8, 10, 3),
    "two negative sizes": (2, -8, -10, 3),
    "another size": (2, 10, 8, 3),
    "channels first": (2, 3, 8, 10),
    "sizes whose product is beyond 64 bits": (2**62, 2**62, 2**62, 2**62),
    "a product that overflows to the right one": (2 + 2**62, 8, 10, 3),
    "thousands of sizes": (1,) * 5000,
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES.keys())
def test_a_shape_that_is_not_of_the_model_is_refused(shape: tuple[int, ...]) -> None:
    made = request("any", PIXELS)
    made.inputs[0].shape[:] = shape
    found = faults(made)
    assert "send [N, 8, 10, 3], N from 1 to 64" in found["inputs[0].shape"]
    assert len(found["inputs[0].shape"]) < 250


def test_a_request_has_as_many_items_as_a_message_has_room_for() -> None:
    assert (SIGNATURE.most_items, STRIPS.most_items, LARGE.most_items) == (64, 64, 54)


@pytest.mark.parametrize(("width", "is_taken"), [(7, False), (8, True), (2560, True), (2561, False), (-1, False)])
def test_a_size_that_varies_has_bounds(width: int, is_taken: bool) -> None:
    made = request("any", PIXELS)
    made.inputs[0].shape[:] = (1, 64, width, 3)
    if is_taken:
        assert asked(made, STRIPS).shape == (1, 64, width, 3)
    else:
        assert "[N, 64, 8 to 2560, 3], N from 1 to 64" in faults(made, STRIPS)["inputs[0].shape"]


def changed(change: Callable[[oip.ModelInferRequest], object]) -> oip.ModelInferRequest:
    made = request("any", PIXELS)
    change(made)
    return made


def _without_data(made: oip.ModelInferRequest) -> None:
    del made.raw_input_contents[:]


def _as_floats(made: oip.ModelInferRequest) -> None:
    del made.raw_input_contents[:]
    made.inputs[0].contents.fp32_contents.extend([0.5] * PIXELS.size)


def _as_texts(made: oip.ModelInferRequest) -> None:
    made.inputs[0].datatype = "BYTES"
    del made.raw_input_contents[:]
    made.inputs[0].contents.bytes_contents.append(b"picture")


def _parameter(name: str, **value: object) -> Callable[[oip.ModelInferRequest], object]:
    return lambda made: made.parameters[name].CopyFrom(oip.InferParameter(**value))  # type: ignore[arg-type]


WRONG: dict[str, tuple[Callable[[oip.ModelInferRequest], object], str, str]] = {
    "no input": (lambda made: made.inputs.pop(), "inputs", "0 inputs: send images alone"),
    "two inputs": (lambda made: made.inputs.add(name="images"), "inputs", "2 inputs: send images alone"),
    "another name": (lambda made: setattr(made.inputs[0], "name", "x" * 999), "inputs[0].name", "xx...': send images"),
    "floats": (lambda made: setattr(made.inputs[0], "datatype", "FP32"), "inputs[0].datatype", "send UINT8"),
    "an unknown type": (lambda made: setattr(made.inputs[0], "datatype", "UINT9"), "inputs[0].datatype", "'UINT9'"),
    "texts": (_as_texts, "inputs[0].datatype", "'BYTES': send UINT8"),
    "no data": (_without_data, "inputs[0].contents", "no data: send its bytes in raw_input_contents"),
    "data twice": (lambda made: made.inputs[0].contents.uint_contents.append(1), "inputs[0].contents", "twice"),
    "another field": (_as_floats, "inputs[0].contents", "not in fp32_contents: send uint_contents"),
    "bytes for two": (lambda made: made.raw_input_contents.append(b""), "raw_input_contents", "2 raw_input_contents"),
    "too few bytes": (
        lambda made: made.raw_input_contents.__setitem__(0, b"123"),
        "raw_input_contents[0]",
        "3 bytes, yet the shape [2, 8, 10, 3] has 480",
    ),
    "shared memory": (
        lambda made: made.inputs[0].parameters["shared_memory_region"].CopyFrom(oip.InferParameter(string_param="a")),
        "inputs[0].parameters[shared_memory_region]",
        "send the bytes in raw_input_contents",
    ),
    "an unknown output": (lambda made: made.outputs.add(name="logits"), "outputs[0].name", "ask for scores, texts"),
    "an output twice": (
        lambda made: made.outputs.extend([made.outputs.add(name="texts")]),
        "outputs[1].name",
        "texts is asked for twice",
    ),
    "too many outputs": (
        lambda made: made.outputs.extend([oip.ModelInferRequest.InferRequestedOutputTensor(name="texts")] * 5000),
        "outputs",
        "5000 outputs: there are scores, texts",
    ),
    "classes": (
        lambda made: (
            made.outputs.add(name="texts").parameters["classification"].CopyFrom(oip.InferParameter(int64_param=3))
        ),
        "outputs[0].parameters[classification]",
        "no output has classes",
    ),
    "a long id": (lambda made: setattr(made, "id", "x" * 257), "id", "257 characters: send at most 256"),
    "an unknown priority": (
        _parameter("priority", uint64_param=3),
        "parameters[priority]",
        "no priority 3: send 0 to 2",
    ),
    "a priority in words": (_parameter("priority", string_param="high"), "parameters[priority]", "no whole number"),
    "an empty priority": (_parameter("priority"), "parameters[priority]", "no whole number"),
    "a negative timeout": (_parameter("timeout", int64_param=-5), "parameters[timeout]", "no timeout -5"),
}


@pytest.mark.parametrize(("change", "field", "text"), WRONG.values(), ids=WRONG.keys())
def test_what_is_wrong_is_named_with_what_to_do(
    change: Callable[[oip.ModelInferRequest], object], field: str, text: str
) -> None:
    assert text in faults(changed(change))[field]


def test_elements_are_counted_and_are_of_one_byte() -> None:
    made = typed("any", PIXELS)
    made.inputs[0].contents.uint_contents[7] = 256
    assert "256 is no UINT8" in faults(made)["inputs[0].contents.uint_contents"]
    made.inputs[0].contents.uint_contents.append(0)
    assert "481 elements" in faults(made)["inputs[0].contents.uint_contents"]


def test_all_that_is_wrong_is_named_at_once() -> None:
    made = request("any", PIXELS[:, 1:], ["logits"], parameters={"priority": oip.InferParameter(int64_param=9)})
    made.inputs[0].name = "pictures"
    assert set(faults(made)) == {"inputs[0].name", "inputs[0].shape", "outputs[0].name", "parameters[priority]"}


INFO = ModelInfo(
    name="any",
    version="1.2.3",
    task=Task.EMBED,
    presets=(),
    architecture="any",
    input_height=8,
    input_width=10,
    vector_size=2,
    parameters=0,
    sha256="",
    threshold=0.0,
)


@pytest.mark.parametrize("make", [request, typed])
def test_outputs_come_as_the_input_came(make: Callable[..., oip.ModelInferRequest]) -> None:
    items = [
        (np.array([0.1, -0.0], np.float32), np.array(["Ж".encode()], object)),
        (np.array([1e-38, 3e38], np.float32), np.array([b""], object)),
    ]
    answer = response("id-1", INFO, asked(make("any", PIXELS), SIGNATURE), OUTPUTS, items)
    assert (answer.model_name, answer.model_version, answer.id) == ("any", "1.2.3", "id-1")
    assert len(answer.raw_output_contents) == (2 if make is request else 0)
    assert [(each.datatype, list(each.shape)) for each in answer.outputs] == [("FP32", [2, 2]), ("BYTES", [2, 1])]
    found = arrays(answer)
    np.testing.assert_array_equal(found["scores"], np.stack([item[0] for item in items]))
    assert found["texts"].tolist() == [["Ж".encode()], [b""]]


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_what_is_no_number_is_never_an_answer(number: float) -> None:
    items = [(np.array([0.0, number], np.float32), np.array([b""], object))] * 2
    with pytest.raises(PoisonItem):
        response("", INFO, asked(request("any", PIXELS), SIGNATURE), OUTPUTS, items)
