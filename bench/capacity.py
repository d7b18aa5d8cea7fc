"""CPU time and memory a page: `python -m bench.capacity`.

Sends documents of one page through the four real services and reads how much CPU time and memory each takes, and how
much of the time is of its parent: the rest is of decoders and executors. CPU time is the basis of capacity planning,
and unlike a rate it hardly depends on other load of the machine.
"""

import argparse
import io
import math
import os
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from services.stack.processes import Service, Stack, running
from services.table import MODEL_SERVICE_NAMES
from stamp2vec.client import Client
from stamp2vec.document import DocumentOptions

SERVICES = ("gateway", *MODEL_SERVICE_NAMES)
CALLERS = 4
UTILISATION = 0.6
"""Planned utilisation of CPU; the rest is for peaks, a lost zone and roll-outs."""
RATES = (1, 100, 10_000)
CORES_A_POD = 2
REPLICAS_AT_LEAST = 2
_HOURS_A_MONTH = 730
_PAGE = Path(__file__).parent.parent / "docs" / "sample" / "page.jpg"
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of one page in one service."""

    cpu_s: float
    parent_s: float
    """Of it, that of the process that serves."""
    memory_mib: float
    """The memory of the service with one executor under this load."""


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(prog="python -m bench.capacity", description=__doc__)
    parser.add_argument("--pages", type=int, default=100, help="pages to send")
    parser.add_argument("--price", type=float, default=0.04, help="of a CPU core and its memory for an hour")
    parser.add_argument("--masks", action="store_true", help="ask for ink masks too, which the segmenter makes")
    parser.add_argument("--no-vectors", action="store_true", help="ask for no vectors: no ink is compared then")
    parser.add_argument("--without-stamps", action="store_true", help="send the same page with its stamps painted over")
    chosen = parser.parse_args()
    if chosen.pages < 1:
        parser.error("measure at least 1 page")
    with tempfile.TemporaryDirectory() as logs, running({}, Path(logs)) as stack:
        asked = DocumentOptions(include_masks=chosen.masks, include_vectors=not chosen.no_vectors)
        stamps, costs = _measure(stack, chosen.pages, asked, without_stamps=chosen.without_stamps)
    _show(stamps, costs)
    _plan(costs, chosen.price)


def _measure(stack: Stack, pages: int, asked: DocumentOptions, *, without_stamps: bool) -> tuple[int, dict[str, Cost]]:
    """The number of stamps on the page, and its cost in each service."""
    with Client(stack.address("gateway").target) as client, ThreadPoolExecutor(CALLERS) as pool:
        page = _painted_over(client) if without_stamps else _PAGE.read_bytes()
        stamps = [len(client.analyze(page, **asked).pages[0].stamps) for _ in range(CALLERS)]
        before = {name: cpu_s(stack[name].pid) for name in SERVICES}
        for _ in pool.map(lambda _: client.analyze(page, **asked), range(pages)):
            pass
        after = {name: cpu_s(stack[name].pid) for name in SERVICES}
    costs = {}
    for name in SERVICES:
        parent_s, children_s = (end - start for start, end in zip(before[name], after[name], strict=True))
        costs[name] = Cost((parent_s + children_s) / pages, parent_s / pages, _memory_mib(stack[name]))
    return stamps[0], costs


def _painted_over(client: Client) -> bytes:
    """The page with white paper in the place of stamps, and of what might be one: a JPEG of about as many bytes."""
    image = Image.open(_PAGE).convert("RGB")
    for stamp in client.analyze(_PAGE, min_score=0.1, include_vectors=False).pages[0].stamps:
        x1, y1, x2, y2 = stamp.box
        image.paste("white", (int(x1) - 8, int(y1) - 8, int(x2) + 8, int(y2) + 8))
    file = io.BytesIO()
    image.save(file, "JPEG", quality=92)
    return file.getvalue()


def family(pid: int) -> list[int]:
    """A process and its children, which are its executors."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [pid, *(int(child) for task in tasks for child in (task / "children").read_text().split())]


def cpu_s(pid: int) -> tuple[float, float]:
    """CPU time of a process, and of its children.

    See proc(5): utime and stime are the 14th and 15th field, and the name before them may have spaces.
    """
    fields = [Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split() for each in family(pid)]
    parent_s, *children_s = [(int(field[11]) + int(field[12])) * _TICK_S for field in fields]
    return parent_s, sum(children_s)


def _memory_mib(service: Service) -> float:
    """Resident memory, MiB; shared memory counts for each process."""
    statuses = [Path(f"/proc/{pid}/status").read_text() for pid in family(service.pid)]
    kib = [int(line.split()[1]) for text in statuses for line in text.splitlines() if line.startswith("VmRSS:")]
    return sum(kib) / 1024


def _show(stamps: int, costs: Mapping[str, Cost]) -> None:
    print(f"one page of {stamps} stamps")
    print(f"{'':12}{'CPU ms a page':>16}{'of the parent':>16}{'pages/s a core':>16}{'memory, MiB':>14}")
    for name, cost in costs.items():
        rate = f"{1 / cost.cpu_s:16.1f}" if cost.cpu_s > 0 else f"{'-':>16}"  # a service that no page needs may be idle
        print(f"{name:12}{1000 * cost.cpu_s:16.1f}{1000 * cost.parent_s:16.1f}{rate}{cost.memory_mib:14.0f}")
    total_s, parents_s = (sum(column) for column in zip(*((c.cpu_s, c.parent_s) for c in costs.values()), strict=True))
    print(f"{'together':12}{1000 * total_s:16.1f}{1000 * parents_s:16.1f}{1 / total_s:16.1f}")


def pods(cpu_s: float, rate: float) -> int:
    """The pods of 2 cores that a service needs for `rate` pages a second, at 60 % utilisation."""
    return max(REPLICAS_AT_LEAST, math.ceil(rate * cpu_s / UTILISATION / CORES_A_POD))


def _plan(costs: Mapping[str, Cost], price: float) -> None:
    print(f"\npods of {CORES_A_POD} cores, {UTILISATION:.0%} in use, at {price:g} a core and hour")
    print(
        f"{'pages/s':>12}" + "".join(f"{name:>12}" for name in costs) + f"{'cores':>10}{'a month':>12}{'1M pages':>12}"
    )
    for rate in RATES:
        needed = [pods(cost.cpu_s, rate) for cost in costs.values()]
        cores = CORES_A_POD * sum(needed)
        month = cores * price * _HOURS_A_MONTH
        million = cores * price / 3600 / rate * 1e6
        print(f"{rate:12,}" + "".join(f"{each:12,}" for each in needed) + f"{cores:10,}{month:12,.0f}{million:12.2f}")


if __name__ == "__main__":
    main()
