#!/usr/bin/env bash
# pillow 13.0.0 and opencv-python-headless 5.0.0.93: 16-bit colour TIFF in separate planes is read wrong without a
#   word.
# Guess: both read it as they read the same page with its samples together, or refuse it.
# Seen: Pillow gives another picture of the right size when the planes are uncompressed (bytes taken for samples),
#   and the right one with LZW. OpenCV is right with IMREAD_COLOR and wrong with IMREAD_UNCHANGED. tifffile is
#   right.
# So: before trusting a 16-bit scan, look at PlanarConfiguration (tag 284): 2 with 16 bits and no compression is not
#   for Pillow, nor for IMREAD_UNCHANGED.
set -euo pipefail
. "$(dirname "$0")/lib/setup.sh"
packages pillow==13.0.0 opencv-python-headless==5.0.0.93 tifffile==2026.3.3 imagecodecs==2026.3.6 numpy==2.4.6
python <<'PY'
import io

import cv2
import numpy as np
import tifffile
from check import check
from PIL import Image

page = np.zeros((64, 64, 3), np.uint16)
page[..., 0] = 60_000
page[..., 1] = np.arange(64) * 1000
page[..., 2] = np.arange(64)[:, None] * 900


def right(planar, compression=None):
    """Which reader gives the page, to two levels of 8 bits."""
    file = io.BytesIO()
    data = np.moveaxis(page, 2, 0) if planar == "separate" else page
    tifffile.imwrite(file, data, photometric="rgb", planarconfig=planar, compression=compression)
    encoded = np.frombuffer(file.getvalue(), np.uint8)
    back = tifffile.imread(io.BytesIO(file.getvalue()))
    readings = {
        "tifffile": (np.moveaxis(back, 0, 2) if planar == "separate" else back) / 257,
        "pillow": np.asarray(Image.open(file), float),
        "opencv colour": cv2.imdecode(encoded, cv2.IMREAD_COLOR)[..., ::-1],
    }
    if compression is None:
        readings["opencv unchanged"] = cv2.imdecode(encoded, cv2.IMREAD_UNCHANGED)[..., ::-1] / 257
    return {name: bool(abs(seen - page / 257).max() <= 2) for name, seen in readings.items()}


together = right("contig")
check("together: who is right", together, dict.fromkeys(together, True))
check("separate", right("separate"), together | {"pillow": False, "opencv unchanged": False})
seen = right("separate", "lzw")
check("separate, LZW", seen, dict.fromkeys(seen, True))
PY
