"""The calls that use one model: their pictures are decoded and fitted here, as the pages of documents are."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from services.gateway.calls import Pixels
from services.gateway.siblings import siblings
from services.gateway.workers import Workers
from services.runtime.errors import InvalidCall, item_status
from stamp2vec.errors import InvalidInput
from stamp2vec.imaging import Letterbox
from stamp2vec.serving import model_input
from stamp2vec.v1 import common_pb2

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Fitted:
    """A picture at the model's input size, and where it lies in it."""

    pixels: Pixels
    box: Letterbox


async def fit_all(
    images: Sequence[common_pb2.Image], size: tuple[int, int], workers: Workers
) -> list[Fitted | InvalidInput]:
    """One an image, in order; raises InvalidCall when none can be read."""

    def fit_one(index: int) -> Fitted | InvalidInput:
        try:
            return Fitted(*model_input(images[index], f"images[{index}]", size))
        except InvalidInput as error:
            return error

    async with siblings() as tasks:
        work = [tasks.create_task(workers.run(fit_one, index)) for index in range(len(images))]
    fitted = [task.result() for task in work]
    errors = [each for each in fitted if isinstance(each, InvalidInput)]
    if len(errors) == len(fitted):
        raise InvalidCall(errors)
    return fitted


def readable(fitted: Sequence[Fitted | InvalidInput]) -> list[Fitted]:
    """Those that go to the model."""
    return [each for each in fitted if isinstance(each, Fitted)]


def in_order(
    fitted: Sequence[Fitted | InvalidInput],
    results: Sequence[R],
    status: Callable[[R], common_pb2.ItemStatus],
    failed: Callable[[common_pb2.ItemStatus], R],
    restored: Callable[[R, Letterbox], R],
) -> Iterator[R]:
    """One result an image: the model's, brought back to the image's own pixels, or the failure of this image."""
    answers = iter(results)
    for index, each in enumerate(fitted):
        if isinstance(each, InvalidInput):
            yield failed(item_status(each))
        elif (said := status(answer := next(answers))).code:
            yield failed(common_pb2.ItemStatus(code=said.code, message=said.message, field=f"images[{index}]"))
        else:
            yield restored(answer, each.box)
