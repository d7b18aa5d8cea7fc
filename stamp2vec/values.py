"""The values that the library takes and gives: the same from the pipelines of this process and from a gateway."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from stamp2vec.errors import Stamp2vecError

_MODEL_NAME = re.compile(r"[a-z0-9-]{1,64}")
MAX_LOG_ODDS = float(np.log(999))  # of a probability: a few hundred pairs show no more


class Task(StrEnum):
    """What a model does."""

    DETECT = "detect"
    SEGMENT = "segment"
    EMBED = "embed"


class Preset(StrEnum):
    """A trade of speed for accuracy."""

    FAST = "fast"
    ACCURATE = "accurate"


class Views(StrEnum):
    """What of a page a detector gets: the whole page, or the whole page and tiles of it."""

    WHOLE = "whole"
    WHOLE_AND_TILES = "whole+tiles"


class StampType(StrEnum):
    """The outline of a die, in the order of a detector's type logits."""

    ROUND = "round"
    OVAL = "oval"
    RECTANGLE = "rectangle"
    TRIANGLE = "triangle"
    WORD = "word"
    OTHER = "other"


class InkColour(StrEnum):
    """The colour of ink as a picture shows it."""

    BLACK = "black"
    BLUE = "blue"
    VIOLET = "violet"
    RED = "red"
    GREEN = "green"
    GREY = "grey"


class Verdict(StrEnum):
    """Whether two stamps are of one die."""

    SAME = "same"
    DIFFERENT = "different"
    CANNOT_TELL = "cannot tell"


@dataclass(frozen=True, slots=True)
class Detection:
    """One stamp.

    `box` is x1, y1, x2, y2 in pixels of the picture, half-open; `score` is 0 to 1; `angle_degrees` is the clockwise
    rotation from upright, above -180 and up to 180; `ink_colour` is None when it cannot be determined.
    """

    box: tuple[float, float, float, float]
    score: float
    type: StampType
    angle_degrees: float
    ink_colour: InkColour | None


@dataclass(frozen=True, slots=True)
class Embedding:
    """A vector, float32 (D,) of length 1, and the model that made it."""

    vector: np.ndarray
    model: str
    version: str

    @property
    def reference(self) -> str:
        """The name that selects exactly its model, for example `tvae@1.5.0`."""
        return f"{self.model}@{self.version}"


@dataclass(frozen=True, slots=True)
class Stamp:
    """One stamp on a page: a Detection, and what the other models add to it.

    `box` and `crop_box` are x1, y1, x2, y2 in pixels of the page, half-open; `crop_box` is the box and a margin, in
    whole pixels: the part that was segmented and embedded. `vector` is float32 (D,) of length 1, `mask` uint8 (h, w)
    and `crop` uint8 (h, w, 3) of the crop box's size; each is None unless it was asked for. `die_group` numbers the
    dies of the document from 1, and is 0 where the die cannot be determined.
    """

    box: tuple[float, float, float, float]
    score: float
    type: StampType
    angle_degrees: float
    ink_colour: InkColour | None
    crop_box: tuple[int, int, int, int]
    vector: np.ndarray | None
    mask: np.ndarray | None
    crop: np.ndarray | None
    die_group: int = 0


@dataclass(frozen=True, slots=True)
class PageResult:
    """One page, its sides in pixels as a person sees it, its stamps best first; or the error that it ended in."""

    index: int
    height: int
    width: int
    stamps: tuple[Stamp, ...]
    error: Stamp2vecError | None


@dataclass(frozen=True, slots=True)
class Measures:
    """What is measured on two impressions that lie over each other, the second registered onto the first.

    `correlation` of all their ink, -1 to 1; `missing_ink`, the share of the first one's ink that the second lacks, and
    `added_ink`, the share of the second one's that the first lacks, 0 to 1; `local_correlation` of the ink around the
    places that agree least, -1 to 1.
    """

    correlation: float
    missing_ink: float
    added_ink: float
    local_correlation: float


@dataclass(frozen=True, slots=True)
class SecondLook:
    """The weights of similarity and measures: the log-odds that one die made both are `intercept` and, of each value,
    so much times it.

    `least_change` goes with the smaller of missing and added ink: impressions of one die may lose much on one side.
    Measured with the masks of `segmenter`, a model's name, and for the shares of pairs that the Verification assumes.
    ValueError when a value cannot be right.
    """

    segmenter: str
    intercept: float
    similarity: float
    correlation: float
    least_change: float
    local_correlation: float

    def __post_init__(self) -> None:
        """A name and not an address: the caller loads the segmenter by it."""
        if not _MODEL_NAME.fullmatch(self.segmenter):
            raise ValueError("segmenter must be a model's name")
        if not np.isfinite(self.weights).all():
            raise ValueError("weights must be finite numbers")

    @property
    def weights(self) -> np.ndarray:
        """float64 (5,): of what `evidence` makes, in its order, and the intercept."""
        return np.array(
            [
                self.similarity,
                self.correlation,
                self.least_change,
                self.local_correlation,
                self.intercept,
            ]
        )

    def probability(self, similarity: float, measures: Measures) -> float:
        """Of one die having made both, 0.001 to 0.999: a few hundred pairs show no more."""
        log_odds = float(self.weights @ [*evidence(similarity, measures), 1.0])
        return float(1 / (1 + np.exp(-np.clip(log_odds, -MAX_LOG_ODDS, MAX_LOG_ODDS))))


def evidence(similarity: float, measures: Measures) -> tuple[float, float, float, float]:
    """The four numbers that a second look weighs."""
    least_change = min(measures.missing_ink, measures.added_ink)
    return similarity, measures.correlation, least_change, measures.local_correlation


@dataclass(frozen=True, slots=True)
class Verification:
    """What the similarities of one embedder mean, as `training.embedder.calibrate` measured it on held-out dies.

    `curve` has points (cosine similarity, probability), both rising; between them lie straight lines, beyond them it
    is level. The probability assumes that the share `genuine_share` of all pairs is of one die, and that the share
    `sibling_share` of the others are look-alikes: dies of one layout with another name or number. `far_thresholds`
    maps a false-accept rate, as text, to the similarity that so few of those others reach. `second_look` is None where
    none was measured. ValueError when a value cannot be right.
    """

    curve: tuple[tuple[float, float], ...]
    genuine_share: float
    sibling_share: float
    far_thresholds: Mapping[str, float]
    second_look: SecondLook | None = None

    def __post_init__(self) -> None:
        """A curve that falls would call the less alike the more probable."""
        points = np.array(self.curve, float).reshape(-1, 2)
        if len(points) < 2 or not np.isfinite(points).all():
            raise ValueError("curve must have two points or more, of finite numbers")
        if (np.diff(points[:, 0]) <= 0).any() or (np.diff(points[:, 1]) < 0).any():
            raise ValueError("curve must rise from point to point")
        if abs(points[:, 0]).max() > 1 or points[0, 1] < 0 or points[-1, 1] > 1:
            raise ValueError("curve must hold similarities of -1 to 1 and probabilities of 0 to 1")
        if not 0 < self.genuine_share < 1:
            raise ValueError("genuine_share must be above 0 and below 1")
        if not 0 <= self.sibling_share <= 1:
            raise ValueError("sibling_share must be 0 to 1")
        for rate, similarity in self.far_thresholds.items():
            if not (_is_rate(rate) and -1 <= similarity <= 1):
                raise ValueError("far_thresholds must map rates, such as 0.01, to similarities of -1 to 1")

    def probability(self, similarity: np.ndarray) -> np.ndarray:
        """Cosine similarities of any shape -> float32 probabilities of the same shape."""
        points = np.array(self.curve)
        return np.asarray(np.interp(similarity, points[:, 0], points[:, 1]), np.float32)


def _is_rate(text: str) -> bool:
    try:
        return 0 < float(text) < 1
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model that answers: the part of its Manifest that callers see.

    `task` is None when a gateway newer than this code names one that it does not know; such presets are left out.
    """

    name: str
    version: str
    task: Task | None
    presets: tuple[Preset, ...]
    architecture: str
    input_height: int
    input_width: int
    vector_size: int
    parameters: int
    sha256: str
    threshold: float
    views: Views = Views.WHOLE
    verification: Verification | None = None

    @property
    def reference(self) -> str:
        """The name that selects exactly this model, for example `yolo-stamp@1.0.0`."""
        return f"{self.name}@{self.version}"

    @property
    def input_size(self) -> tuple[int, int]:
        """Rows and columns of its input."""
        return self.input_height, self.input_width


@dataclass(frozen=True, slots=True)
class Timing:
    """Where the time of a document went, in milliseconds. A gateway's stages overlap."""

    decode_ms: float
    detect_ms: float
    segment_ms: float
    embed_ms: float
    total_ms: float


@dataclass(frozen=True, slots=True)
class DocumentResult:
    """What is on a document.

    `similarity` is float32 (N, N), the cosine similarity of every two of its N stamps, counted through the pages in
    order; (0, 0) when vectors were not asked for. `probability` is float32 (N, N), the probability that two stamps are
    of one die; None when vectors were not asked for, or when the embedder has no verification. `models` are the
    detector, the embedder and the segmenter, as far as each was needed. `request_id` names the call in the logs of
    every service; it is empty when there was no service.
    """

    pages: tuple[PageResult, ...]
    similarity: np.ndarray
    probability: np.ndarray | None
    models: tuple[ModelInfo, ...]
    timing: Timing
    request_id: str


@dataclass(frozen=True, slots=True, eq=False)
class Overlay:
    """The ink of two stamps in one frame, uint8 (160, 160), 255 is ink, the second registered onto the first."""

    a_ink: np.ndarray
    b_ink: np.ndarray
    measures: Measures


@dataclass(frozen=True, slots=True)
class Comparison:
    """How alike two stamps are: cosine `similarity`, -1 to 1, of vectors of this model and version.

    `probability`, 0 to 1, is that of one die having made both, and None where the model has no verification; `verdict`
    follows from it, and `reason` says why it is CANNOT_TELL. `overlay` is there after a thorough comparison.
    """

    similarity: float
    model: str
    version: str
    probability: float | None
    verdict: Verdict
    reason: str
    overlay: Overlay | None = None
