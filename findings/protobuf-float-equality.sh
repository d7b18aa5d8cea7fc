#!/usr/bin/env bash
# protobuf 7.36.2: messages compare floats by their bits: NaN equals NaN, and 0.0 does not equal -0.0.
# Guess: == of messages compares numbers as Python does: a message with NaN equals no other, and -0.0 is 0.0.
# Seen: the other way round in both cases, for a single float and for a repeated one. The repeated fields
#   themselves, compared without their messages, follow Python. And a float of -0.0 is sent where 0.0 is not.
# So: do not compare answers that hold vectors or angles by ==: one that has no error may differ by the sign of a
#   zero (a rounded turn, a sum of negatives), and a NaN where a number should be may pass a test.
set -euo pipefail
. "$(dirname "$0")/lib/setup.sh"
packages protobuf==7.36.2
python <<'PY'
from check import check
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

file = descriptor_pb2.FileDescriptorProto(name="test.proto", syntax="proto3")
fields = file.message_type.add(name="Numbers").field
FLOAT = descriptor_pb2.FieldDescriptorProto.TYPE_FLOAT
fields.add(name="one", number=1, type=FLOAT, label=descriptor_pb2.FieldDescriptorProto.LABEL_OPTIONAL)
fields.add(name="many", number=2, type=FLOAT, label=descriptor_pb2.FieldDescriptorProto.LABEL_REPEATED)
pool = descriptor_pool.DescriptorPool()
pool.Add(file)
Numbers = message_factory.GetMessageClass(pool.FindMessageTypeByName("Numbers"))
nan = float("nan")

check("one: NaN and NaN", Numbers(one=nan) == Numbers(one=nan), True)
check("one: 0.0 and -0.0", Numbers(one=0.0) == Numbers(one=-0.0), False)
check("many: NaN and NaN", Numbers(many=[nan]) == Numbers(many=[nan]), True)
check("many: 0.0 and -0.0", Numbers(many=[0.0]) == Numbers(many=[-0.0]), False)
check("the field alone: NaN and NaN", Numbers(many=[nan]).many == Numbers(many=[nan]).many, False)
check("the field alone: 0.0 and -0.0", Numbers(many=[0.0]).many == Numbers(many=[-0.0]).many, True)
check("bytes of 0.0 and of -0.0", (Numbers(one=0.0).ByteSize(), Numbers(one=-0.0).ByteSize()), (0, 5))
PY
