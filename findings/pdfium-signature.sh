#!/usr/bin/env bash
# pypdfium2 5.15.2: the visible part of a digital signature is not drawn unless the document is told to have forms.
# Guess: render() draws annotations by default (draw_annots=True), and so the picture that a signature field shows.
# Seen: not one of its pixels. After doc.init_forms() it is drawn, but only on pages that are opened after that;
#   then also with draw_annots=False. may_draw_forms=False turns it off.
# So: signing tools put seals into signature fields. Call init_forms() right after opening a file, before any page,
#   or a signed page comes out without its seal.
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

pdf = pikepdf.new()
page = pdf.add_blank_page(page_size=(200, 200))
seal = pdf.make_stream(b"1 0 0 rg 0 0 50 50 re f", Type=Name.XObject, Subtype=Name.Form, BBox=[0, 0, 50, 50])
field = Dictionary(Type=Name.Annot, Subtype=Name.Widget, FT=Name.Sig, T="Signature", F=132, Rect=[20, 20, 70, 70])
field.AP = Dictionary(N=seal)
field = pdf.make_indirect(field)
page.obj.Annots = Array([field])
pdf.Root.AcroForm = Dictionary(Fields=Array([field]), SigFlags=3)
file = io.BytesIO()
pdf.save(file)


def red(page, **options):
    picture = np.asarray(page.render(**options).to_pil().convert("RGB"))
    return int((picture == (255, 0, 0)).all(-1).sum())


check("red pixels of 2,500, plain", red(pypdfium2.PdfDocument(file.getvalue())[0]), 0)
document = pypdfium2.PdfDocument(file.getvalue())
early = document[0]
document.init_forms()
check("init_forms() after the page was opened", red(early), 0)
late = document[0]
check("init_forms() before", red(late), 2500)
check("and draw_annots=False", red(late, draw_annots=False), 2500)
check("and may_draw_forms=False", red(late, may_draw_forms=False), 0)
PY
