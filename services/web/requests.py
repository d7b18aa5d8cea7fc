"""What callers may ask, as forms and as JSON."""

import base64
import binascii
import re
from dataclasses import replace
from typing import Annotated, Any, Self

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, FiniteFloat, WithJsonSchema, model_validator

from services.web.bodies import MAX_FILES
from stamp2vec.document import EraseOptions
from stamp2vec.document.options import Options
from stamp2vec.limits import LOOSEST_MAX_OVERLAP, MAX_PASSWORD_CHARS, MAX_SIDE_PX, MAX_STAMPS, MAX_VECTOR_SIZE
from stamp2vec.values import Embedding, InkColour, Preset, StampPlace, StampType

_MAX_NAME_CHARS = 1000


def _decoded(value: Any) -> Any:
    if not isinstance(value, str):
        return value  # of a form
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"no base64 ({error}): encode the bytes of the file") from None


Base64 = Annotated[
    bytes,
    BeforeValidator(_decoded),
    WithJsonSchema({"type": "string", "contentEncoding": "base64", "description": "The bytes of a file."}),
]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class FindOptions(_Request):
    """What is asked of a document; each field is as in the gRPC contract."""

    preset: Preset = Field(Preset.FAST, description="Speed or accuracy.")
    min_score: FiniteFloat | None = Field(
        None, ge=0, le=1, description="Leave out stamps that score less; by default the detector's own threshold."
    )
    max_overlap: FiniteFloat | None = Field(
        None, ge=0, le=LOOSEST_MAX_OVERLAP, description="How far two stamps may overlap; by default 0.5."
    )
    pages: str = Field("", max_length=100_000, description="Counted from 1, such as 1-3,7; all where it is empty.")
    password: str | None = Field(None, max_length=MAX_PASSWORD_CHARS, description="Opens a PDF that asks for one.")

    def options(self) -> Options:
        """For the gateway."""
        return Options(
            min_score=self.min_score,
            max_overlap=self.max_overlap,
            include_vectors=False,
            pages=self.pages,
            password=self.password,
        )


class ReadOptions(FindOptions):
    """What is asked of a document; each field is as in the gRPC contract."""

    def options(self) -> Options:
        """For the gateway."""
        return replace(super().options(), include_text=True)


class AnalyzeOptions(FindOptions):
    """What is asked of a document; each field is as in the gRPC contract."""

    include_vectors: bool = Field(True, description="Answer vectors, similarities, probabilities and dies.")
    include_masks: bool = Field(False, description="Answer the ink of each stamp as a grey PNG, 255 is ink.")
    include_crops: bool = Field(False, description="Answer the picture of each stamp as a PNG.")
    include_text: bool = Field(False, description="Answer what each stamp says; 400 where no reader is deployed.")
    include_unrolled: bool = Field(False, description="Answer the text of each stamp in straight strips, as PNGs.")
    include_clean_stamps: bool = Field(
        False, description="Answer the ink of each stamp alone as PNGs, on transparency and on white."
    )
    include_erased_page: bool = Field(False, description="Answer each page without its stamps as a PNG.")
    prior: FiniteFloat | None = Field(
        None, gt=0, lt=1, description="The share of pairs of one die among look-alikes; by default 0.5."
    )

    def options(self) -> Options:
        """For the gateway."""
        return Options(
            min_score=self.min_score,
            max_overlap=self.max_overlap,
            include_vectors=self.include_vectors,
            include_masks=self.include_masks,
            include_crops=self.include_crops,
            include_text=self.include_text,
            include_unrolled=self.include_unrolled,
            include_clean_stamps=self.include_clean_stamps,
            include_erased_page=self.include_erased_page,
            prior=self.prior,
            pages=self.pages,
            password=self.password,
        )


class Document(_Request):
    """A file: PDF, TIFF, JPEG, PNG, WebP, BMP or JPEG 2000."""

    file: str = Field("document", max_length=_MAX_NAME_CHARS, description="Comes back with the answer.")
    content: Base64


def _parts(value: Any) -> Any:
    """A field of a form holds a list with commas."""
    return [part for part in value.split(",") if part] if isinstance(value, str) else value


_Place = Annotated[str, Field(pattern=r"^#?page=[1-9][0-9]{0,8}&stamp=[1-9][0-9]{0,8}$")]
_DieNumber = Annotated[int, Field(ge=1, le=MAX_STAMPS)]


class EraseFields(FindOptions):
    """Which stamps are erased: of these types, inks and dies, each any where it is empty, but for those to keep."""

    types: Annotated[list[StampType], BeforeValidator(_parts)] = Field([], description="The outlines of their dies.")
    inks: Annotated[list[InkColour], BeforeValidator(_parts)] = Field([], description="As the page shows them.")
    dies: Annotated[list[_DieNumber], BeforeValidator(_parts)] = Field(
        [], max_length=MAX_STAMPS, description="The die_group that an analysis with the same options gives them."
    )
    keep: Annotated[list[_Place], BeforeValidator(_parts)] = Field(
        [],
        max_length=MAX_STAMPS,
        description="Stamps that stay, from 1 in the order of an analysis with the same options.",
        examples=[["page=3&stamp=2"]],
    )

    def erase_options(self) -> EraseOptions:
        """For the gateway."""
        places = [re.findall(r"\d+", place) for place in self.keep]
        return EraseOptions(
            types=tuple(self.types),
            inks=tuple(self.inks),
            dies=tuple(self.dies),
            keep=tuple(StampPlace(int(page), int(stamp)) for page, stamp in places),
            min_score=self.min_score,
            max_overlap=self.max_overlap,
            pages=self.pages,
            password=self.password,
        )


class EraseRequest(EraseFields):
    """A document whose stamps to erase."""

    document: Document


Documents = Annotated[list[Document], Field(min_length=1, max_length=MAX_FILES)]


class FindRequest(FindOptions):
    """Documents whose stamps to find."""

    documents: Documents


class ReadRequest(ReadOptions):
    """Documents whose stamps to read."""

    documents: Documents


class AnalyzeRequest(AnalyzeOptions):
    """Documents to analyse."""

    documents: Documents


class JobRequest(AnalyzeOptions):
    """A document to analyse in the background."""

    document: Document


class PagesOptions(_Request):
    """Which pages of a document are drawn, and how large."""

    pages: str = Field("", max_length=100_000, description="Counted from 1, such as 1-3,7; all where it is empty.")
    password: str | None = Field(None, max_length=MAX_PASSWORD_CHARS, description="Opens a PDF that asks for one.")
    max_side: int = Field(
        1600, ge=64, le=MAX_SIDE_PX, description="Pixels of the longer side; larger ones are reduced."
    )


class PagesRequest(PagesOptions):
    """A document whose pages to draw."""

    document: Document


class Comparand(_Request):
    """One side of a comparison: a cropped stamp, or a vector of an earlier answer with its model."""

    image: Base64 | None = None
    vector: list[FiniteFloat] | None = Field(None, min_length=1, max_length=MAX_VECTOR_SIZE)
    model: str | None = Field(None, pattern=r"^[a-z0-9-]{1,64}@[0-9A-Za-z.-]{1,64}$", examples=["tvae@1.5.0"])

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if (self.image is None) == (self.vector is None) or (self.vector is None) != (self.model is None):
            raise ValueError("send an image, or a vector with its model")
        return self

    def stamp(self) -> bytes | Embedding:
        """For the gateway."""
        if self.vector is None or self.model is None:
            return self.image or b""
        name, _, version = self.model.partition("@")
        with np.errstate(over="ignore"):  # it becomes infinite, which the gateway refuses
            return Embedding(np.array(self.vector, np.float32), name, version)


class CompareOptions(_Request):
    """How two stamps are compared."""

    preset: Preset | None = Field(None, description="By default the model of a vector, else the fast one.")
    by_vectors: bool = Field(False, description="Do not compare their ink: the verdict is `same layout` at most.")
    prior: FiniteFloat | None = Field(None, gt=0, lt=1, description="The share of pairs of one die; by default 0.5.")
    include_overlay: bool = Field(False, description="Answer both inks laid over each other, and what each place says.")


class CompareRequest(CompareOptions):
    """Two stamps."""

    a: Comparand
    b: Comparand
