"""What goes to stderr: one line for each failure, and progress while a person looks on."""

from typing import TextIO


class Report:
    """Counts failures; stdout stays free for results."""

    def __init__(self, stream: TextIO) -> None:
        """Progress is drawn only when `stream` is a terminal."""
        self.failures = 0
        self._done = 0
        self._stream = stream
        self._drawn = False

    def say(self, text: str) -> None:
        """One line."""
        self._clear()
        print(f"stamp2vec: {text}", file=self._stream)

    def fail(self, name: str, error: Exception) -> None:
        """One line on a file that could not be done; the others go on."""
        self.failures += 1
        self.say(f"{name}: {error}")

    def advance(self, files: int = 1) -> None:
        """So many more files are done."""
        self._done += files
        if self._stream.isatty():
            self._drawn = True
            print(f"\r{self._done} files", end="", file=self._stream, flush=True)

    def close(self) -> None:
        """Leave a clean line behind."""
        self._clear()

    def _clear(self) -> None:
        if self._drawn:
            print("\r\x1b[K", end="", file=self._stream, flush=True)
            self._drawn = False
