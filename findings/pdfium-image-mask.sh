#!/usr/bin/env bash
# pypdfium2 5.15.2: a scan that is stored as an image mask is taken out of a PDF as its negative.
# Guess: get_bitmap() and extract() of a one-bit picture give what the page shows: black ink on white.
# Seen: that holds for a one-bit picture in DeviceGray. Where the same bits are an /ImageMask, as many scanners
#   write text and stamps, both give white ink on black; extract() of 16-bit grey gives white all over. The page is
#   drawn right in all cases, and so is get_bitmap(render=True), whose paper is transparent for a mask.
# So: take pictures out with get_bitmap(render=True), or render the page.
set -euo pipefail
. "$(dirname "$0")/lib/setup.sh"
packages pypdfium2==5.15.2 pikepdf==10.18.0 lxml==6.1.3 packaging==26.4 pillow==13.0.0 numpy==2.4.6
python <<'PY'
import io

import numpy as np
import pikepdf
import pypdfium2
from check import check
from PIL import Image
from pikepdf import Dictionary, Name

paper = np.ones((16, 16), bool)
paper[:4, :4] = False


def pixels(picture):
    """The levels of a pixel with ink and of one without."""
    if picture.mode == "RGBA":
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    grey = np.asarray(picture.convert("L"))
    return int(grey[1, 1]), int(grey[10, 10])


def ways(data, **entries):
    pdf = pikepdf.new()
    page = pdf.add_blank_page(page_size=(16, 16))
    image = pdf.make_stream(data, Type=Name.XObject, Subtype=Name.Image, Width=16, Height=16, **entries)
    page.obj.Resources = Dictionary(XObject=Dictionary(Scan=image))
    page.obj.Contents = pdf.make_stream(b"16 0 0 16 0 0 cm /Scan Do")
    file = io.BytesIO()
    pdf.save(file)
    page = pypdfium2.PdfDocument(file.getvalue())[0]
    found = next(page.get_objects())
    extracted = io.BytesIO()
    found.extract(extracted)
    return {
        "page": pixels(page.render().to_pil()),
        "get_bitmap": pixels(found.get_bitmap().to_pil()),
        "get_bitmap(render)": pixels(found.get_bitmap(render=True).to_pil()),
        "extract": pixels(Image.open(extracted)),
    }


RIGHT, NEGATIVE = (0, 255), (255, 0)
one_bit = np.packbits(paper).tobytes()
seen = ways(one_bit, ColorSpace=Name.DeviceGray, BitsPerComponent=1)
check("DeviceGray, 1 bit (ink, paper)", seen, dict.fromkeys(seen, RIGHT))
seen = ways(one_bit, ImageMask=True, BitsPerComponent=1)
claimed = dict.fromkeys(seen, RIGHT) | dict.fromkeys(("get_bitmap", "extract"), NEGATIVE)
check("ImageMask", seen, claimed)
sixteen = (paper * np.uint16(65535)).astype(">u2").tobytes()
seen = ways(sixteen, ColorSpace=Name.DeviceGray, BitsPerComponent=16)
check("DeviceGray, 16 bits", seen, dict.fromkeys(seen, RIGHT) | {"extract": (255, 255)})
PY
