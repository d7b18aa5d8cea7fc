"""`stamp2vec app` as a person starts it, in an environment of its own, before a gateway; asked as a browser asks."""

import io
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from stamp2vec.limits import MAX_DOCUMENT_BYTES
from stamp2vec.pipelines import DocumentPipeline
from stamp2vec.v1 import gateway_pb2
from stamp2vec.wire.images import box_to_message
from tests.conftest import ROOT, require
from tests.library.conftest import page_image
from tests.library.standin import StandIn
from tests.library.test_document import png, tiff

TIMEOUT_S = 60.0
PAGE = page_image(0)
EDGES = {
    (-3.4, -2.0, 40.4, 50.0): (0, 0, 40, 50),
    (600.0, 800.0, 640.5, 900.0): (600, 800, 620, 877),
    (620.0, 10.0, 620.0, 30.0): (619, 10, 620, 30),
}
"""Boxes that a model may find, and where they are on a picture of 620 x 877 pixels."""


class AtTheEdge(StandIn):
    """Finds its stamps at the edges of the page."""

    def _analyze(self, request: Any) -> gateway_pb2.AnalyzeDocumentResponse:
        result = super()._analyze(request)
        for page in result.pages:
            del page.stamps[len(EDGES) :]
            for stamp, box in zip(page.stamps, EDGES):
                stamp.box.CopyFrom(box_to_message(box))
        return result


@dataclass(frozen=True, slots=True)
class App:
    """It runs, and has `folder` for its files."""

    process: subprocess.Popen[str]
    browser: httpx.Client
    folder: Path

    def upload(self, data: bytes) -> httpx.Response:
        return self.browser.post("/gradio_api/upload", files={"files": ("a.bin", data)})

    def analyze(self, data: bytes | None, page: int = 1) -> Any:
        """What the outputs get, or the text of an error."""
        file = None
        if data is not None:
            (path,) = self.upload(data).raise_for_status().json()
            file = {"path": path, "meta": {"_type": "gradio.FileData"}}
        begun = self.browser.post("/gradio_api/call/analyze", json={"data": [file, page]}).raise_for_status().json()
        lines = self.browser.get(f"/gradio_api/call/analyze/{begun['event_id']}").raise_for_status().text.split("\n")
        event, found = lines[0].removeprefix("event: "), json.loads(lines[1].removeprefix("data: "))
        assert event in {"complete", "error"}
        return found if event == "complete" else found["error"]

    def picture(self, file: dict[str, Any]) -> Image.Image:
        return Image.open(io.BytesIO(self.browser.get(file["url"]).raise_for_status().content))

    def files(self) -> list[Path]:
        return [path for path in self.folder.rglob("*") if path.is_file()]


def command(*options: str) -> list[str | Path]:
    python = require(ROOT / "build/app/bin/python", "make build/app/bin/gradio")
    return [python, "-m", "stamp2vec.cli", "app", *options]


def environment(folder: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(folder), "no_proxy": "127.0.0.1"}


@contextmanager
def running(gateway: str, folder: Path) -> Iterator[App]:
    typed = command("--port", "0", "--gateway", gateway)
    with subprocess.Popen(typed, env=environment(folder), stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            line = process.stderr.readline()
            assert line.startswith("stamp2vec: open http://127.0.0.1:")
            with httpx.Client(base_url=line.split()[2], timeout=TIMEOUT_S, trust_env=False) as browser:
                yield App(process, browser, folder)
        finally:
            process.kill()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "tmp"
    made.mkdir()
    return made


@pytest.fixture
def gateway(bundle: Path) -> Iterator[StandIn]:
    server = AtTheEdge(DocumentPipeline.from_preset())
    yield server
    server.close()


def test_a_page_with_boxes_at_its_edges_and_what_cannot_be_shown(gateway: StandIn, folder: Path) -> None:
    with running(gateway.address, folder) as app:
        assert app.browser.get("/").status_code == 200
        page, crops, masks, html = app.analyze(tiff([Image.new("RGB", (64, 64), "white"), PAGE]), page=2)
        np.testing.assert_array_equal(np.asarray(app.picture(page["image"])), np.asarray(PAGE))
        assert [each["label"][:2] for each in page["annotations"]] == ["1 ", "2 ", "3 "]
        for found, box in zip(page["annotations"], EDGES.values(), strict=True):
            rows, columns = np.nonzero(np.asarray(app.picture(found["image"]).getchannel("A")))
            drawn = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
            assert drawn == pytest.approx(box, abs=2)  # its lines are 3 pixels wide, also where the box is one
        assert len(crops) == len(masks) == 3
        mask = app.picture(masks[0]["image"])
        assert mask.size == app.picture(crops[0]["image"]).size
        assert "Cosine similarity" in html
        assert "<script" not in html

        empty = app.analyze(png(Image.new("RGB", (300, 300), "white")))
        assert empty[0]["annotations"] == []
        assert empty[1:] == [[], [], ""]

        assert "not an image that can be read" in app.analyze(b"no image")
        assert "there is no file: choose one" in app.analyze(None)
        assert "there are no pages '3'" in app.analyze(png(PAGE), page=3)
        assert app.upload(bytes(MAX_DOCUMENT_BYTES + 1)).status_code == 413
        gateway.close()
        assert f"no gateway answers at {gateway.address}" in app.analyze(png(PAGE))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_files_are_private_and_gone_at_the_end(gateway: StandIn, folder: Path, number: signal.Signals) -> None:
    with running(gateway.address, folder) as app:
        app.analyze(png(PAGE))
        assert len(app.files()) > 4
        (own,) = folder.iterdir()
        assert own.stat().st_mode & 0o077 == 0
        port = f":{app.browser.base_url.port:04X}"
        sockets = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        assert {local for _, local, _, state, *_ in sockets if state == "0A" and local.endswith(port)} == {
            f"0100007F{port}"
        }
        app.process.send_signal(number)
        assert app.process.wait(TIMEOUT_S) == 0
        assert not list(folder.iterdir())


def test_what_keeps_it_from_starting(folder: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        typed = command("--port", port, "--gateway", "127.0.0.1:1")
        done = subprocess.run(typed, env=environment(folder), capture_output=True, text=True, timeout=TIMEOUT_S)
    assert done.returncode == 2
    assert f"port {port} cannot be used (Address already in use): choose another --port" in done.stderr
    without = [sys.executable, *typed[1:4], "--port", "0", "--gateway", "127.0.0.1:1"]
    done = subprocess.run(without, env=environment(folder), capture_output=True, text=True, timeout=TIMEOUT_S)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "pip install 'stamp2vec[app]'" in done.stderr
    assert not list(folder.iterdir())
