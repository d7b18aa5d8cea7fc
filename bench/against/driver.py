"""Runs in the tree that is measured, on its own code: starts its services, then sends what each line of stdin says.

No module of a package, as both trees have to run it: `__main__.py` gives its text to a Python in that tree.
"""

import json
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from services.stack.processes import running
from stamp2vec.client import Client

SERVICES = ("gateway", "detector", "segmenter", "embedder")


def main() -> None:
    """One JSON object a line: `pids` and `start_s` first, then for each of stdin `wall_s` and `stamps`."""
    began_s = time.monotonic()
    with tempfile.TemporaryDirectory() as logs, running({}, Path(logs)) as stack:
        started = {"start_s": time.monotonic() - began_s, "pids": [stack[name].pid for name in SERVICES]}
        print(json.dumps(started), flush=True)
        with Client(stack.address("gateway").target, deadline_s=120) as client:
            for line in sys.stdin:
                job = json.loads(line)
                page = Path(job["page"]).read_bytes()

                def stamps(_: int, page: bytes = page, options: dict[str, object] = job["options"]) -> int:
                    return len(client.analyze(page, **options).pages[0].stamps)  # type: ignore[arg-type]

                with ThreadPoolExecutor(job["callers"]) as pool:
                    began_s = time.monotonic()
                    found = list(pool.map(stamps, range(job["calls"])))
                    wall_s = time.monotonic() - began_s
                print(json.dumps({"wall_s": wall_s, "stamps": max(found)}), flush=True)


main()
