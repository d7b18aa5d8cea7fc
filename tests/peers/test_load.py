"""The load generator is real, and so is what it calls."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from bench.peers.calls import Call
from bench.peers.load import LoadFailed, send
from tests.conftest import require


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200 if self.path == "/double" else 503)
        self.send_header("content-length", str(2 * len(body)))
        self.end_headers()
        self.wfile.write(2 * body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the one that it replaces
        pass


@pytest.fixture
def address() -> Iterator[str]:
    require("h2load", "apt-get install nghttp2-client")
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def call(path: str) -> Call:
    return Call(
        path, np.array([1, 2, 3], np.float32).tobytes(), lambda body: np.frombuffer(body, np.float32), is_grpc=False
    )


def test_every_request_is_counted_and_timed(address: str) -> None:
    found = send(call("/double"), address, callers=3, requests=30)
    assert found.latencies_ms.shape == (30,)
    assert (found.latencies_ms > 0).all()
    assert found.latencies_ms.max() <= 1000 * found.seconds
    assert found.bytes_a_response == 24
    assert found.rate == pytest.approx(30 / found.seconds)


def test_a_server_that_refuses_is_no_fast_server(address: str) -> None:
    with pytest.raises(LoadFailed, match="/refused, 10 requests of 2 callers"):
        send(call("/refused"), address, callers=2, requests=10)
    with pytest.raises(ConnectionError, match="failed with 503"):
        call("/refused").send(address)


def test_an_answer_is_that_of_the_body(address: str) -> None:
    doubled = call("/double")
    assert doubled.answer(doubled.send(address)).tolist() == [1, 2, 3, 1, 2, 3]


def test_a_message_of_grpc_has_a_frame() -> None:
    framed = Call("/a.Service/Method", b"abc", lambda body: np.empty(0, np.float32), is_grpc=True)
    assert framed.body == b"\0\0\0\0\3abc"
