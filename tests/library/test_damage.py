"""A picture that can be read in part: whoever gets a result that has no place for that is warned."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stamp2vec.client import calls
from stamp2vec.errors import DamagedImageWarning
from stamp2vec.imaging import decode_image
from stamp2vec.pipelines.pipeline import to_array
from stamp2vec.v1 import common_pb2, detector_pb2, gateway_pb2
from stamp2vec.values import Preset


def damaged() -> bytes:
    """A TIFF of several strips, the first of which is overwritten."""
    file = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (400, 400, 3), np.uint8)
    Image.fromarray(noise).save(file, "TIFF", compression="tiff_deflate")
    data = file.getvalue()
    with Image.open(file) as picture:
        offset, size = picture.tag_v2[273][0], picture.tag_v2[279][0]  # type: ignore[attr-defined]
    overwritten: bytes = data[:offset] + b"\xff" * size + data[offset + size :]
    return overwritten


def test_the_library_warns(tmp_path: Path) -> None:
    path = tmp_path / "damaged.tif"
    path.write_bytes(damaged())
    with pytest.warns(DamagedImageWarning, match="damaged and may hide stamps"):
        decode_image(damaged())
    for picture in (damaged(), path):
        with pytest.warns(DamagedImageWarning, match="damaged and may hide stamps"):
            to_array(picture)


def test_clients_warn_of_what_the_gateway_tells() -> None:
    call = calls.detect([b""], Preset.FAST, min_score=None, max_overlap=None, max_detections=None, bulk=False)
    status = common_pb2.ItemStatus(warnings=["rows from 80 on are damaged: scan the page again"])
    response = gateway_pb2.DetectStampsResponse(results=[detector_pb2.DetectResult(status=status)])
    with pytest.warns(DamagedImageWarning, match="rows from 80 on"):
        assert call.read(response) == [[]]
