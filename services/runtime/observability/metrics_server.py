"""`/metrics` over HTTP, on a port of its own."""

import contextlib
import socket
import threading
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from prometheus_client import CollectorRegistry, make_wsgi_app

_READ_S = 5.0
_MOST_CONNECTIONS = 64


class _Handler(WSGIRequestHandler):
    timeout = _READ_S  # of one read: a connection that says nothing is closed

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # its name there
        """Nothing: a scrape is no event."""


class _Server(ThreadingMixIn, WSGIServer):
    """A thread a connection, of which there are so many at most: the oldest makes room for a new one."""

    daemon_threads = True
    request_queue_size = 2 * _MOST_CONNECTIONS

    def __init__(self, host: str, port: int) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._connections: dict[Any, None] = {}  # in the order in which they came
        self._lock = threading.Lock()
        super().__init__((host, port), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """See BaseServer; called by the one thread that accepts."""
        with self._lock:
            if len(self._connections) == _MOST_CONNECTIONS:
                oldest = next(iter(self._connections))
                del self._connections[oldest]
                with contextlib.suppress(OSError):  # it has gone meanwhile
                    oldest.shutdown(socket.SHUT_RDWR)
            self._connections[request] = None
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """See BaseServer; called by the thread of the connection."""
        with self._lock:
            self._connections.pop(request, None)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing: it went, or said nothing."""


class MetricsServer:
    """Serves from the moment that it is made until it is closed."""

    def __init__(self, host: str, port: int, registry: CollectorRegistry) -> None:
        """`port` 0 takes a free one. OSError when the port is taken."""
        self._server = _Server(host, port)
        self._server.set_app(make_wsgi_app(registry))
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Returns at once: to end takes half a second, for which nobody waits."""
        threading.Thread(target=self._close).start()

    def _close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
