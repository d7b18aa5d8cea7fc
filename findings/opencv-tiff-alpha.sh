#!/usr/bin/env bash
# opencv-python-headless 5.0.0.93 with pillow 13.0.0: a soft stamp cut-out has other colours in TIFF than in PNG.
# Guess: IMREAD_COLOR drops the alpha of an RGBA file and leaves red, green and blue as they are stored.
# Seen: so it is for PNG and WebP. From the TIFF that Pillow makes of the same picture (alpha not associated) each
#   colour comes multiplied by alpha, with IMREAD_UNCHANGED too: faint ink is nearly black, clear paper is black.
# So: lay a cut-out over white before it is stored, or read such TIFF by Pillow; an ink colour measured through
#   OpenCV depends on the file's format.
set -euo pipefail
. "$(dirname "$0")/lib/setup.sh"
packages pillow==13.0.0 opencv-python-headless==5.0.0.93 numpy==2.4.6
python <<'PY'
import io

import cv2
import numpy as np
from check import check
from PIL import Image

INK, FAINT = (200, 30, 40), 128
picture = Image.new("RGBA", (16, 16), (*INK, FAINT))


def colour(format, flag, **options):
    file = io.BytesIO()
    picture.save(file, format, **options)
    pixel = cv2.imdecode(np.frombuffer(file.getvalue(), np.uint8), flag)[0, 0]
    return tuple(int(level) for level in pixel[2::-1])


def pillow(format):
    file = io.BytesIO()
    picture.save(file, format)
    return Image.open(file).getpixel((0, 0))


check("PNG, colour", colour("PNG", cv2.IMREAD_COLOR), INK)
check("WebP, colour", colour("WEBP", cv2.IMREAD_COLOR, lossless=True), INK)
check("TIFF, colour", colour("TIFF", cv2.IMREAD_COLOR), (100, 15, 20))
check("TIFF, unchanged", colour("TIFF", cv2.IMREAD_UNCHANGED), (100, 15, 20))
check("TIFF by Pillow", pillow("TIFF"), (*INK, FAINT))
PY
