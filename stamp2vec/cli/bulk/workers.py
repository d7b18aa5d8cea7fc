"""The child processes of a run, each with a thread that waits for it and replaces it when it is lost."""

import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from itertools import islice
from queue import Empty, SimpleQueue

from stamp2vec.cli.bulk.journal import DoneFile, DonePage, Work
from stamp2vec.decoding.channel import Channel, Closed
from stamp2vec.errors import InvalidInput, Stamp2vecError

_START_S = 300.0  # until a worker has loaded its models; many of them at once share a disk
_MOST_RESULTS = 500  # handed on together
_THREADS = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")

Result = DonePage | DoneFile


class Worker:
    """One child process as its parent sees it; used by one thread, `kill` by any."""

    def __init__(self, engine: Mapping[str, object], options: Mapping[str, object], page_s: float) -> None:
        """What `worker.serve` gets; `page_s` is how long a page may take."""
        self._first = {"engine": engine, "options": options}
        self._page_s = page_s
        self._child: subprocess.Popen[bytes] | None = None
        self._channel: Channel | None = None
        self._is_ended = False

    def results(self, work: Work) -> Iterator[Result]:
        """The pages of a file and its end, which is an error when the process is lost or a page takes too long.

        InvalidInput when no file can be read at all.
        """
        reached = 0 if work.last_page is None else work.last_page + 1  # pages that are done
        try:
            channel = self._started()
            channel.send({"path": work.path, "last_page": work.last_page})
            while True:
                message, _ = channel.receive(time.monotonic() + self._page_s)
                if "stop" in message:
                    raise InvalidInput(message["stop"])
                if "page" in message:
                    reached = message["page"] + 1
                    yield DonePage(work.id, message["page"], message["stamps"], message["failed"], message["record"])
                if "end" in message:
                    yield DoneFile(work.id, message.get("error"), tuple(message["end"]))
                    return
        except (Closed, TimeoutError) as error:
            if self._is_ended:
                return
            self._drop()
            at = "the file" if reached == 0 else f"what comes after page {reached}"
            if isinstance(error, TimeoutError):
                text = f"{at} takes more than {self._page_s:g} s: raise --timeout, or save it in a simpler form"
            else:
                text = f"{at} made the process crash that read it: save it again, for example as JPEG"
            yield DoneFile(work.id, text)

    def kill(self) -> None:
        """Ends it for good, also in the middle of a file."""
        self._is_ended = True
        if self._child is not None:
            self._child.kill()

    def close(self) -> None:
        """Ends the process, and waits for its end."""
        self._is_ended = True
        self._drop()

    def _started(self) -> Channel:
        if self._channel is not None:
            return self._channel
        ours, theirs = socket.socketpair()
        with theirs:
            self._child = subprocess.Popen(
                [sys.executable, "-m", "stamp2vec.cli.bulk.worker", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env=os.environ | _THREADS,
                start_new_session=True,  # Ctrl-C is for the parent, which ends the others
            )
        if self._is_ended:  # `kill` may have come before there was a child
            self._child.kill()
        channel = self._channel = Channel(ours)
        try:
            channel.send(self._first)
            message, _ = channel.receive(time.monotonic() + _START_S)
        except (Closed, TimeoutError) as error:
            if self._is_ended:
                raise Closed from error
            raise InvalidInput("a worker process did not start: see what it wrote above, or lower --jobs") from error
        if "stop" in message:
            raise InvalidInput(message["stop"])
        return channel

    def _drop(self) -> None:
        if self._channel is not None:
            self._channel.close()
        if self._child is not None:
            self._child.kill()
            self._child.wait()
        self._child = self._channel = None


class Workers:
    """Several workers, which take files in order and end them in any."""

    def __init__(self, workers: Sequence[Worker]) -> None:
        """They are closed with this."""
        self._workers = workers
        self._work: SimpleQueue[Work | None] = SimpleQueue()
        self._results: SimpleQueue[Result | Exception] = SimpleQueue()
        self._threads = [threading.Thread(target=self._run, args=[each], daemon=True) for each in workers]

    def results(self, work: Iterator[Work]) -> Generator[list[Result], None, None]:
        """What is done, all that came meanwhile at a time; few files are taken ahead, in the thread of the caller.

        Raises what ends the run. Closing it ends the workers.
        """
        in_work = 0
        try:
            for thread in self._threads:
                thread.start()
            while True:
                for ahead in islice(work, 2 * len(self._workers) - in_work):
                    self._work.put(ahead)
                    in_work += 1
                if not in_work:
                    return
                batch = list(self._waiting_results())
                in_work -= sum(isinstance(each, DoneFile) for each in batch)
                yield [each for each in batch if not isinstance(each, Exception)]
                for each in batch:
                    if isinstance(each, Exception):
                        raise each
        finally:
            self._end()

    def _waiting_results(self) -> Iterator[Result | Exception]:
        yield self._results.get()
        with contextlib.suppress(Empty):
            for _ in range(_MOST_RESULTS):
                yield self._results.get_nowait()

    def _run(self, worker: Worker) -> None:
        try:
            while work := self._work.get():
                for result in worker.results(work):
                    self._results.put(result)
        except (Stamp2vecError, OSError) as error:
            self._results.put(error)

    def _end(self) -> None:
        for worker in self._workers:
            worker.kill()
        for _ in self._threads:
            self._work.put(None)
        for thread in self._threads:
            if thread.is_alive():
                thread.join()
        for worker in self._workers:
            worker.close()
