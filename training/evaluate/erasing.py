"""How well stamps are erased: drawn pages against themselves before they were stamped."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from stamp2vec.pipelines import DocumentPipeline
from stamp2vec.values import Preset
from training.evaluate.reading import Line, edits, read, touched_lines
from training.evaluate.unstamped import Box, Case, Imprint, Pixels, cases

COLOURLESS = ("black", "grey")
_INKED = 40  # of 255, of true coverage
_CALLED_FOUND = 0.5  # intersection over union
_SHOWN = 12  # of the montage
_SHOWN_WIDTH = 1500
_WINDOW = 7  # a side of the windows of SSIM
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


@dataclass(frozen=True, slots=True)
class Erased:
    """One stamp: where its ink was, PSNR (dB) and SSIM of the page before and after it was erased, the share of the
    difference to the clean page that is left, and the edits that OCR needs before, after, and on the clean page.
    """

    ink: str
    capture: str
    has_colour: bool
    found: bool
    psnr_before: float
    psnr: float
    ssim_before: float
    ssim: float
    residual: float
    letters: int
    edits_before: int
    edits: int
    edits_clean: int


@dataclass(frozen=True, slots=True)
class Report:
    """A preset's figures for a group of stamps; error rates are of characters."""

    preset: str
    group: str
    stamps: int
    found: float
    psnr_before: float
    psnr: float
    ssim_before: float
    ssim: float
    residual: float
    letters: int
    error_before: float
    error: float
    error_clean: float


def score(presets: Sequence[Preset], pages: int, seed: int, out: Path) -> list[Report]:
    """Erases the stamps of drawn pages with the models of each preset; a montage of the first one is in `out`.

    RuntimeError without Chromium or Tesseract.
    """
    pipelines = {preset: DocumentPipeline.from_preset(preset) for preset in presets}
    found: dict[Preset, list[Erased]] = {preset: [] for preset in presets}
    shown: list[Image.Image] = []
    for case in cases(pages, seed):
        for preset, pipeline in pipelines.items():
            erased, boxes = _erase(pipeline, case)
            found[preset] += _scored(case, erased, boxes)
            if preset is presets[0]:
                shown += [_sample(case, erased, stamp) for stamp in case.stamps]
    _montage(shown[:_SHOWN]).save(out / "erase.png")
    return [report for preset, stamps in found.items() for report in _reports(preset, stamps)]


def _erase(pipeline: DocumentPipeline, case: Case) -> tuple[Pixels, list[Box]]:
    file = io.BytesIO()
    Image.fromarray(case.stamped).save(file, "PNG", compress_level=1)
    (page,) = pipeline(file.getvalue(), include_vectors=False, include_erased_page=True).pages
    if page.erased is None:
        raise RuntimeError("the page could not be read")
    return page.erased, [stamp.box for stamp in page.stamps]


def _scored(case: Case, erased: Pixels, boxes: Iterable[Box]) -> list[Erased]:
    boxes = list(boxes)
    lines = [touched_lines(case, stamp.box) for stamp in case.stamps]
    flat = [line for of_stamp in lines for line in of_stamp]
    texts = [read([_cut(page, line.box) for line in flat]) for page in (case.stamped, erased, case.clean)]
    counts = [[edits(text, line.text) for text, line in zip(texts_of, flat, strict=True)] for texts_of in texts]
    scored, first = [], 0
    for stamp, of_stamp in zip(case.stamps, lines, strict=True):
        part = slice(first, first + len(of_stamp))
        first += len(of_stamp)
        scored.append(_of_stamp(case, erased, boxes, stamp, of_stamp, [sum(each[part]) for each in counts]))
    return scored


def _of_stamp(
    case: Case, erased: Pixels, boxes: Sequence[Box], stamp: Imprint, lines: Sequence[Line], counts: Sequence[int]
) -> Erased:
    x1, y1, x2, y2 = stamp.box
    box = (int(x1), int(y1), int(np.ceil(x2)), int(np.ceil(y2)))
    before, after, clean = (_cut(page, box) for page in (case.stamped, erased, case.clean))
    inked = _cut(case.ink, box) > _INKED
    pixels = before[inked].astype(int)
    has_colour = bool((pixels.max(1) - pixels.min(1)).mean() > 20) if len(pixels) else False
    return Erased(
        stamp.ink,
        case.capture,
        has_colour and stamp.ink not in COLOURLESS,
        max((_overlap(stamp.box, each) for each in boxes), default=0.0) >= _CALLED_FOUND,
        _psnr(before, clean, inked),
        _psnr(after, clean, inked),
        _ssim(before, clean),
        _ssim(after, clean),
        _distance(after, clean, inked) / max(_distance(before, clean, inked), 1e-6),
        sum(len(line.text) for line in lines),
        *counts,
    )


def _cut(page: Pixels, box: tuple[int, int, int, int]) -> Pixels:
    x1, y1, x2, y2 = box
    return page[y1:y2, x1:x2]


def _overlap(one: Box, other: Box) -> float:
    across = min(one[2], other[2]) - max(one[0], other[0])
    down = min(one[3], other[3]) - max(one[1], other[1])
    common = max(0.0, across) * max(0.0, down)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return common / (sum(areas) - common)


def _distance(page: Pixels, clean: Pixels, where: npt.NDArray[np.bool_]) -> float:
    return float(np.abs(page[where].astype(int) - clean[where]).mean()) if where.any() else 0.0


def _psnr(page: Pixels, clean: Pixels, where: npt.NDArray[np.bool_]) -> float:
    error = float(((page[where].astype(float) - clean[where]) ** 2).mean()) if where.any() else 0.0
    return float(10 * np.log10(255**2 / max(error, 0.1)))


def _ssim(page: Pixels, clean: Pixels) -> float:
    """Of grey levels, in square windows (Wang et al. 2004); 1 of what is smaller than one."""
    a, b = page.mean(2), clean.mean(2)
    if min(a.shape) < _WINDOW:
        return 1.0
    mean_a, mean_b = _window_mean(a), _window_mean(b)
    var_a, var_b = _window_mean(a * a) - mean_a**2, _window_mean(b * b) - mean_b**2
    common = _window_mean(a * b) - mean_a * mean_b
    similarity = (2 * mean_a * mean_b + _C1) * (2 * common + _C2)
    return float((similarity / ((mean_a**2 + mean_b**2 + _C1) * (var_a + var_b + _C2))).mean())


def _window_mean(plane: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    sums = np.pad(plane, ((1, 0), (1, 0))).cumsum(0).cumsum(1)
    total = (
        sums[_WINDOW:, _WINDOW:] - sums[:-_WINDOW, _WINDOW:] - sums[_WINDOW:, :-_WINDOW] + sums[:-_WINDOW, :-_WINDOW]
    )
    return np.asarray(total / _WINDOW**2)


def _reports(preset: Preset, stamps: Sequence[Erased]) -> list[Report]:
    groups = {"all": list(stamps)}
    groups["coloured on the page"] = [each for each in stamps if each.has_colour]
    groups["grey or black on the page"] = [each for each in stamps if not each.has_colour]
    groups["coloured, and found"] = [each for each in stamps if each.has_colour and each.found]
    groups["grey or black, and found"] = [each for each in stamps if not each.has_colour and each.found]
    for name in sorted({each.ink for each in stamps}):
        groups[f"ink {name}"] = [each for each in stamps if each.ink == name]
    for name in sorted({each.capture for each in stamps}):
        groups[f"capture {name}"] = [each for each in stamps if each.capture == name]
    return [_report(preset, name, group) for name, group in groups.items() if group]


def _report(preset: Preset, group: str, stamps: Sequence[Erased]) -> Report:
    def mean(name: str) -> float:
        return round(float(np.mean([getattr(each, name) for each in stamps])), 3)

    letters = sum(each.letters for each in stamps)

    def rate(name: str) -> float:
        return round(float(sum(getattr(each, name) for each in stamps)) / max(letters, 1), 4)

    return Report(
        preset.value,
        group,
        len(stamps),
        mean("found"),
        mean("psnr_before"),
        mean("psnr"),
        mean("ssim_before"),
        mean("ssim"),
        mean("residual"),
        letters,
        rate("edits_before"),
        rate("edits"),
        rate("edits_clean"),
    )


def table(reports: Sequence[Report]) -> Iterator[str]:
    """Markdown, a row a group."""
    yield (
        "| preset | stamps | | found | PSNR before, after, dB | SSIM before, after | left | letters "
        "| error before | after | clean |"
    )
    yield "|---|---|---|---|---|---|---|---|---|---|---|"
    for each in reports:
        yield (
            f"| {each.preset} | {each.group} | {each.stamps} | {each.found:.2f} "
            f"| {each.psnr_before:.1f}, {each.psnr:.1f} | {each.ssim_before:.2f}, {each.ssim:.2f} "
            f"| {each.residual:.2f} | {each.letters} | {each.error_before:.3f} | {each.error:.3f} "
            f"| {each.error_clean:.3f} |"
        )


def _sample(case: Case, erased: Pixels, stamp: Imprint) -> Image.Image:
    """The stamp, the page without it, and the truth, beside each other."""
    height, width = case.ink.shape
    x1, y1, x2, y2 = stamp.box
    around = 0.15 * max(x2 - x1, y2 - y1)
    box = (
        max(0, int(x1 - around)),
        max(0, int(y1 - around)),
        min(width, int(x2 + around)),
        min(height, int(y2 + around)),
    )
    row = Image.fromarray(np.hstack([_cut(page, box) for page in (case.stamped, erased, case.clean)]))
    row = row.resize((_SHOWN_WIDTH, max(1, round(row.height * _SHOWN_WIDTH / row.width))))
    ImageDraw.Draw(row).text((4, 2), f"{stamp.ink}, {case.capture}", fill="black")
    return row


def _montage(rows: Sequence[Image.Image]) -> Image.Image:
    sheet = Image.new("RGB", (_SHOWN_WIDTH, max(1, sum(row.height + 6 for row in rows))), "white")
    top = 0
    for row in rows:
        sheet.paste(row, (0, top))
        top += row.height + 6
    return sheet
