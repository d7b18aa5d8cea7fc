"""Decoding in child processes against decoding in this one: `python -m bench.decoding`.

For each kind of file: processor time a file of parent and child together, and of the same reader in this process, on
one core, interleaved. The ratio is what the child costs.
"""

import io
import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from PIL import Image

from stamp2vec.decoding import Decoder, DecoderLimits, SharedFile
from stamp2vec.imaging import Limits, decode_picture

_PAGE = Path(__file__).parent.parent / "docs" / "sample" / "page.jpg"
_ROUNDS, _FILES = 5, 10
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Measures and prints."""
    decoder = Decoder(DecoderLimits(page_s=60.0, memory_bytes=2**30))
    decoder.start()
    print("| file | in this process, ms | in a child, ms | ratio |\n|---|---|---|---|")
    for name, data in files().items():
        here: list[float] = []
        there: list[float] = []
        for _ in range(_ROUNDS):
            here.append(spent(decoder, partial(decode_picture, data)))
            there.append(spent(decoder, partial(by_child, decoder, data)))
        ours, theirs = sorted(here)[_ROUNDS // 2], sorted(there)[_ROUNDS // 2]
        print(f"| {name} | {ours * 1000:.1f} | {theirs * 1000:.1f} | {theirs / ours:.2f} |", flush=True)
    decoder.close()


def by_child(decoder: Decoder, data: bytes) -> None:
    """One file, as the gateway has it read."""
    with SharedFile(data) as file:
        decoder.open(file, Limits(), "", None)
        decoder.read(0, lambda _: True).image.sum()  # as whoever uses the pixels maps them


def spent(decoder: Decoder, work: Callable[[], object]) -> float:
    """Processor seconds of this process and of the decoder's, a file."""
    before = processor_s(decoder)
    for _ in range(_FILES):
        work()
    return (processor_s(decoder) - before) / _FILES


def processor_s(decoder: Decoder) -> float:
    """User and system time; see proc(5) for that of the child, in ticks."""
    fields = Path(f"/proc/{decoder.pid}/stat").read_text().rpartition(")")[2].split()
    return time.process_time() + (int(fields[11]) + int(fields[12])) * _TICK_S


def files() -> dict[str, bytes]:
    """Pages at 150 and 300 dpi, and a crop, as they are sent."""
    page = Image.open(_PAGE).convert("RGB")
    large = page.resize((2480, 3508), Image.Resampling.BICUBIC)
    bilevel = large.convert("L").point(lambda level: 255 * (level > 140)).convert("1")
    return {
        "JPEG, 150 dpi": _PAGE.read_bytes(),
        "JPEG, 300 dpi": saved(large, "JPEG", quality=85),
        "PNG, 150 dpi": saved(page, "PNG"),
        "TIFF G4, 300 dpi": saved(bilevel, "TIFF", compression="group4"),
        "JPEG crop of 300 px": saved(page.crop((100, 100, 400, 400)), "JPEG"),
    }


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    """The bytes of a file."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


if __name__ == "__main__":
    main()
