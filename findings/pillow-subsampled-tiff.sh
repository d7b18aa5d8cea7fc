#!/usr/bin/env bash
# pillow 13.0.0: a whole TIFF in YCbCr with halved colour is said to be cut short.
# Guess: YCbCr of TIFF 6.0, uncompressed and with 2 x 2 subsampling (the default of the tag), is read.
# Seen: it opens as YCbCr, and load() raises "image file is truncated": Pillow counts 3 bytes a pixel where there
#   are 1.5. Without subsampling it is read. OpenCV 5.0.0 reads both, by way of libtiff.
# So: "truncated" of a TIFF does not prove that the upload was cut short. Read it by another library before saying
#   so.
set -euo pipefail
. "$(dirname "$0")/lib/setup.sh"
packages pillow==13.0.0 opencv-python-headless==5.0.0.93 numpy==2.4.6
python <<'PY'
import io
import struct

import cv2
import numpy as np
from check import check
from PIL import Image

SIDE, RED = 32, (76, 85, 255)  # Y, Cb, Cr


def tiff(sub):
    """A red page: units of sub x sub levels of Y, then one Cb and one Cr."""
    y, cb, cr = RED
    data = bytes([y] * sub * sub + [cb, cr]) * (SIDE // sub) ** 2
    after = 8 + len(data)
    tags = [
        (256, 3, 1, SIDE), (257, 3, 1, SIDE), (258, 3, 3, after), (259, 3, 1, 1), (262, 3, 1, 6), (273, 4, 1, 8),
        (277, 3, 1, 3), (278, 3, 1, SIDE), (279, 4, 1, len(data)), (284, 3, 1, 1), (530, 3, 2, sub | sub << 16),
        (532, 5, 6, after + 6),
    ]  # fmt: skip
    extra = struct.pack("<3H", 8, 8, 8) + struct.pack("<12I", 0, 1, 255, 1, 128, 1, 255, 1, 128, 1, 255, 1)
    ifd = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags) + bytes(4)
    return struct.pack("<2sHI", b"II", 42, after + len(extra)) + data + extra + ifd


def by_pillow(file):
    picture = Image.open(io.BytesIO(file))
    try:
        return picture.convert("RGB").getpixel((9, 9))
    except OSError as error:
        return picture.mode, str(error).split(" (")[0]


def by_opencv(file):
    return tuple(int(level) for level in cv2.imdecode(np.frombuffer(file, np.uint8), cv2.IMREAD_COLOR)[9, 9, ::-1])


check("OpenCV, whole colour", by_opencv(tiff(1)), (254, 0, 0))
check("OpenCV, halved colour", by_opencv(tiff(2)), (254, 0, 0))
check("Pillow, whole colour", by_pillow(tiff(1)), (254, 0, 0))
check("Pillow, halved colour", by_pillow(tiff(2)), ("YCbCr", "image file is truncated"))
PY
