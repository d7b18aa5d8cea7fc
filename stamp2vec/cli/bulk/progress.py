"""How far a run is: a bar on a terminal, else a line now and then."""

import time
from typing import Any, TextIO

_LINE_S = 10.0


class Progress:
    """Counts files, and pages for the rate."""

    def __init__(self, stream: TextIO, files: int, done: int) -> None:
        """`done` of the `files` are done already. The bar takes the extra `bulk`; without it there are lines."""
        self._stream, self._files, self._done, self._before = stream, files, done, done
        self._pages = 0
        self._start = self._said = time.monotonic()
        self._bar = _bar(stream, files, done) if stream.isatty() else None

    def add(self, files: int, pages: int) -> None:
        """So many more are done."""
        self._done += files
        self._pages += pages
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], completed=self._done, rate=f"{self.pages_per_s:,.1f} pages/s")
        elif time.monotonic() - self._said >= _LINE_S:
            self._said = time.monotonic()
            left = _duration(self._left_s)
            print(
                f"stamp2vec: {self._done:,} of {self._files:,} files, {self.pages_per_s:,.1f} pages/s, {left} left",
                file=self._stream,
                flush=True,
            )

    @property
    def pages_per_s(self) -> float:
        """Since it began."""
        return self._pages / max(time.monotonic() - self._start, 1e-9)

    @property
    def _left_s(self) -> float:
        done = max(self._done - self._before, 1)
        return (self._files - self._done) * (time.monotonic() - self._start) / done

    def close(self) -> None:
        """Removes the bar."""
        if self._bar is not None:
            self._bar.stop()


def _duration(seconds: float) -> str:
    hours, minutes = divmod(round(seconds) // 60, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min" if minutes else f"{seconds:.0f} s"


def _bar(stream: TextIO, files: int, done: int) -> Any:
    """A bar of rich; None where that is not installed."""
    try:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar
    except ImportError:
        return None
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("files  {task.fields[rate]}"), TimeRemainingColumn())
    bar = Bar(*columns, console=Console(file=stream), transient=True)
    bar.add_task("", total=files, completed=done, rate="")
    bar.start()
    return bar
