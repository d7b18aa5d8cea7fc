"""Memory over a document of many pages: `python -m bench.pages`.

A PDF of 300 scanned pages of 300 dpi goes through the library in a process of its own, and page by page through the
real services. Told are the greatest memory of each, and when the first page came.
"""

import argparse
import io
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import img2pdf
import numpy as np
from PIL import Image

from bench.memory import memory, watched
from services.stack.processes import running
from stamp2vec.client import Client

_PAGE = Path(__file__).parent.parent / "docs" / "sample" / "page.jpg"
_LIBRARY = """
import resource, sys, time
from stamp2vec.pipelines import DocumentPipeline
pipeline = DocumentPipeline.from_preset()
started = time.perf_counter()
result = pipeline(open(sys.argv[1], "rb").read(), include_vectors=False)
seconds = time.perf_counter() - started
stamps = sum(len(page.stamps) for page in result.pages)
print(len(result.pages), stamps, seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(prog="python -m bench.pages", description=__doc__)
    parser.add_argument("--pages", type=int, default=300, help="pages of the document")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "scans.pdf"
        path.write_bytes(bytes(img2pdf.convert(list(scans(chosen.pages)))))
        print(f"{chosen.pages} pages, {path.stat().st_size / 1e6:.0f} MB\n")
        print(
            "| through | pages | stamps | seconds | first page, s | greatest memory, MiB |\n|---|---|---|---|---|---|"
        )
        command = [sys.executable, "-c", _LIBRARY, str(path)]
        pages, stamps, seconds, peak = subprocess.run(
            command, check=True, capture_output=True, text=True
        ).stdout.split()
        print(f"| the library | {pages} | {stamps} | {float(seconds):.0f} | - | {int(peak) / 2**20:.0f} |", flush=True)
        with running({}, Path(folder) / "logs") as stack, Client(stack.address("gateway").target) as client:
            client.analyze(_PAGE.read_bytes())
            with watched(stack["gateway"].pid) as greatest:
                started, first = time.perf_counter(), 0.0
                stamps_found = pages_found = 0
                for page in client.analyze_pages(path.read_bytes(), include_vectors=False):
                    first = first or time.perf_counter() - started
                    pages_found, stamps_found = pages_found + 1, stamps_found + len(page.stamps)
                total = time.perf_counter() - started
            mib = greatest[0] / 2**20
            print(f"| the gateway | {pages_found} | {stamps_found} | {total:.0f} | {first:.1f} | {mib:.0f} |")
            time.sleep(10)
            print(f"\n10 s later the gateway has {memory(stack['gateway'].pid) / 2**20:.0f} MiB")


def scans(count: int) -> Iterator[bytes]:
    """JPEG files of A4 pages of 300 dpi; every fourth has the four stamps of the sample page."""
    stamped = Image.open(_PAGE).convert("RGB").resize((2480, 3508), Image.Resampling.BICUBIC)
    plain = np.asarray(stamped).copy()
    plain[:] = np.random.default_rng(0).integers(238, 246, (3508, 2480, 1), np.uint8)
    for index in range(count):
        file = io.BytesIO()
        page = stamped if index % 4 == 0 else Image.fromarray(plain)
        page.save(file, "JPEG", quality=60, dpi=(300, 300))
        yield file.getvalue()


if __name__ == "__main__":
    main()
