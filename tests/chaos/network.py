"""Links between processes, in which packets are late, lost or go nowhere: a proxy of TCP for each, in a thread."""

import asyncio
import random
import threading
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

_RETRANSMISSION_S = 0.2  # after which TCP sends again what was lost, at least (RFC 6298 and Linux)


class Link:
    """Connections from `port` to a port of another process; its faults may be changed at any time, from any thread."""

    def __init__(self, target_port: int) -> None:
        self.port = 0
        self.delay_s = 0.0
        """Of all that goes through, each way."""
        self.loss = 0.0
        """The share of packets that are sent again."""
        self.is_cut = False
        """Whether nothing goes through; connections stay, and what is sent meanwhile comes once it is healed."""
        self._target_port = target_port
        self._writers: set[asyncio.StreamWriter] = set()
        self._random = random.Random(0)

    async def open(self) -> None:
        """Takes connections from now on."""
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]

    async def reset(self) -> None:
        """Ends all connections, as a firewall that has forgotten them."""
        for writer in list(self._writers):
            writer.transport.abort()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self._target_port)
        except OSError:
            writer.transport.abort()
            return
        both = {writer, back}
        self._writers |= both
        pumps = [asyncio.create_task(self._pump(reader, back)), asyncio.create_task(self._pump(there, writer))]
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        self._writers -= both
        for each in both:
            each.transport.abort()
        await asyncio.gather(*pumps, return_exceptions=True)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(2**16):
            late_s = self.delay_s + (_RETRANSMISSION_S if self._random.random() < self.loss else 0.0)
            if late_s:
                await asyncio.sleep(late_s)
            while self.is_cut:
                await asyncio.sleep(0.01)
            writer.write(data)
            await writer.drain()


class Network:
    """The links of a test."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()

    def link(self, target_port: int) -> Link:
        """A new one, which takes connections."""
        link = Link(target_port)
        self._run(link.open())
        return link

    def reset(self, links: Sequence[Link]) -> None:
        """Ends all connections through these."""
        for link in links:
            self._run(link.reset())

    def serve(self) -> None:
        """In a thread, until `close`."""
        self._loop.run_forever()

    def close(self) -> None:
        """Ends all links."""

        async def end() -> None:
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        self._run(end())
        self._loop.call_soon_threadsafe(self._loop.stop)

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)


@contextmanager
def network() -> Iterator[Network]:
    """From here to the end of the `with`."""
    made = Network()
    thread = threading.Thread(target=made.serve)
    thread.start()
    try:
        yield made
    finally:
        made.close()
        thread.join()
