"""Tesseract as a program: a process for each call, within limits of time and memory.

Pieces go in as the pages of one TIFF, so that a language is loaded once for all of them. They always are a picture of
our own: of other bytes on its standard input Tesseract 5 makes a list of files, and opens them.
"""

import csv
import io
import os
import resource
import subprocess
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stamp2vec.engines.reading.letters import Letters

PROGRAM = "tesseract"
TIMEOUT_S = 3.0  # for a few lines, of which each takes a hundredth of that; for each of three languages
_MEMORY_BYTES = 512 * 2**20
_BORDER_PX = 10
_ONE_THREAD = {"OMP_THREAD_LIMIT": "1"}
_WORD_LEVEL = "5"


class TesseractFailed(Exception):
    """It was not there, took too long or too much memory, or gave no table."""


def languages() -> frozenset[str]:
    """The languages that are installed, as they are now; none where the program is not."""
    try:
        listed = subprocess.run(
            [PROGRAM, "--list-langs"], capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return frozenset()
    return frozenset(listed.stdout.split("\n")[1:]) - {""}


def read(lines: Sequence[NDArray[np.uint8]], language: str, timeout_s: float = TIMEOUT_S) -> list[Letters]:
    """Lines of text, each uint8 (h, w), dark on light, in a language that is installed. TesseractFailed when it fails.

    A character is as sure as its word.
    """
    if not lines:
        return []
    command = [PROGRAM, "stdin", "stdout", "-l", language, "--psm", "7", "--dpi", "300", "tsv"]
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | _ONE_THREAD,
        )
    except OSError as error:
        raise TesseractFailed(f"{PROGRAM} cannot be started: {error}") from error
    with process:
        try:
            resource.prlimit(process.pid, resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
            seconds = int(timeout_s) + 1  # of a processor: it ends by itself, also where its parent is killed
            resource.prlimit(process.pid, resource.RLIMIT_CPU, (seconds, seconds))
            table, _ = process.communicate(_tiff(lines), timeout_s)
        except subprocess.TimeoutExpired as error:
            process.kill()
            raise TesseractFailed(f"{PROGRAM} took more than {timeout_s:g} s for {len(lines)} lines") from error
        except ProcessLookupError as error:
            raise TesseractFailed(f"{PROGRAM} ended at once") from error
    if process.returncode:
        raise TesseractFailed(f"{PROGRAM} ended with code {process.returncode}")
    return _parsed(table.decode("utf-8", "replace"), len(lines))


def _tiff(lines: Sequence[NDArray[np.uint8]]) -> bytes:
    """One page a line, with paper around it."""
    pages = [Image.fromarray(np.pad(line, _BORDER_PX, constant_values=255)) for line in lines]
    file = io.BytesIO()
    pages[0].save(file, "TIFF", save_all=True, append_images=pages[1:])
    return file.getvalue()


def _parsed(table: str, count: int) -> list[Letters]:
    words: list[list[tuple[str, float]]] = [[] for _ in range(count)]
    for row in csv.reader(io.StringIO(table), delimiter="\t", quoting=csv.QUOTE_NONE):
        if len(row) == 12 and row[0] == _WORD_LEVEL and row[11].strip():
            words[int(row[1]) - 1].append((row[11].strip(), max(0.0, float(row[10]) / 100)))
    return [
        Letters(" ".join(text for text, _ in line), tuple(score for text, score in line for _ in text))
        for line in words
    ]
