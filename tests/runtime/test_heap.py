"""What a process keeps of the memory that it frees."""

import subprocess
import sys

_ROUNDS = 50
_PROGRAM = """
import resource, sys
from services.runtime.process import heap
if sys.argv[1] == "keeps":
    heap.keep_some()
def round():  # what a request takes: messages and arrays of one view each
    return [b"1" * 600_000 for _ in range(8)]
round()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(int(sys.argv[2])):
    round()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(how: str) -> int:
    """How often the system made memory for rounds of messages that were freed before the next."""
    command = [sys.executable, "-c", _PROGRAM, how, str(_ROUNDS)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def test_what_a_request_takes_is_kept_for_the_next() -> None:
    by_itself = faults("does not")
    assert by_itself > 5 * _ROUNDS, "glibc keeps it by itself now: heap.keep_some can go"
    assert faults("keeps") < by_itself / 10
