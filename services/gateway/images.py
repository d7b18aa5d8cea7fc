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

F = TypeVar("F")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Fitted:
    """A picture at the model's input size, and where it lies in it."""

    pixels: Pixels
    box: Letterbox


async def fit_all(
    images: Sequence[common_pb2.Image], size: tuple[int, int], workers: Workers
) -> list[Fitted | InvalidInput]:
    """One an image, in order, at the model's input `size` (height, width); raises InvalidCall when none can be read."""
    fitted = await read_all(images, lambda image, field: Fitted(*model_input(image, field, size)), workers)
    require_one(fitted)
    return fitted


async def read_all(
    images: Sequence[common_pb2.Image], read: Callable[[common_pb2.Image, str], F], workers: Workers, first: int = 0
) -> list[F | InvalidInput]:
    """What `read` makes of each image and its path in the call, of which these are the images from `first` on."""

    def read_one(index: int) -> F | InvalidInput:
        try:
            return read(images[index], f"images[{first + index}]")
        except InvalidInput as error:
            return error

    async with siblings() as tasks:
        work = [tasks.create_task(workers.run(read_one, index)) for index in range(len(images))]
    return [task.result() for task in work]


def require_one(fitted: Sequence[F | InvalidInput]) -> None:
    """InvalidCall when no image could be read."""
    errors = [each for each in fitted if isinstance(each, InvalidInput)]
    if len(errors) == len(fitted):
        raise InvalidCall(errors)


def readable(fitted: Sequence[F | InvalidInput]) -> list[F]:
    """Those that go to the model."""
    return [each for each in fitted if not isinstance(each, InvalidInput)]


def in_order(
    fitted: Sequence[F | InvalidInput],
    results: Sequence[R],
    status: Callable[[R], common_pb2.ItemStatus],
    failed: Callable[[common_pb2.ItemStatus], R],
    restored: Callable[[R, F], R],
) -> Iterator[R]:
    """One result an image: the model's, brought back to the image's own pixels, or the failure of this image."""
    answers = iter(results)
    for index, each in enumerate(fitted):
        if isinstance(each, InvalidInput):
            yield failed(item_status(each))
        elif (said := status(answer := next(answers))).code:
            yield failed(common_pb2.ItemStatus(code=said.code, message=said.message, field=f"images[{index}]"))
        else:
            yield restored(answer, each)
