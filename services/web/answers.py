"""What callers get: the schemas of the answers, and the values of the library as JSON."""

import base64
from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, Field

from services.web.gateway import DocumentAnswer, PageAnswer
from services.web.problems import Problem, problem
from stamp2vec.cli.rows import page_row, place_row, rounded
from stamp2vec.document import measured_with, threshold_of
from stamp2vec.document.stamps import StampPngs
from stamp2vec.strips import Reading
from stamp2vec.texts import Script
from stamp2vec.values import Comparison, InkColour, ModelInfo, Preset, Source, Stamp, StampType, Task, Verdict
from stamp2vec.wire.png import encode_png

_STAGES = ("decode", "detect", "segment", "embed", "compare", "read", "erase", "total")
_PLANES = ("a_ink", "b_ink", "agrees", "contradicts")  # of an overlay


class State(StrEnum):
    """Of a job."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class Arc(BaseModel):
    """A part of a ring: text runs from start to end, counter-clockwise where it is inward."""

    start_degrees: float
    end_degrees: float
    inward: bool
    inner_radius: float
    outer_radius: float


class Line(BaseModel):
    """A line of text; empty where no engine could read it."""

    text: str
    script: Script | None
    confidence: float = Field(description="The probability that it is right to the letter.")
    box: list[float] = Field(min_length=4, max_length=4)
    arc: Arc | None
    doubtful: bool


class Date(BaseModel):
    """A date in a line, counted from 0."""

    iso: str = Field(description="YYYY-MM-DD; empty where the order of day and month cannot be told.")
    text: str
    line: int
    confidence: float
    doubtful: bool


class Number(BaseModel):
    """A number in a line, counted from 0."""

    digits: str
    text: str
    line: int
    confidence: float
    doubtful: bool


class Text(BaseModel):
    """What a stamp says, in reading order."""

    lines: list[Line]
    dates: list[Date]
    numbers: list[Number]
    words: list[str]
    warnings: list[str]


class RingAnswer(BaseModel):
    """A band around the centre of a stamp, in pixels of its crop; angles are clockwise."""

    centre: list[float] = Field(min_length=2, max_length=2)
    semi_axes: list[float] = Field(min_length=2, max_length=2, description="Of the stamp's edge, the longer one first.")
    rotation_degrees: float = Field(description="Of the longer one, from the x axis.")
    inner: float = Field(description="1 is the stamp's edge, 0 lies its mean semi-axis farther in.")
    outer: float
    start_degrees: float = Field(description="From the top of the crop.")
    span_degrees: float
    reading: Reading


class LineAnswer(BaseModel):
    """A rectangle around lines of text, in pixels of the crop."""

    centre: list[float] = Field(min_length=2, max_length=2)
    width: float
    height: float
    angle_degrees: float


class StripAnswer(BaseModel):
    """A part of a stamp whose text is straight and upright, from a ring or a line."""

    pixels_png: str = Field(description="Base64.")
    ink_png: str = Field(description="Base64; grey, 255 is ink.")
    ring: RingAnswer | None = None
    line: LineAnswer | None = None


class StampAnswer(BaseModel):
    """A stamp; boxes are x1, y1, x2, y2 in pixels of the page."""

    box: list[float] = Field(min_length=4, max_length=4)
    score: float
    type: StampType
    angle_degrees: float
    ink_colour: InkColour | None
    source: Source
    box_points: list[float] | None
    width_mm: float | None
    height_mm: float | None
    crop_box: list[int] = Field(min_length=4, max_length=4)
    die_group: int | None = Field(None, description="Numbers the dies of the document from 1; 0 where it is unknown.")
    vector: list[float] | None = Field(None, description="Of length 1.")
    mask_png: str | None = Field(None, description="Base64.")
    crop_png: str | None = Field(None, description="Base64.")
    text: Text | None = Field(None, description="What it says, where that was asked for.")
    unrolled: list[StripAnswer] | None = None
    transparent_png: str | None = Field(None, description="Base64; its ink alone, on nothing.")
    ink_png: str | None = Field(None, description="Base64; its ink alone, on white.")


class Page(BaseModel):
    """A page, or the error that it ended in."""

    page: int = Field(description="From 0.")
    label: str | None
    width: int
    height: int
    resolution: list[float] | None = Field(description="Pixels an inch, across and down.")
    warnings: list[str]
    stamps: list[StampAnswer]
    error: Problem | None
    erased_png: str | None = Field(None, description="The page without its stamps, base64.")


class Milliseconds(BaseModel):
    """Where the time went; stages overlap."""

    decode: float
    detect: float
    segment: float
    embed: float
    compare: float
    read: float
    erase: float
    total: float


class AnalyzedDocument(BaseModel):
    """What is on a document, or, of several, the problem that it ended in."""

    file: str
    problem: Problem | None = None
    page_count: int | None = None
    warnings: list[str] | None = None
    pages: list[Page] | None = None
    die_groups: list[int] | None = Field(
        None, description="Of all stamps through the pages in order, where pages came before their document."
    )
    similarity: list[list[float]] | None = Field(None, description="Cosine similarity of every two stamps.")
    probability: list[list[float]] | None = Field(None, description="That two are of one die.")
    prior: float | None = None
    models: list[str] | None = None
    milliseconds: Milliseconds | None = None


class Analyzed(BaseModel):
    """One entry a document, in the order sent."""

    documents: list[AnalyzedDocument]


class JobStatus(BaseModel):
    """How far a job is."""

    id: str
    file: str
    state: State
    pages_done: int
    page_count: int | None = Field(description="Of the pages that were asked for; null until it is known.")
    problem: Problem | None = Field(description="What a failed job ended in.")
    expires_s: float | None = Field(description="Seconds until it is forgotten; null while it is not over.")


class OverlayAnswer(BaseModel):
    """Two inks in one frame, the second registered onto the first: grey PNG in base64."""

    a_ink_png: str = Field(description="255 is ink.")
    b_ink_png: str
    agrees_png: str = Field(description="How surely both show the same, a pixel for 4 by 4 of the ink.")
    contradicts_png: str = Field(description="How surely one die cannot have made both, likewise.")


class CompareAnswer(BaseModel):
    """How alike two stamps are."""

    verdict: Verdict
    reason: str
    similarity: float
    probability: float | None
    prior: float
    model: str
    correlation: float | None = Field(description="Of all their ink; null where ink was not compared.")
    missing_ink: float | None = Field(description="The share of the first one's ink that the second lacks.")
    added_ink: float | None = Field(description="The share of the second one's ink that the first lacks.")
    mirrored: bool | None = Field(description="Whether the second was turned over to fit.")
    overlay: OverlayAnswer | None = Field(None, description="Where it was asked for, and ink was compared.")


class Model(BaseModel):
    """A model behind the gateway."""

    name: str
    version: str
    task: Task | None
    presets: list[Preset]
    architecture: str
    input_height: int
    input_width: int
    vector_size: int
    parameters: int
    sha256: str
    threshold: float = Field(description="Of a detector: the score below which stamps are left out by default.")


class Models(BaseModel):
    """All models behind the gateway."""

    models: list[Model]


def page_json(answer: PageAnswer) -> dict[str, Any]:
    """A Page."""
    page = answer.page
    row = page_row(page)
    rows: Any = row["stamps"]
    for stamp, stamp_row, pngs in zip(page.stamps, rows, answer.pngs, strict=True):
        stamp_row |= _added(stamp, pngs)
    if answer.erased_png:
        row["erased_png"] = base64.b64encode(answer.erased_png).decode()
    return {**row, "error": None if page.error is None else problem(page.error).model_dump()}


def streamed_page_json(answer: PageAnswer) -> dict[str, Any]:
    """A Page that is answered before its document is known, and with it the dies: those come with the rest."""
    row = page_json(answer)
    for stamp_row in row["stamps"]:
        stamp_row.pop("die_group", None)
    return row


def document_json(file: str, answer: DocumentAnswer) -> dict[str, Any]:
    """An AnalyzedDocument, with its pages where they have not been answered before."""
    result = answer.result
    row: dict[str, Any] = {"file": file, "page_count": result.page_count, "warnings": list(result.warnings)}
    if answer.pages:
        row["pages"] = [page_json(page) for page in answer.pages]
    else:
        row["die_groups"] = list(answer.die_groups)
    return row | {
        "similarity": result.similarity.astype(float).round(6).tolist(),
        "probability": None if result.probability is None else result.probability.astype(float).round(6).tolist(),
        "prior": result.prior,
        "models": [model.reference for model in result.models],
        "milliseconds": {stage: round(getattr(result.timing, f"{stage}_ms"), 1) for stage in _STAGES},
    }


def failed_json(file: str, error: BaseException) -> dict[str, Any]:
    """An AnalyzedDocument that could not be."""
    return {"file": file, "problem": problem(error).model_dump()}


def comparison_json(found: Comparison, *, include_overlay: bool) -> dict[str, Any]:
    """A CompareAnswer."""
    overlay = found.overlay
    row = {
        "verdict": found.verdict,
        "reason": found.reason,
        "similarity": rounded(found.similarity, 6),
        "probability": None if found.probability is None else rounded(found.probability, 6),
        "prior": found.prior,
        "model": f"{found.model}@{found.version}",
        "correlation": None if overlay is None else rounded(overlay.correlation, 6),
        "missing_ink": None if overlay is None else rounded(overlay.missing_ink, 6),
        "added_ink": None if overlay is None else rounded(overlay.added_ink, 6),
        "mirrored": None if overlay is None else overlay.mirrored,
    }
    if include_overlay:
        row["overlay"] = (
            None
            if overlay is None
            else {f"{name}_png": _base64(encode_png(getattr(overlay, name))) for name in _PLANES}
        )
    return row


def models_json(models: Sequence[ModelInfo]) -> dict[str, Any]:
    """Models."""
    rows = [{name: getattr(info, name) for name in Model.model_fields} for info in models]
    for info, row in zip(models, rows, strict=True):
        row["threshold"] = threshold_of(info, measured_with(info, models))
    return {"models": rows}


def _added(stamp: Stamp, pngs: StampPngs) -> dict[str, Any]:
    row: dict[str, Any] = {"crop_box": list(stamp.crop_box)}
    if stamp.vector is not None:
        row |= {"die_group": stamp.die_group, "vector": [round(number, 6) for number in stamp.vector.tolist()]}
    if stamp.mask is not None:
        row["mask_png"] = _base64(encode_png(stamp.mask))
    for name, png in (("crop_png", pngs.crop), ("transparent_png", pngs.transparent), ("ink_png", pngs.ink)):
        if png:
            row[name] = _base64(png)
    if pngs.unrolled:
        row["unrolled"] = [
            {"pixels_png": _base64(strip.pixels), "ink_png": _base64(strip.ink), **place_row(strip.place)}
            for strip in pngs.unrolled
        ]
    return row


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
