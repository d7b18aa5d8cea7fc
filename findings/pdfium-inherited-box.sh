#!/usr/bin/env bash
# pypdfium2 5.15.2: get_mediabox() of a page that inherits its box answers with US Letter.
# Guess: the box of the page tree, as the page is drawn in it.
# Seen: get_size() and get_bbox() are right (A4). get_mediabox() and get_cropbox() are (0, 0, 612, 792), with no
#   sign that this is a default; with fallback_ok=False they are None.
# So: who computes where a stamp is on the page from get_mediabox() is 50 points off on valid files. Use get_bbox().
set -euo pipefail
. "$(dirname "$0")/lib/setup.sh"
packages pypdfium2==5.15.2 pikepdf==10.18.0 lxml==6.1.3 packaging==26.4 pillow==13.0.0
python <<'PY'
import io

import pikepdf
import pypdfium2
from check import check

pdf = pikepdf.new()
page = pdf.add_blank_page(page_size=(595, 842))
pdf.Root.Pages.MediaBox = page.obj.MediaBox
del page.obj.MediaBox
file = io.BytesIO()
pdf.save(file)
page = pypdfium2.PdfDocument(file.getvalue())[0]
check("get_size()", page.get_size(), (595, 842))
check("get_bbox()", page.get_bbox(), (0, 0, 595, 842))
check("get_mediabox()", page.get_mediabox(), (0, 0, 612, 792))
check("get_cropbox()", page.get_cropbox(), (0, 0, 612, 792))
check("get_mediabox(fallback_ok=False)", page.get_mediabox(fallback_ok=False), None)
PY
