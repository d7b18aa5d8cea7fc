#!/usr/bin/env bash
# rapidocr 3.10.0 with its own models: Cyrillic is read as a blank space, with a high score.
# Guess: look-alike Latin letters, or a low score that a threshold notices.
# Seen: clean print of 34 px in DejaVu Sans: three of four Russian lines are read as one blank space, at scores of
#   0.89 to 0.98, where a Latin line is right at 0.97. No Cyrillic letter is among the classes of the model.
# So: no threshold tells that a seal of a Russian or Bulgarian office was not read. Count the letters that come
#   back, or compare the script of the text with what the model has.
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
import onnxruntime
from check import check
from PIL import Image, ImageDraw, ImageFont
from rapidocr import RapidOCR

installed = pathlib.Path(importlib.util.find_spec("matplotlib").origin).parent
font = ImageFont.truetype(installed / "mpl-data/fonts/ttf/DejaVuSans.ttf", 34)
engine = RapidOCR(params={"Global.log_level": "critical"})


def read(text):
    strip = Image.new("RGB", (int(font.getlength(text)) + 20, 48), "white")
    ImageDraw.Draw(strip).text((10, 4), text, font=font, fill=(20, 30, 160))
    found = engine(np.asarray(strip)[..., ::-1], use_det=False, use_cls=False, use_rec=True)
    print(f"{text!r} is read as {found.txts[0]!r}, score {found.scores[0]:.2f}")
    return found.txts[0], found.scores[0]


check("a Latin line", read("NOTARY PUBLIC")[0], "NOTARY PUBLIC")
lines = [read(text) for text in ("НОТАРИУС ГОРОДА", "АКЦИОНЕРНОЕ ОБЩЕСТВО", "ДЛЯ ДОКУМЕНТОВ", "ПЕЧАТЬ")]
blank = [score for text, score in lines if not text.strip()]
check("Cyrillic lines of 4 read as a blank, score above 0.85", sum(score > 0.85 for score in blank), 3)
models = pathlib.Path(importlib.util.find_spec("rapidocr").origin).parent / "models"
session = onnxruntime.InferenceSession(next(models.glob("*rec*.onnx")), providers=["CPUExecutionProvider"])
classes = session.get_modelmeta().custom_metadata_map["character"].splitlines()
check("classes, thousands", round(len(classes) / 1000), 19)
check("Cyrillic letters among them", sum("\u0400" <= each <= "\u04ff" for each in classes), 0)
PY
