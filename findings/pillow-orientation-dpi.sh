#!/usr/bin/env bash
# pillow 13.0.0: a fax page that is turned upright keeps the resolutions of its other axes.
# Guess: Pillow turns a TIFF by its Orientation tag on load, and swaps info["dpi"] with width and height.
# Seen: 204 x 98 pixels at 204 x 98 dpi (a square inch) become 98 x 204 pixels, still at (204, 98) dpi: 0.5 x 2.1
#   inches. Saved as TIFF, the file says so for good. ImageOps.exif_transpose() of a JPEG does the same.
# So: with Orientation 5 to 8, swap the two resolutions by hand before stretching a fax page to square pixels.
set -euo pipefail
. "$(dirname "$0")/lib/setup.sh"
packages pillow==13.0.0
python <<'PY'
import io

from check import check
from PIL import Image, ImageOps

ORIENTATION, QUARTER_TURN, DPI = 274, 6, (204, 98)


def describe(picture):
    return picture.size, tuple(round(each) for each in picture.info["dpi"])


file = io.BytesIO()
Image.new("1", (204, 98)).save(file, "TIFF", compression="group4", dpi=DPI, tiffinfo={ORIENTATION: QUARTER_TURN})
picture = Image.open(io.BytesIO(file.getvalue()))
picture.load()
check("TIFF: size, dpi", describe(picture), ((98, 204), DPI))
again = io.BytesIO()
picture.save(again, "TIFF")
picture = Image.open(again)
check("saved again", (describe(picture), picture.tag_v2.get(ORIENTATION)), (((98, 204), DPI), None))

exif = Image.Exif()
exif[ORIENTATION] = QUARTER_TURN
file = io.BytesIO()
Image.new("L", (204, 98)).save(file, "JPEG", dpi=DPI, exif=exif)
check("JPEG, exif_transpose()", describe(ImageOps.exif_transpose(Image.open(file))), ((98, 204), DPI))
PY
