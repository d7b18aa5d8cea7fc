#!/usr/bin/env bash
# pypdfium2 5.15.2: neither the view for the screen nor that for print shows all stamp annotations of a page.
# Guess: the default rendering draws every stamp that is not hidden; optimize_mode="print" only makes lines finer.
# Seen: a stamp to be printed only (flags Print and NoView) is missing by default, and one that has no flag Print is
#   missing in print mode. get_objects() lists neither, nor the picture inside it.
# So: to find every stamp, render both ways, or read the annotations and draw their appearance.
set -euo pipefail
. "$(dirname "$0")/lib/setup.sh"
packages pypdfium2==5.15.2 pikepdf==10.18.0 lxml==6.1.3 packaging==26.4 pillow==13.0.0 numpy==2.4.6
python <<'PY'
import io

import numpy as np
import pikepdf
import pypdfium2
from check import check
from pikepdf import Array, Dictionary, Name

PRINT, NO_VIEW = 4, 32


def open_page(flags):
    """A page with one stamp annotation, a red square of 50 x 50 points."""
    pdf = pikepdf.new()
    page = pdf.add_blank_page(page_size=(200, 200))
    ink = pdf.make_stream(b"1 0 0 rg 0 0 50 50 re f", Type=Name.XObject, Subtype=Name.Form, BBox=[0, 0, 50, 50])
    stamp = Dictionary(Type=Name.Annot, Subtype=Name.Stamp, F=flags, Rect=[20, 20, 70, 70], AP=Dictionary(N=ink))
    page.obj.Annots = Array([pdf.make_indirect(stamp)])
    file = io.BytesIO()
    pdf.save(file)
    return pypdfium2.PdfDocument(file.getvalue())[0]


def drawn(page, **options):
    picture = np.asarray(page.render(**options).to_pil().convert("RGB"))
    return int((picture == (255, 0, 0)).all(-1).sum()) == 2500


for name, flags, claimed in (
    ("Print", PRINT, (True, True)),
    ("Print and NoView", PRINT | NO_VIEW, (False, True)),
    ("none", 0, (True, False)),
):
    page = open_page(flags)
    seen = drawn(page), drawn(page, optimize_mode="print")
    check(f"flags {name}: drawn by default, in print mode", seen, claimed)
    check("    objects listed", len(list(page.get_objects())), 0)
PY
