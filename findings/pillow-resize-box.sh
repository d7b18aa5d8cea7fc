#!/usr/bin/env bash
# pillow 13.0.0: resize(box=...) is not crop() and resize().
# Guess: `box`, "the source image region to be scaled", gives what cropping to it first gives.
# Seen: pixels outside of the box count at its edges, as far as the filter reaches. So a picture whose height is halved
#   or doubled in bands, each with its box, is equal to the last pixel to one that is resized whole, and bands that
#   were cropped have seams.
# So: to resize a large page in little memory, ask for bands by `box`; to keep what lies beside a region out of it,
#   crop.
set -euo pipefail
. "$(dirname "$0")/lib/setup.sh"
packages pillow==13.0.0 numpy==2.4.6
python <<'PY'
import numpy as np
from check import check
from PIL import Image

SIDE, BANDS = 64, 4
noise = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
page = Image.fromarray(noise)
FILTERS = ("BILINEAR", "BICUBIC", "LANCZOS")


def differing(share, name, cropped):
    """Pixels of a page resized in bands that are not those of the page resized whole."""
    filter_ = Image.Resampling[name]
    height, step = round(SIDE * share), SIDE // BANDS
    bands = []
    for top in range(0, SIDE, step):
        box = (0, top, SIDE, top + step)
        target = (SIDE, height // BANDS)
        bands.append(page.crop(box).resize(target, filter_) if cropped else page.resize(target, filter_, box))
    whole = np.asarray(page.resize((SIDE, height), filter_))
    return int((np.concatenate([np.asarray(band) for band in bands]) != whole).any(axis=2).sum())


for share in (0.5, 2):
    same = {name: differing(share, name, cropped=False) for name in FILTERS}
    check(f"bands by box, x {share}: other pixels", same, dict.fromkeys(FILTERS, 0))
    seams = {name: differing(share, name, cropped=True) > SIDE // 2 for name in FILTERS}
    check(f"bands by crop, x {share}: seams", seams, dict.fromkeys(FILTERS, True))
PY
