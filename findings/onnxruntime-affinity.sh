#!/usr/bin/env bash
# onnxruntime 1.32.0: a process that is bound to one CPU runs its network on the others as well.
# Guess: a session counts the CPUs that the process may use, and its threads stay on them.
# Seen: after binding the process to its first CPU (as taskset does) a session of default options still starts
#   threads for all cores, each bound to a CPU outside. With intra_op_num_threads 2 the thread stays on the CPU
#   given; with 1 there is none.
# So: several model processes on one machine, each bound to its own cores, disturb each other until
#   intra_op_num_threads is set.
set -euo pipefail
. "$(dirname "$0")/lib/setup.sh"
packages onnxruntime==1.32.0 numpy==2.4.6 flatbuffers==25.12.19 packaging==26.4 protobuf==7.36.2
if [ "$(lscpu --parse=CORE,SOCKET | grep -v '^#' | sort -u | wc -l)" -lt 2 ]; then
  echo "needs two cores"
  exit 3
fi
python <<'PY'
import os
import time

first = min(os.sched_getaffinity(0))
os.sched_setaffinity(0, {first})

import onnxruntime
from check import check
from onnxruntime.datasets import get_example


def outside(threads):
    """Threads that a session starts, and how many of them are bound elsewhere; each binds itself after its start."""
    before = set(os.listdir("/proc/self/task"))
    options = onnxruntime.SessionOptions()
    if threads:
        options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(get_example("sigmoid.onnx"), options, providers=["CPUExecutionProvider"])
    started = set(os.listdir("/proc/self/task")) - before
    end = time.monotonic() + (3 if threads else 15)
    while (elsewhere := sum(os.sched_getaffinity(int(task)) != {first} for task in started)) < len(started):
        if time.monotonic() > end:
            break
        time.sleep(0.05)
    del session
    return len(started), elsewhere


started, elsewhere = outside(0)
print(f"default options: {started} threads started, {elsewhere} of them bound elsewhere")
check("all of them elsewhere, and at least one", started == elsewhere > 0, True)
check("intra_op_num_threads 2: started, elsewhere", outside(2), (1, 0))
check("intra_op_num_threads 1: started, elsewhere", outside(1), (0, 0))
PY
