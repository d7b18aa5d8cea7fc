"""The examples send again what no gateway has begun, also where it is larger than gRPC keeps by default."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from tests.clients.conftest import Gateways, run
from tests.conftest import ROOT


@pytest.fixture(scope="module")
def no_detector(gateways: Gateways) -> Iterator[None]:
    gateways.stack["detector"].kill()
    yield
    gateways.stack.restart("detector")


@pytest.mark.usefixtures("no_detector")
def test_calls_are_sent_again_whatever_their_size(language: str, gateways: Gateways, tmp_path: Path) -> None:
    document = tmp_path / "large.bmp"
    Image.open(ROOT / "docs/sample/page.jpg").save(document)

    def attempts() -> int:
        calls = map(json.loads, (gateways.logs / "gateway.log").read_text().splitlines())
        return sum(call["event"] == "call" and call["code"] == "UNAVAILABLE" for call in calls)

    before = attempts()
    made = run(language, "analyze", document, "--target", gateways.open, "--deadline-s", "60")
    assert made.returncode == 1
    assert made.stderr.upper().startswith("UNAVAILABLE")
    assert attempts() - before == 4
