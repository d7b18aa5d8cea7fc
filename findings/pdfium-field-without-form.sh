#!/usr/bin/env bash
# pypdfium2 5.15.2: a signature field is drawn or not by which of two ways PDFium is told of forms.
# Guess: where the file has no form (/AcroForm), as after some tools merge or split pages, its fields are drawn by
#   init_forms() like others, or cannot be drawn at all.
# Seen: init_forms() returns False, and render() draws none of the field's pixels. FPDFDOC_InitFormFillEnvironment of
#   pypdfium2.raw, which init_forms() does not call then, takes the file, and FPDF_FFLDraw draws the whole field.
# So: to show a page as viewers do, call the raw function for every file, whatever get_formtype() says.
set -euo pipefail
. "$(dirname "$0")/lib/setup.sh"
packages pypdfium2==5.15.2 pikepdf==10.18.0 lxml==6.1.3 packaging==26.4 pillow==13.0.0 numpy==2.4.6
python <<'PY'
import io
import warnings

import numpy as np
import pikepdf
import pypdfium2
import pypdfium2.raw as pdfium
from check import check
from pikepdf import Array, Dictionary, Name

warnings.simplefilter("ignore")  # pikepdf warns of the field
pdf = pikepdf.new()
page = pdf.add_blank_page(page_size=(200, 200))
seal = pdf.make_stream(b"1 0 0 rg 0 0 50 50 re f", Type=Name.XObject, Subtype=Name.Form, BBox=[0, 0, 50, 50])
field = Dictionary(Type=Name.Annot, Subtype=Name.Widget, FT=Name.Sig, T="Signature", F=132, Rect=[20, 20, 70, 70])
field.AP = Dictionary(N=seal)
page.obj.Annots = Array([pdf.make_indirect(field)])
file = io.BytesIO()
pdf.save(file)


def red(picture):
    return int((picture == (255, 0, 0)).all(-1).sum())


document = pypdfium2.PdfDocument(file.getvalue())
check("init_forms()", document.init_forms(), False)
check("red pixels of 2,500", red(np.asarray(document[0].render().to_pil().convert("RGB"))), 0)

document = pypdfium2.PdfDocument(file.getvalue())
forms = pdfium.FPDFDOC_InitFormFillEnvironment(document.raw, pdfium.FPDF_FORMFILLINFO(version=2))
page = document[0]
picture = np.full((200, 200, 3), 255, np.uint8)
bitmap = pdfium.FPDFBitmap_CreateEx(200, 200, pdfium.FPDFBitmap_BGR, picture.ctypes.data, 600)
flags = pdfium.FPDF_ANNOT | pdfium.FPDF_REVERSE_BYTE_ORDER
pdfium.FPDF_FFLDraw(forms, bitmap, page.raw, 0, 0, 200, 200, 0, flags)
check("by the raw functions", red(picture), 2500)
page.close()
pdfium.FPDFDOC_ExitFormFillEnvironment(forms)
PY
