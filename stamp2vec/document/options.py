"""What is asked of a document."""

from dataclasses import dataclass, field
from typing import TypedDict

from stamp2vec.comparison import prior_fault
from stamp2vec.detection.options import faults
from stamp2vec.errors import InvalidCall, InvalidInput
from stamp2vec.limits import DEFAULT_MAX_OVERLAP, DEFAULT_PRIOR, MAX_INK_STAMPS, MAX_PASSWORD_CHARS, MAX_STAMPS


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What of a document is found and answered; what is not included is not computed.

    `min_score`, 0 to 1, is by default the detector's own threshold; `max_overlap`, 0 to 0.9 and by default 0.5, is how
    far two stamps may overlap, as intersection over union. `pages`, counted from 1, are for example "1-3,7"; all where
    it is empty. `password` opens a PDF that asks for one. Without vectors there are no similarities, no
    probabilities and no dies. `include_unrolled` asks for the text of each stamp in straight strips,
    `include_clean_stamps` for its ink alone, on transparency and on white. `prior`, above 0, below 1 and by default
    0.5, is the share of pairs of one die among the pairs of stamps that look alike.
    """

    min_score: float | None = None
    max_overlap: float | None = None
    include_vectors: bool = True
    include_masks: bool = False
    include_crops: bool = False
    include_text: bool = False
    include_unrolled: bool = False
    include_clean_stamps: bool = False
    include_erased_page: bool = False
    prior: float | None = None
    pages: str = ""
    password: str | None = field(default=None, repr=False)

    def faults(self) -> list[InvalidInput]:
        """What is wrong with them, an error a field."""
        found = [*faults(self.min_score, self.max_overlap), *filter(None, [prior_fault(self.prior)])]
        if self.password is not None and len(self.password) > MAX_PASSWORD_CHARS:
            text = f"the password has {len(self.password):,} characters: send at most {MAX_PASSWORD_CHARS:,}"
            found.append(InvalidInput(text, "password"))
        return found

    def check(self) -> None:
        """InvalidCall, naming every field at fault, when something is wrong with them."""
        if found := self.faults():
            raise InvalidCall(found)

    @property
    def needs_masks(self) -> bool:
        """Whether stamps are segmented, for their masks or for what is made of them."""
        made = self.include_unrolled or self.include_clean_stamps or self.include_text or self.include_erased_page
        return self.include_masks or made

    @property
    def overlap(self) -> float:
        """How far two stamps may overlap."""
        return DEFAULT_MAX_OVERLAP if self.max_overlap is None else self.max_overlap

    @property
    def known_prior(self) -> float:
        """The prior that probabilities assume."""
        return DEFAULT_PRIOR if self.prior is None else self.prior

    def keeps_picture(self, stamps_before: int) -> bool:
        """Whether the ink of a stamp may be compared, which so many stamps of the document were found before."""
        return self.include_vectors and stamps_before < MAX_INK_STAMPS


class PageOptions(TypedDict, total=False):
    """The keyword arguments of what gives the pages of a document one by one: those of Options, but for its dies."""

    min_score: float | None
    max_overlap: float | None
    include_vectors: bool
    include_masks: bool
    include_crops: bool
    include_text: bool
    include_unrolled: bool
    include_clean_stamps: bool
    include_erased_page: bool
    pages: str
    password: str | None


class DocumentOptions(PageOptions, total=False):
    """The keyword arguments of what analyses a document: those of Options."""

    prior: float | None


def check_stamp_count(stamps: int, options: Options) -> None:
    """InvalidInput when a document has too many stamps for every two of them to be compared."""
    if options.include_vectors and stamps > MAX_STAMPS:
        advice = "raise min_score, or send fewer pages a call"
        raise InvalidInput(f"the document has more than {MAX_STAMPS:,} stamps: {advice}", "min_score")
