"""The values that the library takes and gives: the same from the pipelines of this process and from a gateway."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from stamp2vec.calibration import PairCalibration, RefinementCalibration, Verification
from stamp2vec.display import comparison_html, document_html, page_html
from stamp2vec.errors import Stamp2vecError
from stamp2vec.strips import Strip
from stamp2vec.texts import StampText


class Task(StrEnum):
    """What a model does."""

    DETECT = "detect"
    SEGMENT = "segment"
    EMBED = "embed"
    VERIFY = "verify"
    READ = "read"
    REFINE = "refine"
    ERASE = "erase"


class Preset(StrEnum):
    """A trade of speed for accuracy."""

    FAST = "fast"
    ACCURATE = "accurate"


class Views(StrEnum):
    """What of a page a detector gets: the whole page, or that and tiles of it; of a long page, pieces in any case."""

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
    """Whether two stamps are of one die.

    SAME_LAYOUT is the most that vectors can say: look-alikes with another name or number have it too. MIRRORED is said
    where one is the mirror image of the other.
    """

    SAME = "same"
    DIFFERENT = "different"
    SAME_LAYOUT = "same layout"
    MIRRORED = "mirrored"
    CANNOT_TELL = "cannot tell"


class Source(StrEnum):
    """What of a page shows a stamp: the page itself, or something that a program has laid over it, which is no ink."""

    PAGE = "page"
    ANNOTATION = "annotation"
    SIGNATURE_FIELD = "signature field"


class Outcome(StrEnum):
    """What became of a stamp that may have been erased: PARTLY leaves some of its ink, KEPT all of it."""

    ERASED = "erased"
    PARTLY = "partly"
    KEPT = "kept"
    NOT_SELECTED = "not selected"


@dataclass(frozen=True, slots=True)
class Resolution:
    """Pixels an inch, along a row and along a column of a page as a person sees it."""

    x: float
    y: float


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
    whole pixels: the part that was segmented and embedded. `vector` is float32 (D,) of length 1, `mask` uint8 (h,
    w) and `crop` uint8 (h, w, 3), the part in square pixels; each is None unless it was asked for, and so is the
    stamp alone in the crop's pixels: `transparent`, uint8 (h, w, 4), its ink on nothing, and `ink`, uint8 (h, w,
    3), the same on white. `unrolled` is its text in straight strips: empty too where none could be made; `text` is
    what it says. `die_group` numbers the dies of the document from 1, and is 0 where the die cannot be determined.
    `box_points` is the box in the units of a PDF page, in which y runs up; None of other files. `width_mm` and
    `height_mm` are the box's sides on paper, None where the resolution is not known.
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
    source: Source = Source.PAGE
    box_points: tuple[float, float, float, float] | None = None
    width_mm: float | None = None
    height_mm: float | None = None
    unrolled: tuple[Strip, ...] = ()
    transparent: np.ndarray | None = None
    ink: np.ndarray | None = None
    text: StampText | None = None


@dataclass(frozen=True, slots=True)
class PageResult:
    """One page, its sides in pixels as a person sees it, its stamps best first; or the error that it ended in.

    `resolution` is of these pixels, None where the file does not say it; `label` is what a PDF calls the page.
    `warnings` say what of the page may be missing, each in a sentence with what to do. `erased` is the page without its
    stamps, uint8 (height, width, 3); None unless it was asked for.
    """

    index: int
    height: int
    width: int
    stamps: tuple[Stamp, ...]
    error: Stamp2vecError | None
    resolution: Resolution | None = None
    label: str = ""
    warnings: tuple[str, ...] = ()
    erased: np.ndarray | None = None

    def _repr_html_(self) -> str:
        return page_html(self)


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
    pair_calibration: PairCalibration | None = None
    refinement_calibrations: tuple[RefinementCalibration, ...] = ()

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
    compare_ms: float
    total_ms: float
    read_ms: float = 0.0
    erase_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class DocumentResult:
    """What is on a document.

    `similarity` is float32 (N, N), the cosine similarity of every two of its N stamps, counted through the pages in
    order; (0, 0) when vectors were not asked for. `probability` is float32 (N, N), the probability that two stamps are
    of one die where `prior` is the share of such pairs and the others share the layout: by their ink where it was
    compared, and by the vectors alone no more than `prior`; both are None when vectors were not asked for, or when the
    embedder has no verification. `models` are those of each task, as far as each was needed. `request_id` names the
    call in the logs of every service; it is empty when there was no service. `warnings` say what is wrong with the file
    as a whole; `page_count` counts its pages, also those that were not asked for.
    """

    pages: tuple[PageResult, ...]
    similarity: np.ndarray
    probability: np.ndarray | None
    prior: float | None
    models: tuple[ModelInfo, ...]
    timing: Timing
    request_id: str
    warnings: tuple[str, ...] = ()
    page_count: int = 0

    def _repr_html_(self) -> str:
        return document_html(self)


@dataclass(frozen=True, slots=True, order=True)
class StampPlace:
    """A stamp of a document: its page, and its number among the stamps of that page, best first; both from 1."""

    page: int
    stamp: int


@dataclass(frozen=True, slots=True)
class ErasedStamp:
    """A stamp of a page, as in Stamp, and what became of it: `left` is the share of its ink that is still there, and
    `reason` says why, and what to do; empty where none is, and of a stamp that was not selected.
    """

    box: tuple[float, float, float, float]
    score: float
    type: StampType
    ink_colour: InkColour | None
    source: Source
    die_group: int
    outcome: Outcome
    left: float
    reason: str


@dataclass(frozen=True, slots=True)
class ErasedPage:
    """A page, as in PageResult, and its stamps, best first; or the error for which it stayed as it was."""

    index: int
    height: int
    width: int
    stamps: tuple[ErasedStamp, ...]
    error: Stamp2vecError | None
    label: str = ""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ErasedDocument:
    """A file without stamps: its bytes `data` and their media type, for example "application/pdf".

    `pages` are those that were asked for. `warnings` say what is wrong with the file as a whole, and what the new one
    has or lacks other than the stamps. The others are as in DocumentResult.
    """

    data: bytes
    media_type: str
    pages: tuple[ErasedPage, ...]
    models: tuple[ModelInfo, ...]
    timing: Timing
    request_id: str
    warnings: tuple[str, ...]
    page_count: int


@dataclass(frozen=True, slots=True, eq=False)
class Overlay:
    """Two impressions in one frame, the second registered onto the first, and what each place of them says.

    `a_ink` and `b_ink` are uint8 (S, S), 255 is ink. `agrees` and `contradicts` are uint8 (S / 4, S / 4): how surely
    both show the same there, or something that one die cannot have made; neither where there is nothing to see.
    `correlation` is of all their ink, -1 to 1; `missing_ink` the share of the first one's ink that the second lacks,
    `added_ink` the share of the second one's that the first lacks, 0 to 1. `mirrored` says that the second was turned
    over to fit.
    """

    a_ink: np.ndarray
    b_ink: np.ndarray
    agrees: np.ndarray
    contradicts: np.ndarray
    correlation: float
    missing_ink: float
    added_ink: float
    mirrored: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """How alike two stamps are: cosine `similarity`, -1 to 1, of vectors of this model and version.

    `probability`, 0 to 1, is that of one die having made both, where `prior` is the share of pairs of one die among
    those that are asked about, and the others share the layout; it is None where nobody has measured it. `verdict`
    follows from it, and `reason` says why it is no more than it is; empty for SAME and DIFFERENT. `overlay` is there
    where the ink was compared.
    """

    similarity: float
    model: str
    version: str
    prior: float
    probability: float | None
    verdict: Verdict
    reason: str
    overlay: Overlay | None = None

    def _repr_html_(self) -> str:
        return comparison_html(self)
