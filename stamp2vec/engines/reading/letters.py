"""What an engine reads of a line."""

from dataclasses import dataclass

_CERTAIN = 4


@dataclass(frozen=True, slots=True)
class Letters:
    """A text, and how sure the engine is of each of its characters, 0 to 1: in its own measure, see confidence."""

    text: str
    scores: tuple[float, ...]

    @property
    def sure_letters(self) -> float:
        """How many it has, each by how sure it is: of junk, many letters are halfway sure and count for little."""
        return float(sum(score**_CERTAIN for score in self.scores)) if self.text.strip() else 0.0

    @property
    def mean_score(self) -> float:
        """Of its characters; 0 without any."""
        return sum(self.scores) / len(self.scores) if self.text.strip() else 0.0
