#!/usr/bin/env bash
# protobuf 7.36.2 with numpy 2.4.6: filling a repeated float from a float32 array is several times slower than from
#   a list.
# Guess: the array is the fast way: the numbers are already float32 and in one piece, so it is a copy.
# Seen: extend(array.tolist()), the list included, is several times faster than extend(array); the script asks for a
#   factor of 2 at least, best of 30 runs. Both store the same numbers.
# So: write vector.tolist() where a message is filled, also where it looks like a detour.
set -euo pipefail
. "$(dirname "$0")/lib/setup.sh"
packages protobuf==7.36.2 numpy==2.4.6
python <<'PY'
import time

import numpy as np
from check import check
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

file = descriptor_pb2.FileDescriptorProto(name="test.proto", syntax="proto3")
Label = descriptor_pb2.FieldDescriptorProto
file.message_type.add(name="Vector").field.add(
    name="values", number=1, type=Label.TYPE_FLOAT, label=Label.LABEL_REPEATED
)
pool = descriptor_pool.DescriptorPool()
pool.Add(file)
Vector = message_factory.GetMessageClass(pool.FindMessageTypeByName("Vector"))
array = np.random.default_rng(0).standard_normal(50_000).astype(np.float32)


def fill(how):
    vector = Vector()
    start = time.thread_time()
    vector.values.extend(how())
    return time.thread_time() - start, vector


ways = {"array": lambda: array, "array.tolist()": array.tolist}
best = {name: min(fill(how)[0] for _ in range(30)) for name, how in ways.items()}
for name, seconds in best.items():
    print(f"extend({name}): {1000 * seconds:.2f} ms")
check("the array is slower by 2 or more", best["array"] > 2 * best["array.tolist()"], True)
check("same numbers", fill(ways["array"])[1].values == fill(ways["array.tolist()"])[1].values, True)
PY
