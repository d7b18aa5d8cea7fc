"""Looking at running services from outside."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import grpc

from services.stack.processes import Stack
from stamp2vec.limits import MAX_MESSAGE_BYTES
from stamp2vec.v1.gateway_pb2_grpc import StampServiceStub

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "docs/sample/page.jpg"
TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Running:
    """The stack, a stub of its gateway that never retries, and the folder of its logs."""

    stack: Stack
    stub: StampServiceStub
    logs: Path


def channel(target: str) -> grpc.Channel:
    limits = [
        ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
        ("grpc.max_send_message_length", 2 * MAX_MESSAGE_BYTES),
        ("grpc.enable_retries", 0),
    ]
    return grpc.insecure_channel(target, limits)


def children(pid: int) -> set[int]:
    """The living child processes of a process, and theirs."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue  # it has just gone
            if fields[0] != "Z":
                parents[int(entry.name)] = int(fields[1])
    found: set[int] = set()
    while new := {child for child, parent in parents.items() if parent in {pid, *found}} - found:
        found |= new
    return found


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def eventually(holds: Callable[[], bool]) -> None:
    """Returns when it does, and fails when it takes too long."""
    end_s = time.monotonic() + TIMEOUT_S
    while not holds():
        assert time.monotonic() < end_s, "it did not come true in time"
        time.sleep(0.05)
