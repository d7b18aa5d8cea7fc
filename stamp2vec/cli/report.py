"""What goes to stderr: one line for each failure, and the progress on a terminal."""

from typing import TextIO


class Report:
    """Counts failures; stdout stays free for results."""

    def __init__(self, stream: TextIO) -> None:
        """Progress is drawn only when `stream` is a terminal."""
        self.failures = 0
        self._done = 0
        self._stream = stream
        self._drawn = False

    def note(self, text: str) -> None:
        """Writes one line."""
        self._clear()
        print(f"stamp2vec: {text}", file=self._stream)

    def fail(self, name: str, error: Exception) -> None:
        """Writes one line on a file that failed; the others go on."""
        self.failures += 1
        self.note(f"{name}: {error}")

    def advance(self, files: int = 1) -> None:
        """Adds to the number of files that are done."""
        self._done += files
        if self._stream.isatty():
            self._drawn = True
            print(f"\r{self._done} files", end="", file=self._stream, flush=True)

    def close(self) -> None:
        """Removes the progress from the terminal."""
        self._clear()

    def _clear(self) -> None:
        if self._drawn:
            print("\r\x1b[K", end="", file=self._stream, flush=True)
            self._drawn = False
