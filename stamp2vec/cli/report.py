"""What goes to stderr: one line for each failure, and the progress on a terminal."""

from typing import TextIO


class Report:
    """Counts failures; stdout stays free for results."""

    def __init__(self, stream: TextIO) -> None:
        """Progress is drawn only when `stream` is a terminal."""
        self.failures = 0
        self.left_out = 0
        """Files of the folders that are no documents by their ending."""
        self.stream = stream
        self._done = 0
        self._drawn = False

    def note(self, text: str) -> None:
        """Writes one line."""
        self._clear()
        print(f"stamp2vec: {text}", file=self.stream)

    def fail(self, name: str, error: Exception) -> None:
        """Writes one line on a file that failed; the others go on."""
        self.failures += 1
        self.note(f"{name}: {error}")

    def advance(self, files: int = 1) -> None:
        """Adds to the number of files that are done."""
        self._done += files
        if self.stream.isatty():
            self._drawn = True
            print(f"\r{self._done} files", end="", file=self.stream, flush=True)

    def close(self) -> None:
        """Removes the progress from the terminal, and says how many files were left out."""
        self._clear()
        if self.left_out:
            self.note(f"{counted(self.left_out, 'file')} left out: no document by the ending of the name")
            self.left_out = 0

    def _clear(self) -> None:
        if self._drawn:
            print("\r\x1b[K", end="", file=self.stream, flush=True)
            self._drawn = False


def counted(number: int, what: str) -> str:
    """A number and what it counts: 1 page, 1,200 pages."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"
