"""The ink of a document's stamps, compared where their vectors are near."""

from collections.abc import Sequence

import numpy as np

from services.gateway.document.stages import Stage, Stages
from services.gateway.tasks import task_group
from services.gateway.upstream.calls import ModelCaller
from stamp2vec.document import DocumentDies, Models
from stamp2vec.errors import Stamp2vecError
from stamp2vec.imaging import Letterbox, letterbox


async def compare_ink(dies: DocumentDies, models: Models, caller: ModelCaller, stages: Stages) -> None:
    """Round by round. AioRpcError when a service cannot answer at all; a pair that fails is not of one die."""
    ink = models.ink
    if ink is None:
        return
    while each := await caller.workers.run(dies.next_round):
        with stages.during(Stage.COMPARE):
            size = ink.segmenter.input_size
            fitted = [await caller.workers.run(letterbox, crop, size) for crop in each.crops.values()]
            found = await caller.segment(ink.segmenter, [pixels for pixels, _ in fitted])
            masks = await caller.workers.run(_masks, found, [box for _, box in fitted])
            await caller.workers.run(dies.add_ink, each.crops, masks)
            async with task_group() as tasks:
                laying = [tasks.create_task(caller.workers.run(dies.lay, pair)) for pair in each.pairs]
            laid = [one.result() for one in laying]
            places = await caller.verify(ink.verifier, [pair.picture for pair in laid if pair is not None])
            await caller.workers.run(dies.learn, laid, places)


def _masks(
    found: Sequence[np.ndarray | Stamp2vecError], boxes: Sequence[Letterbox]
) -> list[np.ndarray | Stamp2vecError]:
    """In pixels of the crops, from those of the segmenter's input."""
    return [
        mask if isinstance(mask, Stamp2vecError) else box.mask_to_image(mask)
        for mask, box in zip(found, boxes, strict=True)
    ]
