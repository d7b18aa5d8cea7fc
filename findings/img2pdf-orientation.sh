#!/usr/bin/env bash
# img2pdf 0.6.3 with pillow 13.0.0: a TIFF with an Orientation tag is turned twice, and a G4 one is torn.
# Guess: the page is upright, as it is for a JPEG with EXIF orientation: the pixels as they are and /Rotate on the
#   page.
# Seen: for TIFF with LZW, Pillow has turned the pixels when img2pdf sets /Rotate: 3 (upside down) comes out upside
#   down, 6 (a quarter turn) a quarter turn too far. G4 data are copied as they are, with width and height
#   exchanged, so 6 and 8 give rows of the wrong length, and only 3 is right. No warning.
# So: save TIFF upright and without the tag before img2pdf.
set -euo pipefail
. "$(dirname "$0")/lib/setup.sh"
packages img2pdf==0.6.3 pypdfium2==5.15.2 pikepdf==10.18.0 lxml==6.1.3 packaging==26.4 pillow==13.0.0 numpy==2.4.6
python <<'PY'
import io

import img2pdf
import numpy as np
import pypdfium2
from check import check
from PIL import Image

ORIENTATION = 274
STORED = {1: 0, 3: 2, 6: 1, 8: 3}  # counter-clockwise quarter turns from what is seen to what is stored
seen = np.full((120, 80), 255, np.uint8)  # with nothing in it that looks alike when turned
seen[:30, :30] = 0
seen[:, :4] = 0


def turns(kind, orientation):
    """By how many quarter turns the page is off, counter-clockwise; None when it is another picture."""
    picture = Image.fromarray(np.ascontiguousarray(np.rot90(seen, STORED[orientation])))
    file = io.BytesIO()
    if kind == "JPEG":
        exif = Image.Exif()
        exif[ORIENTATION] = orientation
        picture.save(file, "JPEG", dpi=(72, 72), exif=exif, quality=95)
    else:
        mode = "1" if kind == "group4" else "L"
        tags = {ORIENTATION: orientation}
        picture.convert(mode, dither=0).save(file, "TIFF", dpi=(72, 72), compression=kind, tiffinfo=tags)
    page = pypdfium2.PdfDocument(img2pdf.convert(file.getvalue()))[0]
    drawn = np.asarray(page.render().to_pil().convert("L")).astype(int)
    for quarters in range(4):
        turned = np.rot90(seen, quarters)
        if turned.shape == drawn.shape and abs(drawn - turned).mean() < 10:
            return quarters
    return None


for kind, claimed in (
    ("JPEG", {1: 0, 3: 0, 6: 0, 8: 0}),
    ("tiff_lzw", {1: 0, 3: 2, 6: 3, 8: 1}),
    ("group4", {1: 0, 3: 0, 6: None, 8: None}),
):
    check(f"{kind}: quarter turns off, by orientation", {each: turns(kind, each) for each in STORED}, claimed)
PY
