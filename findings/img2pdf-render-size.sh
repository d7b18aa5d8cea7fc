#!/usr/bin/env bash
# img2pdf 0.6.3 with pypdfium2 5.15.2: a scan that is put into a PDF does not come out of it pixel by pixel.
# Guess: a page of img2pdf rendered at the resolution of its scan, scale=dpi/72, is that scan again.
# Seen: A4 at 150 dpi, 1240 x 1754, comes out as 1241 x 1754: sizes in points are rounded up. The whole page is then
#   resampled, and thin black and white lines turn grey. FPDF_RenderPageBitmapWithMatrix into a bitmap of the right
#   size gives each pixel back.
# So: a service that renders uploaded scans blurs stamps by half a pixel. Take the picture out of the page, or
#   render with a matrix.
set -euo pipefail
. "$(dirname "$0")/lib/setup.sh"
packages img2pdf==0.6.3 pypdfium2==5.15.2 pikepdf==10.18.0 lxml==6.1.3 packaging==26.4 pillow==13.0.0 numpy==2.4.6
python <<'PY'
import io

import img2pdf
import numpy as np
import pypdfium2
import pypdfium2.raw as raw
from check import check
from PIL import Image

WIDTH, HEIGHT, DPI = 1240, 1754, 150
scan = np.zeros((HEIGHT, WIDTH), bool)
scan[:, ::2] = True
file = io.BytesIO()
Image.fromarray(scan).save(file, "TIFF", compression="group4", dpi=(DPI, DPI))
page = pypdfium2.PdfDocument(img2pdf.convert(file.getvalue()))[0]

picture = page.render(scale=DPI / 72).to_pil().convert("L")
check("render(scale=dpi/72): size", picture.size, (WIDTH + 1, HEIGHT))
grey = np.asarray(picture)
share = ((grey > 0) & (grey < 255)).mean()
print(f"share of grey pixels: {share:.2f}")
check("more than a third", bool(share > 1 / 3), True)

bitmap = pypdfium2.PdfBitmap.new_native(WIDTH, HEIGHT, raw.FPDFBitmap_BGR)
bitmap.fill_rect((255, 255, 255, 255), 0, 0, WIDTH, HEIGHT)
scale = DPI / 72
raw.FPDF_RenderPageBitmapWithMatrix(
    bitmap, page, raw.FS_MATRIX(scale, 0, 0, scale, 0, 0), raw.FS_RECTF(0, 0, WIDTH, HEIGHT), 0
)
same = np.array_equal(np.asarray(bitmap.to_pil().convert("L")), scan * np.uint8(255))
check("with a matrix: equal to the scan", same, True)
PY
