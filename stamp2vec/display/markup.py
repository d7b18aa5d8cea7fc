"""Pieces of HTML. Colours are translucent, or the reader's own, so that they are read on light and on dark ground."""

import base64
import html
import io
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

LINE = "1px solid rgba(128,128,128,.5)"
GREEN = (0, 150, 80)
_MOST_LETTERS = 300
_CELL = f"padding:2px 8px;border:{LINE};text-align:left;background:none;color:inherit"


def text(value: object) -> str:
    """Text that may come from a file: cut, escaped, and without a say in the direction of what is around it."""
    written = str(value).encode("utf-8", "replace").decode()
    if len(written) > _MOST_LETTERS:
        written = f"{written[:_MOST_LETTERS]}..."
    return f"<bdi>{html.escape(written)}</bdi>"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Cells are HTML. Without a head, the first column names what is in the second."""
    lines = [_row(map(_heading, head))] if head else []
    lines += (_row([_heading(row[0]), *map(_cell, row[1:])]) for row in rows)
    return f'<table style="border-collapse:collapse;margin:4px 0">{"".join(lines)}</table>'


def matrix(title: str, values: NDArray[np.floating], most: int) -> str:
    """Of the first `most` rows and columns of values (N, N), 0 to 1 or -1 to 1: the greener the greater."""
    shown = values[:most, :most].tolist()
    lines = [_row(map(_heading, ["", *range(1, len(shown) + 1)]))]
    lines += (_row([_heading(number), *map(_shaded, row)]) for number, row in enumerate(shown, 1))
    caption = f'<caption style="text-align:left;color:inherit">{title}{left_out(len(values), most)}</caption>'
    style = "border-collapse:collapse;margin:4px 16px 4px 0;display:inline-table"
    return f'<table style="{style}">{caption}{"".join(lines)}</table>'


def _row(cells: Iterable[str]) -> str:
    return f"<tr>{''.join(cells)}</tr>"


def _heading(content: object) -> str:
    return f'<th style="{_CELL};font-weight:bold">{content}</th>'


def _cell(content: str) -> str:
    return f'<td style="{_CELL}">{content}</td>'


def _shaded(value: float) -> str:
    shade = f"rgba({GREEN[0]},{GREEN[1]},{GREEN[2]},{0.7 * min(1.0, max(0.0, value)):.2f})"
    return f'<td style="{_CELL};text-align:right;background:{shade}">{value:.2f}</td>'


def left_out(count: int, most: int) -> str:
    """A remark where not all is shown."""
    return f" (the first {most:,} of {count:,})" if count > most else ""


def data_url(pixels: NDArray[np.uint8], most_px: int) -> str:
    """A picture, uint8 (H, W, 3), of at most so many pixels a side, in a URL."""
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg(pixels, most_px)).decode()}"


def jpeg(pixels: NDArray[np.uint8], most_px: int) -> bytes:
    """The same as a file."""
    image = Image.fromarray(np.asarray(pixels))
    image.thumbnail((most_px, most_px))
    file = io.BytesIO()
    image.save(file, "JPEG", quality=80, subsampling=0)  # ink is thin and coloured
    return file.getvalue()
