#!/usr/bin/env bash
# pillow 13.0.0: a page of a TIFF without a resolution has that of the page that was looked at before.
# Guess: info is made anew by seek(): a page whose ResolutionUnit is "none" has no info["dpi"].
# Seen: such a page has none when it is alone in its file. As page 2 it has the (300, 300) of page 1, and (100, 100)
#   after a visit to page 3. tag_v2 is right at all times.
# So: read XResolution, YResolution and ResolutionUnit of tag_v2 for each page; sizes in mm from info["dpi"] depend
#   on the way through the file.
set -euo pipefail
. "$(dirname "$0")/lib/setup.sh"
packages pillow==13.0.0 tifffile==2026.3.3 numpy==2.4.6
python <<'PY'
import io

import numpy as np
import tifffile
from check import check
from PIL import Image

UNIT = 296


def tiff(*pages):
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        for dpi, unit in pages:
            writer.write(np.zeros((32, 32), np.uint8), resolution=(dpi, dpi), resolutionunit=unit, metadata=None)
    return Image.open(io.BytesIO(file.getvalue()))


check("a page of unit none, alone", tiff((1, "none")).info.get("dpi"), None)
picture = tiff((300, "inch"), (1, "none"), (100, "inch"))
for page, unit, claimed in ((0, 2, 300), (1, 1, 300), (2, 2, 100), (1, 1, 100), (0, 2, 300)):
    picture.seek(page)
    seen = picture.tag_v2[UNIT], picture.info.get("dpi")
    check(f"then page {page + 1}: unit (1 none, 2 inch), dpi", seen, (unit, (claimed, claimed)))
PY
