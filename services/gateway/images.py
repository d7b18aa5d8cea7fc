"""The pictures of calls that use one model: decoded and fitted here, as the pages of documents are."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from services.gateway.admission.workers import Workers
from services.gateway.tasks import task_group
from services.gateway.upstream.calls import Pixels
from stamp2vec.errors import InvalidCall, InvalidInput, Stamp2vecError
from stamp2vec.imaging import Letterbox
from stamp2vec.v1 import common_pb2
from stamp2vec.wire.errors import status_to_message
from stamp2vec.wire.images import model_input

F = TypeVar("F")
R = TypeVar("R")
M = TypeVar("M")


@dataclass(frozen=True, slots=True, eq=False)
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

    async with task_group() as tasks:
        work = [tasks.create_task(workers.run(read_one, index)) for index in range(len(images))]
    return [task.result() for task in work]


def require_one(read: Sequence[F | InvalidInput]) -> None:
    """InvalidCall when no image could be read."""
    errors = [each for each in read if isinstance(each, InvalidInput)]
    if len(errors) == len(read):
        raise InvalidCall(errors)


def readable(read: Sequence[F | InvalidInput]) -> list[F]:
    """Those that go to the model."""
    return [each for each in read if not isinstance(each, InvalidInput)]


def in_order(
    read: Sequence[F | InvalidInput],
    results: Sequence[R | Stamp2vecError],
    failed: Callable[[common_pb2.ItemStatus], M],
    message: Callable[[F, R], M],
) -> Iterator[M]:
    """One message an image: of the model's result for it, or of its error."""
    answers = iter(results)
    for index, each in enumerate(read):
        result = each if isinstance(each, InvalidInput) else next(answers)
        if isinstance(result, Stamp2vecError):
            yield failed(status_to_message(result, f"images[{index}]"))
        elif not isinstance(each, InvalidInput):
            yield message(each, result)
