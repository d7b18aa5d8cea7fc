"""One cluster for all tests here, which leave it well. CHAOS=long, as of `make test-chaos`, has more faults."""

import io
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from PIL import Image

from tests.chaos.cluster import KINDS, Cluster, running
from tests.chaos.load import load
from tests.chaos.network import network
from tests.e2e.live import SAMPLE

IS_LONG = os.environ.get("CHAOS") == "long"
WHERE: Sequence[str] = ("node", *KINDS) if IS_LONG else ("node",)
"""What a fault befalls: one of every service at once, or one of one service."""


@pytest.fixture(scope="session")
def page() -> bytes:
    """A part of the sample page with one stamp: so every service has its part, and none much to do."""
    with Image.open(SAMPLE) as sample:
        file = io.BytesIO()
        sample.crop((0, sample.height // 2, sample.width // 2, sample.height)).save(file, "JPEG")
    return file.getvalue()


@pytest.fixture(scope="package")
def cluster(tmp_path_factory: pytest.TempPathFactory, page: bytes) -> Iterator[Cluster]:
    logs: Path = tmp_path_factory.mktemp("logs")
    with network() as links, running(links, logs) as started:
        with load(started.target, page) as seen:
            seen.wait(8, time.monotonic())
        yield started
