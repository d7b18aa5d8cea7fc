"""How well drawn stamps are unrolled: their outline and bands against the die's own, and lines against its rotation."""

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from stamp2vec.pipelines import SegmentationPipeline
from stamp2vec.reading import unroll
from stamp2vec.strips import Line, Ring, Strip
from training.detector.pages import OUTLINE
from training.evaluate.montage import PAPER, Tile, sheet
from training.synth.crops import RENDER_PX_PER_MM, Shot, shoot
from training.synth.die import DieKind, DieSpec, die_spec
from training.synth.dies.elements import ArcText, Point
from training.synth.dies.elements import Ring as DrawnRing
from training.synth.dies.raster import rasterise_placed
from training.synth.fonts import Split

FIRST_FAMILY = 20_000_000  # no set of crops has these
DPI = (150.0, 300.0)
RINGS = (DieKind.ROUND, DieKind.STAR_ROUND, DieKind.NOTARY, DieKind.OVAL, DieKind.POSTMARK)
LINES = (DieKind.RECTANGLE, DieKind.TRIANGLE, DieKind.WORD, DieKind.DATE)
CAPITALS = 0.36  # of the em, above and below the middle of capitals
BAND_ERROR = 0.05  # of the radius, by which letters may reach out of a band: readers lose 2 % there, and more beyond
CENTRE_ERROR = 0.06  # of the radius: likewise
DETECTOR_ERROR = 6.0  # degrees, the deviation of the rotation that is given
TURN_ERROR = 2.0  # degrees
BATCH = 32
COLUMNS = (
    *("slice", "stamps", "refused", "centre", "p90", "within 0.06 R", "edge", "p90"),
    *("texts in a band", "turn", "within 2 degrees", "CPU ms"),
)
WORST, TILE_COLUMNS, TILE = 12, 2, (700, 210)


@dataclass(frozen=True, slots=True)
class Unrolled:
    """One stamp. Errors are shares of the mean radius of its outline, or degrees; None where there is none to measure.

    `texts` are its bent lines of text, `held` those that a band around the right centre holds.
    """

    kind: str
    capture: str
    visible: float
    refused: bool
    cpu_ms: float
    centre: float | None = None
    edge: float | None = None
    texts: int = 0
    held: int = 0
    turn: float | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """The figures of a slice; shares and quantiles are of the stamps that were not refused."""

    by: str
    value: str
    stamps: int
    refused: float
    centre: float | None
    centre_p90: float | None
    centre_right: float | None
    edge: float | None
    edge_p90: float | None
    held: float | None
    turn: float | None
    turn_right: float | None
    cpu_ms: float


def score(count: int, out: Path) -> list[Row]:
    """The figures of `count` families a kind, with the masks of the bundled segmenter, and unroll.png in `out`."""
    segmenter = SegmentationPipeline.from_pretrained("stamp-unet")
    rng = np.random.default_rng(0)
    results: list[Unrolled] = []
    tiles: list[tuple[float, Tile]] = []
    shots = list(_shots(count))
    for first in range(0, len(shots), BATCH):
        some = shots[first : first + BATCH]
        masks = segmenter([shot.image for _, _, shot in some])
        for (spec, origin, shot), mask in zip(some, masks, strict=True):
            turn = math.degrees(math.atan2(shot.to_crop[1, 0], shot.to_crop[0, 0]))
            begin = time.process_time()
            strips = unroll(shot.image, mask, OUTLINE[spec.kind], turn + rng.normal(0, DETECTOR_ERROR))
            cpu_ms = 1000 * (time.process_time() - begin)
            result = _measured(spec, origin, shot, strips, turn, cpu_ms)
            results.append(result)
            badness = 9.0 if result.refused else max(result.edge or 0.0, (result.turn or 0.0) / 90)
            tiles.append((badness, _tile(shot, strips, result)))
    tiles.sort(key=lambda each: -each[0])
    out.mkdir(parents=True, exist_ok=True)
    worst = [tile for _, tile in tiles[:WORST]]
    sheet([(f"The worst {len(worst)} of {len(tiles)}", worst)], TILE, TILE_COLUMNS).save(out / "unroll.png")
    return list(_rows(results))


def table(rows: Sequence[Row]) -> Iterator[str]:
    """Markdown, a line a slice."""
    yield f"| {' | '.join(COLUMNS)} |"
    yield "|" + "---|" * len(COLUMNS)
    for row in rows:
        cells = (
            f"{row.by}: {row.value}",
            str(row.stamps),
            f"{row.refused:.1%}",
            _cell(row.centre, ".3f"),
            _cell(row.centre_p90, ".3f"),
            _cell(row.centre_right, ".1%"),
            _cell(row.edge, ".3f"),
            _cell(row.edge_p90, ".3f"),
            _cell(row.held, ".1%"),
            _cell(row.turn, ".2f"),
            _cell(row.turn_right, ".1%"),
            f"{row.cpu_ms:.0f}",
        )
        yield f"| {' | '.join(cells)} |"


def _cell(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def _shots(count: int) -> Iterator[tuple[DieSpec, Point, Shot]]:
    """A stamp of each kind, of each family, with the place of the die's origin on its relief."""
    for number in range(count):
        for index, kind in enumerate((*RINGS, *LINES)):
            spec = die_spec(FIRST_FAMILY + number, 0, Split.TEST, kind)
            relief, origin = rasterise_placed(spec.design, RENDER_PX_PER_MM)
            shot = shoot(np.random.default_rng([number, index]), spec, relief, Split.TEST, DPI)
            yield spec, origin, shot


def _measured(
    spec: DieSpec, origin: Point, shot: Shot, strips: tuple[Strip, ...], turn: float, cpu_ms: float
) -> Unrolled:
    kind, capture = spec.kind.value, shot.capture
    if not strips:
        return Unrolled(kind, capture, shot.visible, True, cpu_ms)
    place = strips[0].place
    if isinstance(place, Line):
        error = abs((place.angle_degrees - turn + 180) % 360 - 180)
        return Unrolled(kind, capture, shot.visible, False, cpu_ms, turn=error)
    outline = max((one for one in spec.design.elements if isinstance(one, DrawnRing)), key=lambda one: one.rx)
    true = _on_crop(outline, origin, shot)
    centre = true.mean(0)
    radius = float(np.hypot(*(true - centre).T).mean())
    away = math.hypot(place.ellipse.x - centre[0], place.ellipse.y - centre[1]) / radius
    edge = float(abs(place.ellipse.radii(true) - 1).max())
    texts = [one for one in spec.design.elements if isinstance(one, ArcText)]
    bands = [each.place for each in strips if isinstance(each.place, Ring)]
    held = sum(_is_held(text, outline, bands) for text in texts) if away < CENTRE_ERROR else 0
    return Unrolled(kind, capture, shot.visible, False, cpu_ms, away, edge, len(texts), held)


def _on_crop(outline: DrawnRing, origin: Point, shot: Shot) -> np.ndarray:
    """The outer edge of a die's ring, (N, 2), x and y in pixels of the crop."""
    turns = np.linspace(0, 2 * np.pi, 360, endpoint=False)
    x = outline.x + (outline.rx + outline.width / 2) * np.cos(turns)
    y = outline.y + (outline.ry + outline.width / 2) * np.sin(turns)
    relief = np.column_stack([x, y]) * RENDER_PX_PER_MM + np.array(origin)
    return np.asarray(relief @ shot.to_crop[:, :2].T + shot.to_crop[:, 2])


def _is_held(text: ArcText, outline: DrawnRing, bands: Sequence[Ring]) -> bool:
    radius = (outline.rx + outline.ry + outline.width) / 2
    middle = 1 - (outline.rx + outline.width / 2 - text.rx) / radius
    inner, outer = middle - CAPITALS * text.em / radius, middle + CAPITALS * text.em / radius
    return any(max(band.inner - inner, outer - band.outer) < BAND_ERROR for band in bands)


def _rows(results: Sequence[Unrolled]) -> Iterator[Row]:
    for name, kinds in (("rings", RINGS), ("lines", LINES)):
        yield figures_of("all", name, [each for each in results if DieKind(each.kind) in kinds])
    for kind in (*RINGS, *LINES):
        yield figures_of("kind", kind.value, [each for each in results if each.kind == kind.value])
    rings = [each for each in results if DieKind(each.kind) in RINGS]
    for capture in sorted({each.capture for each in rings}):
        yield figures_of("rings, capture", capture, [each for each in rings if each.capture == capture])
    for name, low, high in (("below 0.5", 0.0, 0.5), ("0.5 to 0.8", 0.5, 0.8), ("from 0.8", 0.8, 2.0)):
        yield figures_of("rings, visible ink", name, [each for each in rings if low <= each.visible < high])


def figures_of(by: str, value: str, results: Sequence[Unrolled]) -> Row:
    """The figures of a slice, named `by` and `value`."""
    centre = np.array([each.centre for each in results if each.centre is not None])
    edge = np.array([each.edge for each in results if each.edge is not None])
    turn = np.array([each.turn for each in results if each.turn is not None])
    texts = sum(each.texts for each in results)
    return Row(
        by=by,
        value=value,
        stamps=len(results),
        refused=float(np.mean([each.refused for each in results])) if results else 0.0,
        centre=_quantile(centre, 0.5),
        centre_p90=_quantile(centre, 0.9),
        centre_right=float((centre < CENTRE_ERROR).mean()) if len(centre) else None,
        edge=_quantile(edge, 0.5),
        edge_p90=_quantile(edge, 0.9),
        held=sum(each.held for each in results) / texts if texts else None,
        turn=_quantile(turn, 0.5),
        turn_right=float((turn < TURN_ERROR).mean()) if len(turn) else None,
        cpu_ms=float(np.mean([each.cpu_ms for each in results])) if results else 0.0,
    )


def _quantile(values: np.ndarray, share: float) -> float | None:
    return float(np.quantile(values, share)) if len(values) else None


def _tile(shot: Shot, strips: Sequence[Strip], result: Unrolled) -> Tile:
    """The stamp with the ellipse that was fitted, and its strips beside it."""
    width, height = TILE[0] - 4, TILE[1] - 4
    picture = Image.new("RGB", (width, height), PAPER)
    stamp = Image.fromarray(shot.image)
    if strips and isinstance(strips[0].place, Ring):
        points = strips[0].place.ellipse.points(np.linspace(0, 2 * np.pi, 90))
        ImageDraw.Draw(stamp).line([(x, y) for x, y in points.tolist()], (220, 30, 30), 2)
    stamp.thumbnail((height, height))
    picture.paste(stamp)
    top = 0
    for strip in strips:
        shown = Image.fromarray(strip.pixels)
        shown.thumbnail((width - height - 8, 90))
        picture.paste(shown, (height + 8, top))
        top += shown.height + 4
    said = "refused" if result.refused else f"centre {_cell(result.centre, '.3f')}, edge {_cell(result.edge, '.3f')}"
    return Tile(picture, (f"{said}, turn {_cell(result.turn, '.1f')}", f"{result.kind}, {result.capture}"))
