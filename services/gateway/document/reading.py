"""The text of stamps: strips of their ink are read, and some of the page once more."""

import asyncio
from collections.abc import Sequence

import numpy as np

from services.gateway.tasks import task_group
from services.gateway.upstream.calls import ModelCaller
from stamp2vec.document import Crop, StampReading
from stamp2vec.errors import Stamp2vecError
from stamp2vec.texts import StampText
from stamp2vec.values import ModelInfo

_STAMPS_AT_ONCE = 4  # of a few strips each, so that a page of many stamps does not fill the reader's queue


async def read_stamps(
    stamps: Sequence[tuple[Crop, np.ndarray | Stamp2vecError]], reader: ModelInfo, caller: ModelCaller
) -> list[StampText | Stamp2vecError]:
    """What crops say, by their soft ink, uint8 (h, w). AioRpcError when the reader cannot answer at all."""
    places = asyncio.Semaphore(_STAMPS_AT_ONCE)

    async def read(crop: Crop, ink: np.ndarray | Stamp2vecError) -> StampText | Stamp2vecError:
        if isinstance(ink, Stamp2vecError):
            return ink
        async with places:
            return await _read_stamp(crop, ink, reader, caller)

    async with task_group() as tasks:
        work = [tasks.create_task(read(crop, ink)) for crop, ink in stamps]
    return [task.result() for task in work]


async def _read_stamp(
    crop: Crop, ink: np.ndarray, reader: ModelInfo, caller: ModelCaller
) -> StampText | Stamp2vecError:
    run = caller.workers.run
    reading = await run(StampReading, crop.pixels, ink, crop.detection)
    try:
        again = await run(reading.learn, await caller.read(reader, await run(reading.strips)))
        return await run(reading.text, await caller.read(reader, again))
    except Stamp2vecError as error:
        return error
