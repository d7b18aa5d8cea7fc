"""The child process that reads files: `python -m stamp2vec.cli.bulk.worker SOCKET`.

It gets one file at a time and answers page by page, so that a crash or a page without end costs one file. Its engine is
that of the command line: pipelines of its own, or a gateway.
"""

import base64
import contextlib
import dataclasses
import json
import socket
import sys
import time
import warnings
from argparse import Namespace
from collections.abc import Iterator
from typing import Any

from stamp2vec.cli.bulk.selection import after
from stamp2vec.cli.engine import Engine, connect
from stamp2vec.cli.rows import page_row
from stamp2vec.cli.sources import Source
from stamp2vec.decoding.channel import Channel, Closed, end_with
from stamp2vec.document.options import Options
from stamp2vec.errors import DeadlineExceeded, InvalidInput, Overloaded, Stamp2vecError, Unavailable
from stamp2vec.values import PageResult, Preset

PATIENCE_S = 600.0
"""How long a gateway may be busy or away, without a page in between, until the run ends."""
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.5, 10.0

Message = dict[str, Any]


def messages(engine: Engine, path: str, options: Options, last_page: int | None) -> Iterator[Message]:
    """The pages of a file from the one after `last_page` on, and its end.

    The last page and the end are one message: a file whose pages are all known is known to be done.
    """
    held: Message = {}
    is_readable = False
    try:
        for page in _pages(engine, Source(path, path).read(), options, last_page):
            if isinstance(page, PageResult):
                if held:
                    yield held
                held = {"page": page.index, "record": record(page), "stamps": len(page.stamps)}
                held["failed"] = page.error is not None
                is_readable = is_readable or page.error is None
            elif "waiting" in page:
                yield page
            else:
                yield held | page
    except InvalidInput as error:
        # A gateway ends a document with the error of its first page where each has one: the pages say it all.
        is_told = bool(held) and not is_readable
        yield held | ({"end": []} if is_told else {"end": [], "error": str(error)})


def _pages(engine: Engine, document: bytes, options: Options, last_page: int | None) -> Iterator[PageResult | Message]:
    """The pages, and at the end {"end": the warnings on the file}; what passes is waited for with {"waiting": True}."""
    waited_s, wait_s = 0.0, _FIRST_WAIT_S
    while True:
        stream = engine.pages(document, dataclasses.replace(options, pages=after(options.pages, last_page)))
        try:
            while True:
                page = next(stream)
                last_page, waited_s, wait_s = page.index, 0.0, _FIRST_WAIT_S
                yield page
        except StopIteration as end:
            yield {"end": list(end.value)}
            return
        except (Unavailable, Overloaded, DeadlineExceeded) as error:
            if waited_s > PATIENCE_S:
                raise
            pause_s = max(wait_s, min(error.retry_after_s or 0.0, _LONGEST_WAIT_S))
            yield {"waiting": True}
            time.sleep(pause_s)
            waited_s, wait_s = waited_s + pause_s, min(2 * wait_s, _LONGEST_WAIT_S)


def record(page: PageResult) -> str:
    """JSON of a page: its row, its error, and vectors as float32 in base64, which are exact."""
    row = page_row(page)
    stamps = row["stamps"]
    assert isinstance(stamps, list)  # noqa: S101 - it is that of page_row
    for stamp, found in zip(stamps, page.stamps, strict=True):
        if found.vector is not None:
            stamp["vector"] = base64.b64encode(found.vector.astype("<f4").tobytes()).decode()
    row["error"] = None if page.error is None else str(page.error)
    return json.dumps(row)


def serve(parent: Channel) -> None:
    """Until the parent is gone."""
    first, _ = parent.receive()
    options, chosen = Options(**first["options"]), Namespace(**first["engine"])
    chosen.preset = Preset(chosen.preset or Preset.FAST)
    try:
        with connect(chosen) as engine:
            engine.prepare()
            parent.send({"ready": True})
            while True:
                task, _ = parent.receive()
                try:
                    for message in messages(engine, task["path"], options, task["last_page"]):
                        parent.send(message)
                except (Closed, Stamp2vecError):
                    raise
                except Exception as error:
                    text = f"an error of this program ({type(error).__name__}: {error}): report it, with the file"
                    parent.send({"end": [], "error": text})
    except Stamp2vecError as error:
        parent.send({"stop": str(error)})


def main(socket_fd: int) -> None:
    """Works until the parent closes the socket or dies."""
    warnings.filterwarnings("ignore", module=r"PIL\.")
    end = socket.socket(fileno=socket_fd)
    end_with(end)
    with contextlib.suppress(Closed):
        serve(Channel(end))


if __name__ == "__main__":
    main(int(sys.argv[1]))
