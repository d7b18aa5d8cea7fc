"""More than the services can do: `python -m bench.overload`.

First callers of the sample page: as many as keep the services busy, then five times as many as are taken on at once,
all of whom ignore the time after which to come back and call again after 50 ms. Told are answers a second, the share of
those of the busy services, and how long refusals take: for one more caller, who has a process to itself, and in the
gateway. Then long documents, all at once and with one deadline: how many are answered, and when the others are refused.
"""

import argparse
import asyncio
import io
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from PIL import Image
from prometheus_client.parser import text_string_to_metric_families

from bench.pages import scans
from services.stack.processes import Address, running
from stamp2vec.client import AsyncClient
from stamp2vec.errors import DeadlineExceeded, Overloaded, Stamp2vecError

_PAGE = Path(__file__).parent.parent / "docs" / "sample" / "page.jpg"
_PAUSE_S = 0.05


@dataclass(slots=True)
class _Seen:
    """Seconds of calls, by how they ended."""

    answered: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    late: list[float] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    without_retry: int = 0


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(prog="python -m bench.overload", description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0, help="of each number of callers")
    parser.add_argument(
        "--callers", type=int, nargs="*", default=[16, 320], help="the first are few; none leaves them out"
    )
    parser.add_argument("--documents", type=int, default=8, help="long ones at once; 0 leaves them out")
    parser.add_argument("--pages", type=int, default=100, help="of each of them")
    parser.add_argument("--deadline-s", type=float, default=90.0, help="of each of them")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, running({}, Path(folder) / "logs") as stack:
        target = stack.address("gateway").target
        if chosen.callers:
            _callers(stack.address("gateway"), chosen.callers, chosen.seconds)
        if chosen.documents:
            asyncio.run(_documents(target, chosen.documents, chosen.pages, chosen.deadline_s))


def _callers(gateway: Address, counts: Sequence[int], seconds: float) -> None:
    peak = 0.0
    print("| callers | answers/s | of the first | refusals/s | p50, ms | p99, ms | in it, ms | no RetryInfo | failed |")
    print("|---|---|---|---|---|---|---|---|---|", flush=True)
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        for count in counts:
            before = _refusals(gateway)
            flood = pool.submit(call_for, gateway.target, count, seconds)
            one = pool.submit(call_for, gateway.target, 1, seconds)
            seen, alone = flood.result(), one.result()
            number, inside_s = (now - then for now, then in zip(_refusals(gateway), before, strict=True))
            rate = (len(seen.answered) + len(alone.answered)) / seconds
            peak = peak or rate
            p50, p99 = np.percentile(alone.refused or [0.0], [50, 99])
            without_retry, failed = seen.without_retry + alone.without_retry, len(seen.failed) + len(alone.failed)
            print(
                f"| {count} | {rate:.1f} | {rate / peak:.2f} | {len(seen.refused) / seconds:.0f} | {1000 * p50:.0f} | "
                f"{1000 * p99:.0f} | {1000 * inside_s / max(number, 1):.1f} | {without_retry} | {failed} |",
                flush=True,
            )


def _refusals(gateway: Address) -> tuple[float, float]:
    """How many calls it has refused, and how many seconds it had them in all."""
    with urllib.request.urlopen(gateway.metrics_url) as answer:
        samples = [
            sample
            for family in text_string_to_metric_families(answer.read().decode())
            for sample in family.samples
            if sample.labels.get("code") == "RESOURCE_EXHAUSTED"
        ]
    number, seconds = (
        sum(sample.value for sample in samples if sample.name == f"stamp2vec_request_seconds_{kind}")
        for kind in ("count", "sum")
    )
    return number, seconds


def call_for(target: str, count: int, seconds: float) -> _Seen:
    """So many callers for so long, in a process of their own."""
    page, seen = _PAGE.read_bytes(), _Seen()

    async def caller(client: AsyncClient, end_s: float) -> None:
        while time.monotonic() < end_s:
            await _call(client, page, seen)
            await asyncio.sleep(_PAUSE_S)

    async def callers() -> None:
        async with AsyncClient(target) as client:
            end_s = time.monotonic() + seconds
            await asyncio.gather(*(caller(client, end_s) for _ in range(count)))

    asyncio.run(callers())
    return seen


async def _call(client: AsyncClient, document: bytes, seen: _Seen) -> None:
    start_s = time.perf_counter()
    try:
        await client.analyze(document)
        ended = seen.answered
    except Overloaded as error:
        ended = seen.refused
        seen.without_retry += error.retry_after_s is None
    except DeadlineExceeded:
        ended = seen.late
    except Stamp2vecError as error:
        seen.failed.append(str(error))
        return
    ended.append(time.perf_counter() - start_s)


async def _documents(target: str, count: int, pages: int, deadline_s: float) -> None:
    file = io.BytesIO()
    first, *others = (_black_and_white(scan) for scan in scans(pages))
    first.save(file, "TIFF", save_all=True, append_images=others, compression="group4", dpi=(300, 300))
    print(f"\n{count} documents of {pages} pages, {len(file.getvalue()) / 2**20:.1f} MiB each, {deadline_s:g} s\n")
    print("| at once | answered | last after, s | refused | last after, s | late | failed |")
    print("|---|---|---|---|---|---|---|", flush=True)
    async with AsyncClient(target, deadline_s=deadline_s) as client:
        for number in (1, count):
            seen = _Seen()
            await asyncio.gather(*(_call(client, file.getvalue(), seen) for _ in range(number)))
            print(
                f"| {number} | {len(seen.answered)} | {max(seen.answered, default=0):.1f} | {len(seen.refused)} | "
                f"{max(seen.refused, default=0):.1f} | {len(seen.late)} | {len(seen.failed)} |",
                flush=True,
            )


def _black_and_white(scan: bytes) -> Image.Image:
    return Image.open(io.BytesIO(scan)).convert("L").point(lambda level: 255 * (level > 128), "1")


if __name__ == "__main__":
    main()
