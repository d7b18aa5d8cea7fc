"""What fuzzing starts with: small files of every kind that is read, and of kinds that are not.

`python -m tests.fuzz.corpus FOLDER` writes them, a folder a target; `found/` has those in which fuzzing found faults.
"""

import io
import json
import sys
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from pikepdf import Array, Dictionary, Encryption, Name, Page, Pdf
from PIL import Image

from services.runtime.oip.v2 import open_inference_pb2
from stamp2vec.v1 import common_pb2, gateway_pb2
from tests.formats.pdfs import annotation, content, keys, layered, pdf, picture
from tests.formats.scenes import colours, fax_page, greys
from tests.formats.tiff_writer import by_pillow, page, write

FOUND = Path(__file__).parent / "found"
_SIDE = 16


def seeds() -> Mapping[str, Mapping[str, bytes]]:
    """Files by the name of their target and their own."""
    return {
        "answers": _answers(),
        "channel": {"two": b"\2\0\0\0{}\2\0\0\0{}", "long": b"\xff\xff\xff\xff{}", "cut": b"\x09\0\0\0{"},
        "pages": {"list": b"\x091-3,7", "open": b"\x095-", "spaces": b"\x09 1 - 2 ,3", "nonsense": b"\x09two"},
        "parts": {
            **_pdfs(),
            "jpeg": _saved("JPEG"),
            "flate": zlib.compress(bytes(1000)),
            "hex": b"00ff>",
            "85": b"z~>",
        },
        "pdf": _pdfs(),
        "pdf_objects": {name: b"\xff" + _as_written_by_pdfium(data) for name, data in _pdfs().items()},
        "request": _requests(),
        "tensors": _tensors(),
        "picture": {kind: _saved(kind) for kind in ("JPEG", "PNG", "WEBP", "BMP", "JPEG2000", "PPM", "GIF", "MPO")},
        "tiff": dict(_tiffs()),
    }


def found() -> list[Path]:
    """Files of found/, in folders by their target."""
    return [path for path in sorted(FOUND.glob("*/*")) if path.is_file()]


def _requests() -> dict[str, bytes]:
    """One of each method that is checked, its number before it."""
    raw = common_pb2.RawImage(data=bytes(3 * _SIDE * _SIDE), height=_SIDE, width=_SIDE, channels=3)
    image = common_pb2.Image(raw=raw)
    messages = (
        gateway_pb2.AnalyzeDocumentRequest(document=b"%PDF", min_score=0.5, pages="1-3", prior=0.5),
        gateway_pb2.EraseStampsRequest(document=b"II*", pages="2"),
        gateway_pb2.DetectStampsRequest(images=[image], max_detections=3, min_score=0.1),
        gateway_pb2.SegmentStampsRequest(images=[image]),
        gateway_pb2.CompareStampsRequest(a=gateway_pb2.Comparand(image=image), b=gateway_pb2.Comparand(image=image)),
    )
    return {type(each).__name__: bytes([place]) + each.SerializeToString() for place, each in enumerate(messages)}


def _tensors() -> dict[str, bytes]:
    """Images as bytes, and as numbers."""
    tensor = open_inference_pb2.ModelInferRequest.InferInputTensor(name="images", datatype="UINT8", shape=[1, 8, 8, 3])
    raw = open_inference_pb2.ModelInferRequest(inputs=[tensor], raw_input_contents=[bytes(192)])
    tensor.contents.uint_contents.extend([7] * 192)
    typed = open_inference_pb2.ModelInferRequest(inputs=[tensor], id="a")
    return {"raw": raw.SerializeToString(), "typed": typed.SerializeToString()}


def _answers() -> dict[str, bytes]:
    overlay = {"source": "annotation", "box": [0, 0, 8, 8]}
    info = {
        "height": 8, "width": 8, "resolution": {"x": 200, "y": 200}, "to_points": [1, 0, 0, 1, 0, 0], "label": "iv",
        "warnings": ["a part is damaged"], "overlays": [overlay],
    }  # fmt: skip
    plain = info | {"resolution": None, "to_points": None, "overlays": []}
    messages: dict[str, list[dict[str, object]]] = {
        "page": [{"room": [8, 8]}, {"info": info}],
        "plain": [{"room": [8, 8]}, {"info": plain}],
        "invalid": [{"invalid": "the page is damaged: send it again"}],
        "no room": [{"room": [8000, 8000]}, {"no_room": True}],
        "memory": [{"memory": True}],
    }
    return {name: "\n".join(map(json.dumps, lines)).encode() for name, lines in messages.items()}


def _saved(kind: str) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(colours(_SIDE, _SIDE)).save(buffer, kind, dpi=(204, 98))
    return buffer.getvalue()


def _tiffs() -> Iterator[tuple[str, bytes]]:
    colour, grey = colours(_SIDE, _SIDE), greys(_SIDE, _SIDE)
    for compression in ("tiff_adobe_deflate", "tiff_lzw", "packbits", "zstd", "lzma", "jpeg"):
        yield compression, by_pillow(colour, compression=compression)
    for compression in ("group3", "group4", "tiff_ccitt"):
        yield compression, by_pillow(fax_page(_SIDE, _SIDE), compression=compression)
    yield "palette", by_pillow(Image.fromarray(colour).quantize(16))
    yield "CMYK", by_pillow(Image.fromarray(colour).convert("CMYK"))
    yield "alpha", by_pillow(Image.fromarray(colour).convert("RGBA"))
    yield "strips", write([page(grey, rows_per_strip=3, t274=6, t282=204.0, t283=98.0)]).data
    yield "big, of two pages", write([page(grey.astype(np.uint16)), page(colour)], ">", big=True).data
    yield "floats", write([page(grey.astype(np.float32), t262=0)], ">").data


def _pdfs() -> dict[str, bytes]:
    def labels(document: Pdf, _: Page) -> None:
        document.Root.PageLabels = Dictionary(Nums=Array([0, Dictionary(S=Name.r)]))

    scan = picture(colours(_SIDE, _SIDE), (50, 0, 0, 50, 0, 0))
    return {
        "scan": pdf(scan, labels, size=(50, 50)),
        "stamp in a layer": pdf(annotation(), layered(is_on=False)),
        "boxes": pdf(keys(CropBox=[10, 10, 60, 60], Rotate=90, UserUnit=2.0), content("0 0 90 90 re f"), pages=3),
        "password": pdf(encryption=Encryption(owner="secret", user="")),
    }


def _as_written_by_pdfium(data: bytes) -> bytes:
    """Its objects one after the other, none of them in a stream, with lines that end as PDFium's do."""
    buffer = io.BytesIO()
    with Pdf.open(io.BytesIO(data)) as document:
        document.save(buffer, compress_streams=False)
    plain = buffer.getvalue()
    for line in (b" obj", b"stream", b"endobj"):
        plain = plain.replace(line + b"\n", line + b"\r\n")
    return plain


def main(folder: Path) -> None:
    """Writes all of them, those of found/ too."""
    files = {target: dict(named) for target, named in seeds().items()}
    for path in found():
        files[path.parent.name][path.name] = path.read_bytes()
    for target, named in files.items():
        (folder / target).mkdir(parents=True, exist_ok=True)
        for name, data in named.items():
            (folder / target / name.replace(" ", "-")).write_bytes(data)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
