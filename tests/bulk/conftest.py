"""A gateway of small models for runs, whose workers are real processes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from stamp2vec.pipelines import DocumentPipeline
from tests.library.conftest import bundle, page_image, weights
from tests.library.standin import StandIn

__all__ = ["bundle", "weights"]  # fixtures


@pytest.fixture
def gateway(bundle: Path) -> Iterator[StandIn]:
    server = StandIn(DocumentPipeline.from_preset())
    yield server
    server.close()


@pytest.fixture
def scans(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with a folder `in` of a few small pages in two levels."""
    monkeypatch.chdir(tmp_path)
    for number in range(6):
        path = tmp_path / "in" / ("deep" if number % 2 else ".") / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        page_image(number, 310, 440).save(path)
    return tmp_path
