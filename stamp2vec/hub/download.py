"""Fetch one file of a folder on an HTTP server, with limits on its size and on the patience for it."""

import http.client
import urllib.error
import urllib.request
from urllib.parse import urlsplit

from stamp2vec.errors import ModelNotFound, WeightsError

_TIMEOUT_S = 30.0
_CHUNK_BYTES = 2**20
_NO_SUCH_FILE = (404, 410)


def _opener() -> urllib.request.OpenerDirector:
    """HTTP and HTTPS alone: a redirect to file: or ftp: leads nowhere."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler,
        urllib.request.HTTPHandler,
        urllib.request.HTTPSHandler,
        urllib.request.HTTPRedirectHandler,
        urllib.request.HTTPDefaultErrorHandler,
        urllib.request.HTTPErrorProcessor,
        urllib.request.UnknownHandler,
    ):
        opener.add_handler(handler())
    return opener


def download(folder: str, name: str, max_bytes: int) -> bytes:
    """GET the file `name` below the http(s) address of a folder; a query of the address is kept.

    Raises ModelNotFound when the server has no such file; WeightsError when it cannot be reached, breaks off, or
    sends more than `max_bytes`.
    """
    address = _address(folder, name)
    try:
        with _opener().open(address, timeout=_TIMEOUT_S) as response:
            return _read(response, address, max_bytes)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code in _NO_SUCH_FILE:
            raise ModelNotFound(f"{address} does not exist: check the address of the model's folder") from error
        raise WeightsError(f"{address} answered {error.code} {error.reason}: try again later") from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise WeightsError(f"{address} cannot be fetched ({error}): check the address and the network") from error


def _address(folder: str, name: str) -> str:
    try:
        parts = urlsplit(folder)
    except ValueError as error:
        raise WeightsError(f"{folder} is no address ({error}): give the http(s) address of a folder") from error
    return parts._replace(path=f"{parts.path.rstrip('/')}/{name}", fragment="").geturl()


def _read(response: http.client.HTTPResponse, address: str, max_bytes: int) -> bytes:
    data = bytearray()
    while chunk := response.read(_CHUNK_BYTES):
        data += chunk
        if len(data) > max_bytes:
            raise WeightsError(f"{address} has more than {max_bytes:,} bytes: it is no file of a model")
    # read(n) raises nothing when the connection closes early: the header has the length.
    expected = response.headers.get("Content-Length")
    if expected is not None and len(data) != int(expected):
        raise WeightsError(f"{address} broke off after {len(data):,} of {int(expected):,} bytes: try again")
    return bytes(data)
