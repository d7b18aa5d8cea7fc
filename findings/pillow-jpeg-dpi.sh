#!/usr/bin/env bash
# pillow 13.0.0: info["dpi"] of a JPEG with EXIF is invented, or true of one axis only.
# Guess: no info["dpi"] without a resolution in the file, and both axes where EXIF has XResolution and YResolution.
# Seen: EXIF that has nothing but Orientation gives (72, 72); without EXIF there is no dpi. XResolution 204 and
#   YResolution 98 give (204, 204); the same numbers in the JFIF header give (204, 98).
# So: 72 dpi of a JPEG may mean "not known", and a fax page kept as JPEG is not stretched by its EXIF. Read
#   getexif() for both axes.
set -euo pipefail
. "$(dirname "$0")/lib/setup.sh"
packages pillow==13.0.0
python <<'PY'
import io

from check import check
from PIL import Image

ORIENTATION, X, Y, UNIT, INCH = 274, 282, 283, 296, 2


def dpi(tags, **options):
    exif = Image.Exif()
    exif.update(tags)
    file = io.BytesIO()
    Image.new("L", (64, 64)).save(file, "JPEG", **({"exif": exif} if tags else {}), **options)
    return Image.open(file).info.get("dpi")


check("no EXIF", dpi({}), None)
check("EXIF with orientation only", dpi({ORIENTATION: 1}), (72, 72))
check("EXIF with 204 x 98", dpi({X: 204.0, Y: 98.0, UNIT: INCH}), (204, 204))
check("JFIF with 204 x 98", dpi({}, dpi=(204, 98)), (204, 98))
PY
