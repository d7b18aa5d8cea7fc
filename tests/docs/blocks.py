"""The commands and snippets of README and docs/, as a reader would copy them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import ROOT

PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))

_FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block, and the line of the page that it begins on."""

    page: Path
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(*languages: str) -> list[Block]:
    """Those of all pages in these languages, in order."""
    return [block for page in PAGES for block in _of(page) if block.language in languages]


def inline() -> set[str]:
    """What stands between single backticks."""
    return {code for page in PAGES for code in _INLINE.findall(_FENCED.sub("", page.read_text()))}


def commands(block: Block) -> list[str]:
    """Its commands, each with the lines that go on with it."""
    found: list[str] = []
    for line in block.text.splitlines():
        if found and (found[-1].endswith("\\") or line.lstrip().startswith("|")):
            found[-1] += f"\n{line}"
        elif line.strip():
            found.append(line)
    return found


def _of(page: Path) -> Iterator[Block]:
    text = page.read_text()
    for match in _FENCED.finditer(text):
        yield Block(page, text.count("\n", 0, match.start()) + 1, match[1], match[2])
