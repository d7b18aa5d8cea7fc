#!/usr/bin/env bash
# rapidocr 3.10.0 with its own models: digits that are letter-spaced are read as other characters.
# Guess: the same digits, perhaps with blanks where gaps are wide; the score tells.
# Seen: 34010304 in print of 36 px, recognised alone. Close together the text is right at 1.00. With half a digit between
#   digits some come back as FULLWIDTH DIGITs (U+FF10 and on), mixed with ASCII ones, at 0.6 to 0.7; with one and a half,
#   with a blank between each two, at 0.9 and more.
# So: the code at the foot of a seal is a number only after its digits are mapped to ASCII and joined. `\d` of a regular
#   expression matches wide digits too, so that a pattern finds them, and a key made of them matches nothing.
set -euo pipefail
. "$(dirname "$0")/lib/setup.sh"
# matplotlib is here for its font.
packages rapidocr==3.10.0 onnxruntime==1.32.0 opencv-python-headless==5.0.0.93 numpy==2.4.6 pillow==13.0.0 \
  matplotlib==3.11.2 omegaconf==2.4.0 PyYAML==6.0.4 pyclipper==1.4.0 shapely==2.2.0 six==1.17.0 tqdm==4.70.1 \
  colorlog==6.12.0 requests==2.34.2 urllib3==2.8.0 certifi==2026.10.19.post1 idna==3.20 charset-normalizer==3.5.3 \
  flatbuffers==25.12.19 packaging==26.4 protobuf==7.36.2
python <<'PY'
import importlib.util
import pathlib

import numpy as np
from check import check
from PIL import Image, ImageDraw, ImageFont
from rapidocr import RapidOCR

installed = pathlib.Path(importlib.util.find_spec("matplotlib").origin).parent
font = ImageFont.truetype(installed / "mpl-data/fonts/ttf/DejaVuSans.ttf", 36)
engine = RapidOCR(params={"Global.log_level": "critical"})
NUMBER = "34010304"


def read(gap):
    image = Image.new("RGB", (60 + len(NUMBER) * (23 + gap), 48), "white")
    draw = ImageDraw.Draw(image)
    for place, digit in enumerate(NUMBER):
        draw.text((30 + place * (23 + gap), 2), digit, "black", font)
    result = engine(np.asarray(image), use_det=False, use_cls=False, use_rec=True)
    text, score = result.txts[0], result.scores[0]
    print(f"{gap} px between digits: {text!r} at {score:.2f}")
    return text


close, half, wide = read(0), {read(gap) for gap in (8, 10, 12)}, {read(gap) for gap in (30, 35, 40)}
check("close together it is right", close == NUMBER, True)
check("half a digit apart some digits are wide ones", any("\uff10" <= each <= "\uff19" for text in half for each in text), True)
check("farther apart there are blanks between all digits", " ".join(NUMBER) in wide, True)
PY
