#!/usr/bin/env bash
# pillow 13.0.0 and opencv-python-headless 5.0.0.93: white paper of a 16-bit grey scan is black or white by
#   accident.
# Guess: WhiteIsZero (photometric 0) is turned by both for 16 bits as for 8 bits, in either byte order.
# Seen: at 8 bits both turn it. At 16 bits Pillow does not, and cannot identify the same file in big-endian order.
#   OpenCV does not turn it with IMREAD_UNCHANGED and does with IMREAD_GRAYSCALE: two flags, and one is the negative
#   of the other.
# So: read tag 262 (Pillow: tag_v2[262]) and turn 16-bit pages by hand.
set -euo pipefail
. "$(dirname "$0")/lib/setup.sh"
packages pillow==13.0.0 opencv-python-headless==5.0.0.93 tifffile==2026.3.3 numpy==2.4.6
python <<'PY'
import io

import cv2
import numpy as np
import tifffile
from check import check
from PIL import Image, UnidentifiedImageError


def paper(dtype, order="<"):
    """What each reader makes of a page whose every sample is 0, which is white here."""
    file = io.BytesIO()
    tifffile.imwrite(file, np.zeros((32, 32), dtype), photometric="miniswhite", byteorder=order)
    encoded = np.frombuffer(file.getvalue(), np.uint8)
    try:
        pillow = np.asarray(Image.open(file))[0, 0]
    except UnidentifiedImageError:
        pillow = None
    unchanged, grey = (
        cv2.imdecode(encoded, flag)[0, 0] for flag in (cv2.IMREAD_UNCHANGED, cv2.IMREAD_GRAYSCALE)
    )
    named = {"pillow": pillow, "opencv unchanged": unchanged, "opencv grey": grey}
    return {name: "refused" if level is None else "white" if level else "black" for name, level in named.items()}


eight = paper(np.uint8)
check("8 bits", eight, dict.fromkeys(eight, "white"))
sixteen = {"pillow": "black", "opencv unchanged": "black", "opencv grey": "white"}
check("16 bits, little-endian", paper(np.uint16), sixteen)
check("16 bits, big-endian", paper(np.uint16, ">"), sixteen | {"pillow": "refused"})
PY
