"""From a ModelInferRequest to pixels. What is checked first costs nothing, whatever sizes a request states."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.runtime.batching.items import Priority
from services.runtime.oip.signature import Signature, TensorSpec
from services.runtime.oip.v2 import open_inference_pb2 as oip
from stamp2vec.errors import InvalidCall, InvalidInput
from stamp2vec.limits import MAX_ID_CHARS

PRIORITIES = (Priority.INTERACTIVE, Priority.BULK)
"""By their numbers in the protocol, from 1 on; a request without one has the first."""

_NUMBERS = {"priority": range(len(PRIORITIES) + 1), "timeout": range(2**63)}  # parameters; a timeout is in microseconds
_MOST_SHOWN = 100  # characters of what a caller sent
_TYPED = "uint_contents"
_INPUT_PARAMETERS = {"shared_memory_region": "shared memory is not served: send the bytes in raw_input_contents"}
_OUTPUT_PARAMETERS = {
    "shared_memory_region": "shared memory is not served: leave it out, and take the bytes of the response",
    "classification": "no output has classes: leave it out",
}

Parameters = Mapping[str, oip.InferParameter]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request asks for.

    `shape` is that of its images, (N, height, width, 3); `outputs` index those of the signature; `wait_s` is how long
    its caller would wait, None where that is not stated; `is_raw` is whether tensors come and go as bytes.
    """

    shape: tuple[int, ...]
    outputs: tuple[int, ...]
    priority: Priority
    wait_s: float | None
    is_raw: bool


def asked(request: oip.ModelInferRequest, signature: Signature[Any]) -> Asked:
    """Raises InvalidCall with all that is at fault; the number of bytes is left to `images`."""
    errors = [*_input_faults(request, signature), *_output_faults(request.outputs, signature.outputs)]
    if len(request.id) > MAX_ID_CHARS:
        errors.append(InvalidInput(f"the id has {len(request.id)} characters: send at most {MAX_ID_CHARS}", "id"))
    numbers = {}
    for name, known in _NUMBERS.items():
        try:
            numbers[name] = _whole_number(request.parameters, name, known)
        except InvalidInput as error:
            errors.append(error)
    if errors:
        raise InvalidCall(errors)
    names = [output.name for output in signature.outputs]
    return Asked(
        shape=tuple(request.inputs[0].shape),
        outputs=tuple(names.index(output.name) for output in request.outputs) or tuple(range(len(names))),
        priority=PRIORITIES[max(numbers["priority"], 1) - 1],
        wait_s=numbers["timeout"] / 1e6 or None,
        is_raw=len(request.raw_input_contents) > 0,
    )


def images(request: oip.ModelInferRequest, asked: Asked) -> NDArray[np.uint8]:
    """The pixels, uint8 (N, height, width, 3). Raises InvalidInput where there are more or fewer, or are none."""
    count = prod(asked.shape)
    if asked.is_raw:
        data = request.raw_input_contents[0]  # each time that it is read, it is copied
        _check_count(len(data), count, asked.shape, "bytes", "raw_input_contents[0]")
        return np.frombuffer(data, np.uint8).reshape(asked.shape)
    field = f"inputs[0].contents.{_TYPED}"
    typed = request.inputs[0].contents.uint_contents
    _check_count(len(typed), count, asked.shape, "elements", field)
    values = np.asarray(typed, np.uint32)
    if (largest := int(values.max())) > 255:
        raise InvalidInput(f"{largest} is no UINT8: send 0 to 255", field)
    return values.astype(np.uint8).reshape(asked.shape)


def _check_count(given: int, wanted: int, shape: Sequence[int], unit: str, field: str) -> None:
    if given != wanted:
        reason = f"{given:,} {unit}, yet the shape {list(shape)} has {wanted:,}"
        raise InvalidInput(f"{reason}: send every pixel, rows from the top, red first", field)


def _input_faults(request: oip.ModelInferRequest, signature: Signature[Any]) -> Iterator[InvalidInput]:
    spec = signature.image
    if len(request.inputs) != 1:
        yield InvalidInput(f"the call has {len(request.inputs)} inputs: send {spec.name} alone", "inputs")
        return
    (given,) = request.inputs
    if given.name != spec.name:
        yield InvalidInput(f"there is no input {_shown(given.name)}: send {spec.name}", "inputs[0].name")
    if given.datatype != spec.datatype:
        reason = f"{spec.name} cannot be {_shown(given.datatype)}"
        yield InvalidInput(f"{reason}: send {spec.datatype}, red first, as a picture is decoded", "inputs[0].datatype")
    sizes = [size if isinstance(size, range) else range(size, size + 1) for size in signature.image_shape]
    bounds = (range(1, signature.most_items + 1), *sizes)
    if len(given.shape) != len(bounds) or not all(size in bound for size, bound in zip(given.shape, bounds)):
        fitting = ", ".join(str(size[0]) if len(size) == 1 else f"{size[0]} to {size[-1]}" for size in sizes)
        stated = f"[{', '.join(map(str, given.shape[:6]))}{', ...' if len(given.shape) > 6 else ''}]"
        reason = f"{spec.name} cannot be of the shape {stated}"
        yield InvalidInput(f"{reason}: send [N, {fitting}], N from 1 to {signature.most_items}", "inputs[0].shape")
    yield from _parameter_faults(given.parameters, _INPUT_PARAMETERS, "inputs[0]")
    yield from _content_faults(request)


def _content_faults(request: oip.ModelInferRequest) -> Iterator[InvalidInput]:
    typed = [field.name for field, _ in request.inputs[0].contents.ListFields()]
    raw = len(request.raw_input_contents)
    if raw and typed:
        yield InvalidInput("the input has its data twice: send raw_input_contents or contents", "inputs[0].contents")
    elif raw > 1:
        yield InvalidInput(f"there are {raw} raw_input_contents for one input: send one", "raw_input_contents")
    elif not raw and not typed:
        advice = f"send its bytes in raw_input_contents, or contents.{_TYPED}"
        yield InvalidInput(f"the input has no data: {advice}", "inputs[0].contents")
    elif not raw and typed != [_TYPED]:
        wrong = next(name for name in typed if name != _TYPED)
        yield InvalidInput(f"UINT8 is not in {wrong}: send {_TYPED}, or raw_input_contents", "inputs[0].contents")


def _output_faults(
    wanted: Sequence[oip.ModelInferRequest.InferRequestedOutputTensor], outputs: Sequence[TensorSpec]
) -> Iterator[InvalidInput]:
    names = [output.name for output in outputs]
    if len(wanted) > len(names):
        yield InvalidInput(f"the call asks for {len(wanted)} outputs: there are {', '.join(names)}", "outputs")
        return
    for index, output in enumerate(wanted):
        if output.name not in names:
            reason = f"there is no output {_shown(output.name)}"
            yield InvalidInput(f"{reason}: ask for {', '.join(names)}", f"outputs[{index}].name")
        elif any(output.name == earlier.name for earlier in wanted[:index]):
            yield InvalidInput(f"the output {output.name} is asked for twice: ask once", f"outputs[{index}].name")
        yield from _parameter_faults(output.parameters, _OUTPUT_PARAMETERS, f"outputs[{index}]")


def _parameter_faults(given: Parameters, refused: Mapping[str, str], field: str) -> Iterator[InvalidInput]:
    """What a caller counts on, and would not get; other parameters change nothing."""
    for name, reason in refused.items():
        if name in given:
            yield InvalidInput(reason, f"{field}.parameters[{name}]")


def _whole_number(parameters: Parameters, name: str, known: range) -> int:
    """A parameter of the request, 0 where it is not there; clients send it with or without a sign."""
    if name not in parameters:
        return 0
    kind = parameters[name].WhichOneof("parameter_choice")
    if kind not in ("int64_param", "uint64_param"):
        reason = f"the parameter {name} is no whole number"
        raise InvalidInput(f"{reason}: send int64_param or uint64_param", f"parameters[{name}]")
    number = int(getattr(parameters[name], kind))
    if number not in known:
        raise InvalidInput(f"there is no {name} {number}: send 0 to {known[-1]}", f"parameters[{name}]")
    return number


def _shown(text: str) -> str:
    return repr(text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}...")
