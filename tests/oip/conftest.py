"""The services with models of random weights, for all tests of a file; their names by what they do."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio

from services.detector import servicer as detector
from services.embedder import servicer as embedder
from services.runtime.serving.settings import ModelServerSettings
from services.segmenter import servicer as segmenter
from stamp2vec.values import Task
from tests.oip.serving import Served, serving
from tests.services.random_models import save_model


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def services(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dict[str, Served]]:
    """`detector` with yolo-stamp and stamp-refine, `segmenter` with stamp-unet, `embedder` with tvae and stamp-pair."""
    folder = tmp_path_factory.mktemp("weights")
    models = {
        detector: (
            save_model(folder, "yolo-stamp", Task.DETECT, 448),
            save_model(folder, "stamp-refine", Task.REFINE, 128),
        ),
        segmenter: (save_model(folder, "stamp-unet", Task.SEGMENT, 256),),
        embedder: (
            save_model(folder, "tvae", Task.EMBED, 128, vector_size=128),
            save_model(folder, "stamp-pair", Task.VERIFY, 96),
        ),
    }
    async with AsyncExitStack() as exits:
        served = {}
        for service, references in models.items():
            settings = ModelServerSettings(model=references, max_batch=4, capacity=128)
            served[service.SPEC.name] = await exits.enter_async_context(serving(service.app(settings), settings))
        yield served
