"""One decoder: a child process, as its parent sees it, that reads one file at a time and is replaced when lost."""

import dataclasses
import math
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stamp2vec.decoding.answers import OpenFile, info_of, open_file_of, size_of
from stamp2vec.decoding.channel import Channel, Closed
from stamp2vec.decoding.memory import Buffer, Buffers, SharedFile
from stamp2vec.decoding.rewriting import Rewritten, masks_of, results_of, rewritten_of, rows_of
from stamp2vec.erasing import Mark, Result
from stamp2vec.errors import InvalidImage, MissingExtra
from stamp2vec.imaging.formats import Limits, NoRoom, Page

_Taken = tuple[Buffer, int, int]  # with the height and the width of the page

Room = Callable[[int], bool]
"""Asked before so many bytes are taken for a page and while it is made; False ends the reading of it with NoRoom."""

PEAK = 2.5  # bytes that a page takes while it is decoded, for each of its RGB bytes (bench.memory); then 1
_KEPT_BYTES = 96 * 2**20  # of memory for pages: nearly four of A4 at 300 dpi
_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    # glibc gives large arrays back at once, and each page would fault its own in anew: half of the time of a page.
    "MALLOC_MMAP_THRESHOLD_": str(32 * 2**20),
    "MALLOC_TRIM_THRESHOLD_": str(64 * 2**20),
}


@dataclass(frozen=True, slots=True)
class DecoderLimits:
    """What a file may cost: `page_s` seconds a page or the opening, `memory_bytes` of the child process."""

    page_s: float
    memory_bytes: int


class Decoder:
    """Used by one thread at a time; `kill` may be called from any."""

    def __init__(self, limits: DecoderLimits) -> None:
        """The process starts when it is first needed."""
        self._limits = limits
        self._child: subprocess.Popen[bytes] | None = None
        self._channel: Channel | None = None
        self._lock = threading.Lock()
        self._killed = False
        self._buffers = Buffers(_KEPT_BYTES)
        self._mapped: set[int] = set()  # numbers of the buffers that the process has mapped
        self._opened: tuple[SharedFile, OpenFile, str] | None = None  # and the field that its errors name
        self.starts = 0
        """How often a process was started."""

    @property
    def pid(self) -> int:
        """Of the process, which must have been started."""
        if self._child is None:
            raise ValueError("start() comes first")
        return self._child.pid

    def start(self) -> None:
        """Starts the process, unless there is one. OSError when the system has no room for another."""
        with self._lock:
            if (
                self._channel is not None
                and self._child is not None
                and not self._killed
                and self._child.poll() is None
            ):
                return
            self._drop()
            ours, theirs = socket.socketpair()
            with theirs:
                try:
                    self._child = subprocess.Popen(
                        [
                            sys.executable,
                            "-m",
                            "stamp2vec.decoding.child",
                            str(theirs.fileno()),
                            str(self._limits.memory_bytes),
                        ],
                        pass_fds=[theirs.fileno()],
                        stdin=subprocess.DEVNULL,
                        stdout=subprocess.DEVNULL,
                        stderr=subprocess.DEVNULL,  # libraries write into it what they think of a file
                        env=os.environ | _ENVIRONMENT,
                    )
                except BaseException:
                    ours.close()
                    raise
            self._channel, self._killed, self._mapped = Channel(ours), False, set()
            self.starts += 1

    def open(
        self, file: SharedFile, limits: Limits, field: str, password: str | None, deadline_s: float | None = None
    ) -> OpenFile:
        """Opens a file in place of the one before; the file stays the caller's.

        Raises InvalidImage when it cannot be opened within `page_s`, and TimeoutError at `deadline_s` of
        time.monotonic(), as `read` does.
        """
        self._opened = None
        request = {
            "do": "open",
            "limits": dataclasses.asdict(limits),
            "field": field,
            "password": password,
            "seconds": self._limits.page_s,
        }
        self.start()
        answer = self._ask(request, file.fd, deadline_s, field, "the file")
        try:
            opened = open_file_of(answer)
        except Closed as error:
            raise self._lost(field, "the file") from error
        self._opened = file, opened, field
        return opened

    def opened(self, file: SharedFile) -> OpenFile | None:
        """What is known of this file, if pages of it can be read without opening it again."""
        if self._opened is None or self._opened[0] is not file:
            return None
        # Whoever kills a process that waits for work must not cost a page.
        is_gone = self._child is not None and self._child.poll() is not None
        return None if is_gone else self._opened[1]

    @property
    def has_stale_file(self) -> bool:
        """Whether it has a file open that its owner has closed, and so holds its memory."""
        return self._opened is not None and self._opened[0].is_closed

    def read(self, index: int, room: Room, deadline_s: float | None = None, fit: tuple[int, int] | None = None) -> Page:
        """A page of the file that is open, whole or, with `fit`, as `formats.read_fitted` gives it.

        Raises InvalidImage when it cannot be read: also when it takes longer than `page_s`, more memory than the
        process has, or the process down; NoRoom when `room` has none.
        """
        field = self._open_field()
        request = {"do": "read", "index": index, "fit": fit, "seconds": self._limits.page_s}
        what = f"page {index + 1}"
        taken: list[_Taken] = []
        try:
            answer = self._ask(request, None, deadline_s, field, what, room, taken)
            info = info_of(answer)
            page = Page(index, self._buffers.page(*taken.pop()), info)
        except (Closed, IndexError) as error:  # of nonsense, and of a page that has asked for no room
            raise self._lost(field, what) from error
        finally:
            for buffer, _, _ in taken:
                self._buffers.drop(buffer)
        return page

    def erase(self, index: int, marks: Sequence[Mark], deadline_s: float | None = None) -> list[Result]:
        """Takes stamps off a page of the file that is open; `rewritten` gives the file without them.

        Raises what `read` raises but NoRoom, and MissingExtra where what rewrites such a file is not installed.
        """
        field, what = self._open_field(), f"page {index + 1}"
        request = {"do": "erase", "index": index, "marks": rows_of(marks), "seconds": self._limits.page_s}
        with masks_of(marks) as masks:
            answer = self._ask(request, masks.fd, deadline_s, field, what)
        try:
            return results_of(answer, len(marks))
        except Closed as error:
            raise self._lost(field, what) from error

    def rewritten(self, most_bytes: int, deadline_s: float | None = None) -> Rewritten:
        """The file that is open, without what was erased of it since. InvalidImage when it has over `most_bytes`."""
        field, what = self._open_field(), "the file without stamps"
        request = {"do": "save", "most_bytes": most_bytes, "field": field, "seconds": self._limits.page_s}
        with SharedFile() as target:
            answer = self._ask(request, target.fd, deadline_s, field, what)
            try:
                return rewritten_of(answer, target, most_bytes)
            except Closed as error:
                raise self._lost(field, what) from error

    def _open_field(self) -> str:
        if self._opened is None:
            raise ValueError("no file is open")
        return self._opened[2]

    def trim(self, unused_s: float) -> None:
        """Gives memory back that no page has used for so long; not while it reads."""
        self._buffers.trim(time.monotonic() - unused_s)

    def close_file(self) -> None:
        """Lets go of the file that is open."""
        if self._opened is None:
            return
        self._opened = None
        try:
            self._ask({"do": "close"}, None, None, "", "")
        except InvalidImage:
            return

    def kill(self) -> None:
        """Ends the process, also in the middle of its work; the next file starts another."""
        self._killed = True
        child = self._child
        if child is not None:
            child.kill()

    def close(self) -> None:
        """Ends the process, and waits for its end."""
        with self._lock:
            self._drop()
        self._buffers.trim(math.inf)

    def _ask(
        self,
        request: Mapping[str, Any],
        fd: int | None,
        deadline_s: float | None,
        field: str,
        what: str,
        room: Room = lambda _: True,
        taken: "list[_Taken] | None" = None,
    ) -> dict[str, Any]:
        """What the process answers; where it is no error, what is in it is still to be checked.

        `taken` gets the memory for a page as soon as it is taken.
        """
        channel = self._channel
        if channel is None:
            raise self._lost(field, what)
        limit_s = time.monotonic() + self._limits.page_s
        try:
            channel.send(request, fd)
            while True:
                answer, sent = channel.receive(limit_s if deadline_s is None else min(limit_s, deadline_s))
                if sent is not None:  # it has none to send
                    os.close(sent)
                    raise Closed
                if "room" not in answer:
                    break
                height, width = size_of(answer)
                asked_s = time.monotonic()
                granted = room(round(PEAK * 3 * height * width))
                limit_s += time.monotonic() - asked_s  # waiting for room is no fault of the page
                if granted and taken is not None:
                    self._grant(channel, height, width, taken)
                else:
                    channel.send({"granted": False})
        except Closed as error:
            raise self._lost(field, what) from error
        except TimeoutError:
            self._opened = None
            self.kill()
            if deadline_s is not None and time.monotonic() >= deadline_s:
                raise
            seconds = f"{self._limits.page_s:g} s"
            raise InvalidImage(
                f"{what} takes more than {seconds} to decode: save it again in a simpler form, for example as JPEG",
                field,
            ) from None
        except BaseException:  # of `room`: the child would wait for ever
            self._opened = None
            self.kill()
            raise
        if refusal := self._refusal(answer, field, what):
            raise refusal
        return answer

    def _refusal(self, answer: Mapping[str, Any], field: str, what: str) -> Exception | None:
        match answer:
            case {"no_room": _}:
                return NoRoom()
            case {"memory": _}:
                size = f"{self._limits.memory_bytes / 2**20:.0f} MiB"
                return InvalidImage(
                    f"{what} takes more than {size} of memory to decode: scale it down, or split it", field
                )
            case {"invalid": str(text)}:
                return InvalidImage(text, field)
            case {"missing": str(text)}:
                return MissingExtra("erasing stamps from such a file", "erase", ImportError(text))
        return None

    def _grant(self, channel: Channel, height: int, width: int, taken: "list[_Taken]") -> None:
        while taken:  # of a page that is made again, in another size
            self._buffers.drop(taken.pop()[0])
        buffer = self._buffers.take(3 * height * width)
        taken.append((buffer, height, width))
        dropped, self._buffers.dropped = self._buffers.dropped, []
        grant = {"granted": True, "buffer": buffer.number, "size": buffer.size, "dropped": dropped}
        channel.send(grant, None if buffer.number in self._mapped else buffer.fd)
        self._mapped.add(buffer.number)

    def _lost(self, field: str, what: str) -> InvalidImage:
        self._opened = None
        self.kill()
        return InvalidImage(f"{what} made the decoder crash: save it again, for example as JPEG or PNG", field)

    def _drop(self) -> None:
        if self._channel is not None:
            self._channel.close()
        if self._child is not None:
            self._child.kill()
            self._child.wait()
        self._child = self._channel = self._opened = None
