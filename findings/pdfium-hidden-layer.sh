#!/usr/bin/env bash
# pypdfium2 5.15.2: a stamp annotation is drawn although its layer is switched off.
# Guess: /OC works on an annotation as it does on what is in the page: a layer that is off is not drawn.
# Seen: a form in the page whose layer is off is not drawn. The same layer on a stamp annotation, or on the form of
#   its appearance, is ignored, and the stamp is drawn, also in print mode.
# So: what a viewer shows to a person and what is rendered for a program may differ by a stamp. Who needs the one
#   that people see must look at /OC of the annotations.
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


def red(where, **options):
    pdf = pikepdf.new()
    page = pdf.add_blank_page(page_size=(200, 200))
    layer = pdf.make_indirect(Dictionary(Type=Name.OCG, Name="a layer"))
    pdf.Root.OCProperties = Dictionary(OCGs=[layer], D=Dictionary(OFF=[layer], Order=[layer]))
    ink = pdf.make_stream(b"1 0 0 rg 0 0 50 50 re f", Type=Name.XObject, Subtype=Name.Form, BBox=[0, 0, 50, 50])
    if where == "page":
        ink.OC = layer
        page.obj.Resources = Dictionary(XObject=Dictionary(Ink=ink))
        page.obj.Contents = pdf.make_stream(b"/Ink Do")
    else:
        stamp = Dictionary(Type=Name.Annot, Subtype=Name.Stamp, F=4, Rect=[20, 20, 70, 70], AP=Dictionary(N=ink))
        (stamp if where == "annotation" else ink).OC = layer
        page.obj.Annots = Array([pdf.make_indirect(stamp)])
    file = io.BytesIO()
    pdf.save(file)
    picture = pypdfium2.PdfDocument(file.getvalue())[0].render(**options).to_pil()
    return int((np.asarray(picture.convert("RGB")) == (255, 0, 0)).all(-1).sum())


check("red pixels, layer off, form in the page", red("page"), 0)
check("annotation", red("annotation"), 2500)
check("annotation, print mode", red("annotation", optimize_mode="print"), 2500)
check("form of its appearance", red("appearance"), 2500)
PY
