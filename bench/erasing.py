"""What erasing the stamps of a page costs: `python -m bench.erasing`.

Processor time and the most memory of the decoder's process, which erases and writes the file, beside reading it; the
stamps of the sample page, as a file of each kind and resolution. Finding them is not counted.
"""

import argparse
import io
import itertools
import os
from pathlib import Path

import img2pdf
import torch
from PIL import Image

from stamp2vec.decoding import Decoder, DecoderLimits, SharedFile
from stamp2vec.document import EraseOptions, plans
from stamp2vec.imaging import Limits
from stamp2vec.pipelines import DocumentPipeline
from stamp2vec.values import Preset

SAMPLE = Path(__file__).parent.parent / "docs" / "sample" / "page.jpg"
_MOST_BYTES = 2**28
_LIMITS = DecoderLimits(page_s=60.0, memory_bytes=2**30)


def main() -> None:
    """Print the table."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    torch.set_num_threads(1)
    pipeline = DocumentPipeline.from_preset(Preset.FAST)
    print("| file | megapixels | stamps | reading, CPU ms | erasing | writing | peak, MiB | file before, kB | after |")
    print("|---|---|---|---|---|---|---|---|---|")
    for dpi in (150, 300, 600):
        with Image.open(SAMPLE) as page:
            image = page.convert("RGB").resize((page.width * dpi // 150, page.height * dpi // 150))
        for kind in ("JPEG", "PNG", "TIFF", "PDF"):
            print(_row(pipeline, _saved(image, kind, dpi), f"{kind}, {dpi} dpi", image.width * image.height / 1e6))


def _saved(image: Image.Image, kind: str, dpi: int) -> bytes:
    file = io.BytesIO()
    if kind == "TIFF":
        image.save(file, "TIFF", compression="tiff_lzw", dpi=(dpi, dpi))
    else:
        image.save(file, "JPEG" if kind == "PDF" else kind, dpi=(dpi, dpi))
    return bytes(img2pdf.convert(file.getvalue())) if kind == "PDF" else file.getvalue()


def _row(pipeline: DocumentPipeline, data: bytes, name: str, megapixels: float) -> str:
    options = EraseOptions()
    result = pipeline(data, include_vectors=False, include_masks=True)
    (plan,) = plans(result, options)
    decoder = Decoder(_LIMITS)
    try:
        with SharedFile(data) as file:
            decoder.open(file, Limits(), "document", None)
            times = [_cpu_ms(decoder.pid)]
            decoder.read(0, lambda _: True)
            times.append(_cpu_ms(decoder.pid))
            decoder.erase(0, plan.marks)
            times.append(_cpu_ms(decoder.pid))
            new = decoder.rewritten(_MOST_BYTES)
            times.append(_cpu_ms(decoder.pid))
            peak_mib = _peak_kib(decoder.pid) / 1024
    finally:
        decoder.close()
    reading, erasing, writing = (after - before for before, after in itertools.pairwise(times))
    return (
        f"| {name} | {megapixels:.1f} | {len(plan.marks)} | {reading:.0f} | {erasing:.0f} | {writing:.0f} "
        f"| {peak_mib:.0f} | {len(data) / 1000:.0f} | {len(new.data) / 1000:.0f} |"
    )


def _cpu_ms(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")


def _peak_kib(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])


if __name__ == "__main__":
    main()
