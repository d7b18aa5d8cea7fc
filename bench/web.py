"""What HTTP adds to a gateway: `python -m bench.web`.

The sample page goes through the real stack in turns: by gRPC to the gateway, and as a form to the HTTP service before
it. Processor time is that of all processes of the services, a page; latency that of one call at a time, as its caller
sees it.
"""

import argparse
import os
import statistics
import tempfile
import time
import urllib.request
import uuid
from collections.abc import Callable
from pathlib import Path

from services.stack.processes import Stack, running
from stamp2vec.client import Client

_PAGE = Path(__file__).parent.parent / "docs" / "sample" / "page.jpg"
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_BLOCK = 10  # calls of one kind before the other has its turn


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(prog="python -m bench.web", description=__doc__)
    parser.add_argument("--calls", type=int, default=100, help="of each kind")
    calls = parser.parse_args().calls
    document = _PAGE.read_bytes()
    with tempfile.TemporaryDirectory() as logs, running({}, Path(logs)) as stack:
        stack.start_web(lambda starting, elapsed_s: None)
        with Client(stack.address("gateway").target) as client:
            by_http = poster(f"http://{stack.address('web').target}/v1/analyze", document)
            kinds: dict[str, Callable[[], object]] = {"gRPC": lambda: client.analyze(document), "HTTP": by_http}
            seconds: dict[str, list[float]] = {kind: [] for kind in kinds}
            spent = dict.fromkeys(kinds, 0.0)
            web_s = 0.0
            for call in kinds.values():
                call()
            for _ in range(max(1, calls // _BLOCK)):
                for kind, call in kinds.items():
                    before, web_before = processor_s(stack), process_s(stack["web"].pid)
                    for _ in range(_BLOCK):
                        started_s = time.perf_counter()
                        call()
                        seconds[kind].append(time.perf_counter() - started_s)
                    spent[kind] += processor_s(stack) - before
                    web_s += process_s(stack["web"].pid) - web_before
    count = len(seconds["HTTP"])
    p50 = {kind: statistics.median(found) * 1000 for kind, found in seconds.items()}
    print("| by | services' CPU a page, ms | p50, ms |\n|---|---|---|")
    for kind in kinds:
        print(f"| {kind} | {spent[kind] / count * 1000:.1f} | {p50[kind]:.1f} |")
    share = web_s / spent["gRPC"]
    print(f"\nthe HTTP process takes {web_s / count * 1000:.1f} ms a page, {share:.1%} of what gRPC takes in all")
    print(f"HTTP adds {p50['HTTP'] - p50['gRPC']:.1f} ms to the median")


def poster(url: str, document: bytes) -> Callable[[], bytes]:
    """A call that sends the document as a form."""
    boundary = uuid.uuid4().hex
    head = f'--{boundary}\r\ncontent-disposition: form-data; name="file"; filename="page.jpg"\r\n\r\n'
    body = head.encode() + document + f"\r\n--{boundary}--\r\n".encode()
    headers = {"content-type": f"multipart/form-data; boundary={boundary}"}

    def post() -> bytes:
        with urllib.request.urlopen(urllib.request.Request(url, body, headers)) as response:
            found: bytes = response.read()
            return found

    return post


def processor_s(stack: Stack) -> float:
    """User and system time of all services and of the processes that they started."""
    roots = {stack[name].pid for name in ("detector", "segmenter", "embedder", "gateway", "web")}
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue  # it has just gone
    found = set(roots)
    while new := {child for child, parent in parents.items() if parent in found} - found:
        found |= new
    return sum(map(process_s, found))


def process_s(pid: int) -> float:
    """Of one process; 0 once it has gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) * _TICK_S


if __name__ == "__main__":
    main()
