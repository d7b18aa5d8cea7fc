#!/usr/bin/env bash
# pillow 13.0.0: draft() asked for half of a JPEG with an odd side, rounded up, decodes all of its pixels.
# Guess: the decoder has a half of 1241 x 1755 pixels as 621 x 878, so draft() asked for that size takes it.
# Seen: draft() takes the largest divisor by which the file is not smaller than asked, and divides rounding down to
#   choose it: asked for 621 x 878 it leaves 1241 x 1755; asked for 620 x 877 it gives 621 x 878.
# So: ask for sides rounded down; else every odd page costs the decoding of four times the pixels, without a word.
set -euo pipefail
. "$(dirname "$0")/lib/setup.sh"
packages pillow==13.0.0
python <<'PY'
import io

from check import check
from PIL import Image

file = io.BytesIO()
Image.new("L", (1241, 1755), 200).save(file, "JPEG")


def drafted(size):
    image = Image.open(io.BytesIO(file.getvalue()))
    image.draft(None, size)
    image.load()
    return image.size


check("asked for the half rounded up", drafted((621, 878)), (1241, 1755))
check("asked for the half rounded down", drafted((620, 877)), (621, 878))
PY
