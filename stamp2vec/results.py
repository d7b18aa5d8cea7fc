"""What comes back from a document: the same values from the pipelines of this process and from a gateway."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from stamp2vec.errors import Stamp2vecError
from stamp2vec.manifest import Manifest, Preset, Task
from stamp2vec.verification import Measures, Verdict, Verification


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


@dataclass(frozen=True, slots=True)
class Detection:
    """One stamp.

    `box` is x1, y1, x2, y2 in pixels of the picture, half-open; `score` is 0 to 1; `angle_degrees` is the clockwise
    turn from upright, above -180 and up to 180; `ink_colour` is None when it cannot be told.
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


@dataclass(frozen=True, slots=True)
class Stamp:
    """One stamp on a page: what a Detection tells, and more.

    `box` and `crop_box` are x1, y1, x2, y2 in pixels of the page, half-open; `crop_box` is the box and a margin, in
    whole pixels: the part that was segmented and embedded. `vector` is float32 (D,) of length 1, `mask` uint8 (h, w)
    and `crop` uint8 (h, w, 3) of the crop box's size; each is None unless it was asked for. `die_group` numbers the
    dies of the document from 1, and is 0 where the die cannot be told.
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
class ModelInfo:
    """A model that answers: see Manifest for the meaning of each field.

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
    verification: Verification | None = None

    @classmethod
    def of(cls, manifest: Manifest) -> "ModelInfo":
        """The part of a manifest that callers see."""
        return cls(
            name=manifest.name,
            version=manifest.version,
            task=manifest.task,
            presets=manifest.presets,
            architecture=manifest.architecture,
            input_height=manifest.input_height,
            input_width=manifest.input_width,
            vector_size=manifest.vector_size,
            parameters=manifest.parameters,
            sha256=manifest.sha256,
            threshold=manifest.threshold,
            verification=manifest.verification,
        )


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
    order; (0, 0) when vectors were not asked for. `request_id` names the call in the logs of every service; it is
    empty when there was no service. `probability` is float32 (N, N), the probability that two stamps are of one die;
    None when vectors were not asked for, or when the embedder has no verification.
    """

    pages: tuple[PageResult, ...]
    similarity: np.ndarray
    models: tuple[ModelInfo, ...]
    timing: Timing
    request_id: str
    probability: np.ndarray | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Overlay:
    """The ink of two stamps in one frame, uint8 (160, 160), 255 is ink, the second turned and fitted onto the first."""

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
